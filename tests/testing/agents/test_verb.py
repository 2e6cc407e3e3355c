"""`livegraph test`: what failed, what happened instead, in text, JSON and XML; and exit codes that can be relied on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.command import livegraph

AGENT = """\
version: 1
nodes:
  mic: {use: app_in, rate: 16kHz}
  out: {use: app_out, from: mic.audio}
tests:
"""

ECHO = """\
version: 1
pipeline: [webrtc_in, webrtc_out]
tests:
"""

MODEL = """\
version: 1
agent:
  instructions: Be brief.
  greeting: Good day!
  tools: [./tools.py]
tests:
"""

TOOLS = '''
import time


def get_weather(city: str) -> dict[str, int]:
    """Tell the weather.

    Args:
        city: a city.
    """
    return {"temp_c": 1}


def sleep(city: str = "") -> str:
    """Never wake up."""
    while True:
        time.sleep(0.05)
'''


def write(folder: Path, head: str, tests: str, name: str = "agent.yaml") -> Path:
    path = folder / name
    path.write_text(head + textwrap.indent(textwrap.dedent(tests).strip("\n"), "  ") + "\n", "utf-8")
    (folder / "tools.py").write_text(TOOLS, "utf-8")
    return path


FAILING = """
- name: it is quiet
  expect:
    - silence:
      for: 1s
- name: it sings
  feed:
    - play: a.wav
      at: 1s
      name: song
  expect:
    - sound:
      within: 200ms
      since: song
    - silence:
      within: 250ms
      since: song
"""


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Half a second of sound."""
    import numpy as np

    from support.speech import RATE, write_wav

    wave = np.sin(np.arange(RATE // 2) * 0.2) * 8_000
    write_wav(tmp_path / "a.wav", wave.astype(np.int16))
    return tmp_path


def test_a_failure_says_what_was_expected_and_what_happened(song: Path) -> None:
    """Its place, the expectation, the reason, and the moments around it, each with its time."""
    write(song, ECHO, FAILING)
    done = livegraph("test", "agent.yaml", cwd=song)
    assert (done.returncode, done.stderr) == (1, "")
    text = re.sub(r"in \d+\.\d s", "in N s", done.stdout)
    assert text == textwrap.dedent("""\
        agent.yaml
        ok    it is quiet  (1.4 s of call in N s)
        FAIL  it sings  (3.7 s of call in N s)
              agent.yaml:17:9:
              expected silence at webrtc_out within 250ms since song
              but it came too late, after 550ms (counted from 1.000 s)

                  1.000  test        play a.wav (song)
              +   1.050  webrtc_out  sound begins
              x   1.250  test        expected silence at webrtc_out within 250ms since song
                  1.500  test        song ends
                  1.550  webrtc_out  sound ends
                  3.700  call        the call ended: the test has failed


        1 passed, 1 failed in N s
        """)


def test_json_has_every_expectation_with_its_time(song: Path) -> None:
    """For programs: where, what, when; and the timeline of what failed."""
    write(song, ECHO, FAILING)
    done = livegraph("test", "agent.yaml", "--format", "json", cwd=song)
    assert done.returncode == 1
    data = json.loads(done.stdout)
    quiet, sings = data["tests"]
    assert data["ok"] is False
    assert (quiet["outcome"], sings["outcome"]) == ("passed", "failed")
    assert [one["outcome"] for one in sings["expectations"]] == ["met", "failed"]
    assert sings["expectations"][0]["at_ms"] == pytest.approx(1050, abs=1)
    assert (sings["line"], sings["column"]) == (17, 9)
    assert sings["timeline"][0] == {"at_ms": 1000.021, "who": "test", "what": "play a.wav (song)"}


def test_junit_xml_is_what_ci_reads(song: Path) -> None:
    """One suite a file, one case a test, counts that add up; failures have their reason and the timeline."""
    tests = FAILING + "- name: not yet\n  skip: the song is not written\n  expect: [interrupted]\n"
    write(song, ECHO, tests)
    done = livegraph("test", "agent.yaml", "--junit", "out.xml", cwd=song)
    assert done.returncode == 1
    root = ElementTree.parse(song / "out.xml").getroot()
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    cases = list(root.iter("testcase"))
    assert [case.get("name") for case in cases] == ["it is quiet", "it sings", "not yet"]
    assert all(case.get("classname") == "agent" and case.get("file") == "agent.yaml" for case in cases)
    failure = cases[1].find("failure")
    assert failure is not None and failure.text is not None
    assert "it came too late" in (failure.get("message") or "")
    assert "sound ends" in failure.text
    skipped = cases[2].find("skipped")
    assert skipped is not None and skipped.get("message") == "the song is not written"


def test_faults_are_told_before_anything_runs(tmp_path: Path) -> None:
    """Exit code 78, every fault with its line; the tests of other files run all the same."""
    write(tmp_path, ECHO, "- name: it\n  expect:\n    - interupted\n    - sound: nowhere\n")
    write(tmp_path, ECHO, "- name: fine\n  expect:\n    - silence:\n", "other.yaml")
    done = livegraph("test", "agent.yaml", "other.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert "agent.yaml:6:9: error LG504: `interupted` is nothing that happens in a call" in done.stderr
    assert "did you mean `interrupted`?" in done.stderr
    assert "agent.yaml:7:16: error LG507: there is no output `nowhere`" in done.stderr
    assert "ok    fine" in done.stdout and "1 passed" in done.stdout


def test_faults_of_the_agent_and_of_the_file_of_tests(tmp_path: Path) -> None:
    """Both are told, each in its own file; an agent that is not there has its nearest name."""
    (tmp_path / "agent.yaml").write_text("version: 1\npipeline: [webrtc_in, webrtc_owt]\n")
    (tmp_path / "agent_test.yaml").write_text(
        "version: 1\nagent: agent.yaml\ntests:\n  - name: it\n    expect: [interupted]\n"
    )
    done = livegraph("test", "agent.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert re.search(r"agent\.yaml:2:\d+: error LG110", done.stderr)
    assert "agent_test.yaml:5:14: error LG504" in done.stderr
    (tmp_path / "agent_test.yaml").write_text(
        "version: 1\nagent: agnt.yaml\ntests: [{name: it, expect: [interrupted]}]\n"
    )
    done = livegraph("test", "agent_test.yaml", cwd=tmp_path)
    assert "agent_test.yaml:2:8: error LG513" in done.stderr and "did you mean `agent.yaml`?" in done.stderr
    (tmp_path / "agent_test.yaml").write_text("version: 1\nagents: agent.yaml\n")
    done = livegraph("test", "agent_test.yaml", cwd=tmp_path)
    codes = re.findall(r"error (LG\d+)", done.stderr)
    assert sorted(codes) == ["LG101", "LG501", "LG513"]


def test_what_cannot_be_run_is_wrong_usage(tmp_path: Path) -> None:
    """No such file, no tests in it, no test of that name, no folder for the results: exit code 2 and what helps."""
    (tmp_path / "bare.yaml").write_text("version: 1\npipeline: [webrtc_in, webrtc_out]\n")
    write(tmp_path, ECHO, "- name: it\n  expect:\n    - silence:\n")
    for arguments, said in (
        (["nothing.yaml"], "there is no file nothing.yaml"),
        (["bare.yaml"], "bare_test.yaml"),
        (["agent.yaml", "-k", "other"], "there is: it"),
        (["agent.yaml", "--junit", "no/where.xml"], "there is no folder no"),
        (["receptionst"], "did you mean `receptionist`?"),
    ):
        done = livegraph("test", *arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        assert said in done.stderr


def test_a_call_that_fails_is_an_error(tmp_path: Path) -> None:
    """Whatever was expected: the reason is told, with what was logged."""
    (tmp_path / "box.py").write_text(
        "from livegraph.pipeline import AudioFrame, In, Out, Processor\n\n\n"
        "class Broken(Processor):\n"
        "    audio: In[AudioFrame] = In()\n"
        '    out: Out[AudioFrame] = Out(like="audio")\n\n'
        "    def on_audio(self, frame: AudioFrame) -> None:\n"
        '        raise ValueError("out of order")\n'
    )
    head = "version: 1\npipeline: [webrtc_in, './box.py:Broken', webrtc_out]\ntests:\n"
    write(tmp_path, head, "- name: it\n  expect:\n    - silence:\n      for: 1s\n")
    done = livegraph("test", "agent.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "ERROR it" in done.stdout
    assert "the call failed: broken: ValueError: out of order" in done.stdout
    assert "1 with errors" in done.stdout


def test_a_test_that_never_ends_ends(tmp_path: Path) -> None:
    """By its own clock after `timeout`; the others run."""
    tests = """
    - name: it waits for ever
      timeout: 5s
      feed:
        - say: never
          after: interrupted
      expect:
        - interrupted
    - name: it goes on
      expect:
        - silence:
    """
    pytest.importorskip("hibari")
    write(tmp_path, ECHO, tests)
    done = livegraph("test", "agent.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "the test was not over after 5s" in done.stdout
    assert "ok    it goes on" in done.stdout


def test_code_that_hangs_is_left_behind(tmp_path: Path) -> None:
    """A box that computes for ever ends neither the command nor the tests after it."""
    (tmp_path / "box.py").write_text(
        "import time\n\n"
        "from livegraph.pipeline import AudioFrame, In, Out, Processor\n\n\n"
        "class Stuck(Processor):\n"
        "    audio: In[AudioFrame] = In()\n"
        '    out: Out[AudioFrame] = Out(like="audio")\n\n'
        "    def on_audio(self, frame: AudioFrame) -> None:\n"
        "        while True:\n"
        "            time.sleep(0.01)\n"
    )
    head = "version: 1\npipeline: [webrtc_in, './box.py:Stuck', webrtc_out]\ntests:\n"
    write(tmp_path, head, "- name: it\n  expect:\n    - sound:\n")
    write(tmp_path, ECHO, "- name: fine\n  expect:\n    - silence:\n", "other.yaml")
    done = livegraph("test", "agent.yaml", "other.yaml", "--limit", "1", cwd=tmp_path, within_s=40)
    assert done.returncode == 1, done.stderr
    assert "given up after 1 s of real time" in done.stdout
    assert "ok    fine" in done.stdout
    assert "1 passed, 1 with errors" in done.stdout


def test_what_could_not_be_run_is_no_success(song: Path) -> None:
    """A test that needs an extra which is not there is skipped, told, and fails unless that is allowed."""
    write(song, ECHO, "- name: it hears\n  feed: [{say: hello}]\n  expect: [sound]\n")
    code = (
        "import sys\n"
        "from livegraph.testing.sounds import Speech\n"
        "Speech.missing_to_say = lambda self: 'needs the extra speech: pip install livegraph[speech]'\n"
        "from livegraph.cli import main\n"
        "main()\n"
    )
    for more, expected in (((), 1), (("--allow-missing",), 0)):
        command = [sys.executable, "-c", code, "test", "agent.yaml", *more]
        done = subprocess.run(command, cwd=song, capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stdout + done.stderr
        assert "1 of 1 tests could not be run" in done.stderr
        assert "pip install livegraph[speech]" in done.stderr

"""Calls under test: what is fed arrives, what is mocked answers, what is recorded is played, and sound is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from livegraph.pipeline.errors import ConfigError
from livegraph.pipeline.units import MS
from livegraph.testing import Entry, run_tests
from livegraph.testing.result import Result
from livegraph.testing.runner import Runner
from livegraph.testing.sound_log import SoundLog, audible
from livegraph.testing.suites import read_suite

MODEL = """\
version: 1
agent:
  instructions: Be brief.
  greeting: Good day!
  tools: [./tools.py]
tests:
"""
TOOLS = '''
def get_weather(city: str) -> dict[str, int]:
    """Tell the weather.

    Args:
        city: a city.
    """
    return {"temp_c": 1}
'''
BRAIN = """
    brain:
      rules:
        - hear: weather in {city}
          call: {tool: get_weather, args: {city: "{city}"}}
          say_result: "It is {result}."
          say_error: "Sorry, {error}."
"""


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment must change nothing; one that would be used would fail."""
    monkeypatch.setenv("GEMINI_API_KEY", "not-a-key-and-nobody-may-try")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "tools.py").write_text(TOOLS, "utf-8")
    yield tmp_path


def run(folder: Path, tests: str, head: str = MODEL) -> list[Result]:
    (folder / "agent.yaml").write_text(head + tests, "utf-8")
    return list(run_tests(folder / "agent.yaml"))


def passed(results: list[Result]) -> None:
    told = [
        (one.name, one.message, one.failure and (one.failure.expectation.text, one.failure.reason))
        for one in results
    ]
    assert all(one.outcome == "passed" for one in results), told


def test_typed_text_reaches_the_model_and_its_answer_comes_back(folder: Path) -> None:
    """Without a word of speech: what the inline rules say is done, line and column kept."""
    passed(run(folder, f"""
  - name: typed
    feed: [{{text: weather in Oslo, after: {{transcript: {{role: agent}}}}}}]
{BRAIN}
    expect:
      - transcript: {{role: agent, equals: Good day!}}
      - transcript: {{role: user, equals: weather in Oslo}}
      - tool_called: {{name: get_weather, args: {{equals: {{city: Oslo}}}}}}
      - tool_finished: {{name: get_weather, ok: true, result: {{temp_c: 1}}}}
      - frame: {{at: tool_router.results, type: tool_result, name: get_weather, failed: false}}
      - transcript: {{role: agent, contains: "It is"}}
"""))  # fmt: skip


def test_mocks_answer_in_turn_fail_wait_and_hang(folder: Path) -> None:
    """The model is told what a tool of that name would have told it; the router's deadline stays."""
    weather = "{text: weather in Oslo, after: {transcript: {role: agent}}, wait: 1s}"
    third = "{delay: 3s, returns: {temp_c: 5}}"
    passed(run(folder, f"""
  - name: mocked
    feed: [{weather}, {weather}, {weather}, {weather}]
    mock:
      tool_router.get_weather: [{{temp_c: 4}}, {{error: no idea}}, {third}, {{hang: true}}]
{BRAIN}
    expect:
      - tool_finished: {{ok: true, result: {{temp_c: 4}}, duration: {{below: 100ms}}}}
      - tool_finished: {{ok: false, result: {{error: no idea}}}}
      - transcript: {{role: agent, contains: "Sorry, no idea"}}
      - tool_called: get_weather
      - tool_finished: {{ok: true, result: {{temp_c: 5}}}}
        not_before: 3s
        within: 3.1s
      - tool_called: get_weather
      - tool_finished: {{ok: false, duration: {{above: 9s}}}}
"""))  # fmt: skip


def test_a_recording_answers_in_the_place_of_the_simulator(folder: Path) -> None:
    """What `--record` would write: the server's messages at their times, after what the client had to say first."""
    lines = [
        {"time": 0.0, "from": "client", "message": {"setup": {"model": "models/m"}}},
        {"time": 0.1, "from": "server", "message": {"setupComplete": {}}},
        {"time": 0.1, "from": "client", "message": {"clientContent": {"turnComplete": True}}},
        {
            "time": 0.6,
            "from": "server",
            "message": {"toolCall": {"functionCalls": [{"id": "1", "name": "get_weather", "args": {"city": "Rome"}}]}},
        },
        {"time": 0.7, "from": "client", "message": {"toolResponse": {"functionResponses": [{"id": "1"}]}}},
        {"time": 1.7, "from": "server", "message": {"serverContent": {"outputTranscription": {"text": "Warm."}}}},
        {"time": 1.7, "from": "server", "message": {"serverContent": {"turnComplete": True}}},
    ]  # fmt: skip
    (folder / "wire.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    passed(run(folder, """
  - name: recorded
    live: wire.jsonl
    mock: {get_weather: {delay: 2s, returns: {temp_c: 30}}}
    expect:
      - service_changed: connected
      - tool_called: {name: get_weather, args: {city: Rome}}
        not_before: 500ms
      - tool_finished: get_weather
        not_before: 2s
      - transcript: {role: agent, equals: Warm.}
        not_before: 1s # as much later than the result as then
        within: 1.1s
"""))  # fmt: skip


def test_what_was_recorded_plays_again(folder: Path) -> None:
    """`--record` and `live:` are two sides of one thing, sound included."""
    pytest.importorskip("hibari")
    typed = f"""
  - name: it was so
    feed: [{{text: weather in Oslo, after: {{transcript: {{role: agent}}}}}}]
{BRAIN}
    expect: [{{tool_finished: get_weather}}, {{transcript: {{role: agent, contains: "It is"}}}}]
"""
    (folder / "agent.yaml").write_text(MODEL + typed, "utf-8")
    (group,) = read_suite(folder / "agent.yaml").groups
    passed([Runner(record=folder).run(group, group.cases[0])])
    assert (folder / "agent-it-was-so" / "wire-001.jsonl").is_file()
    passed(run(folder, """
  - name: it is so
    live: agent-it-was-so/wire-001.jsonl
    feed: [{text: weather in Oslo, after: {transcript: {role: agent}}}]
    expect:
      - sound:
        for: 500ms
        within: 2s
      - transcript: {role: agent, equals: Good day!}
      - tool_called: {name: get_weather, args: {city: Oslo}}
      - sound:
      - transcript: {role: agent, contains: "It is"}
"""))  # fmt: skip


def test_a_recording_that_is_none_is_a_fault_of_the_file(folder: Path) -> None:
    """Its own line is told."""
    (folder / "wire.jsonl").write_text(
        '{"time": 0, "from": "server", "message": {"setupComplete": {}}}\nhello\n'
    )
    with pytest.raises(ConfigError) as caught:
        run(folder, "  - {name: it, live: wire.jsonl, expect: [interrupted]}\n")
    (problem,) = caught.value.problems
    assert problem.code == "LG512" and "(line 2)" in problem.message
    assert "agent.yaml:7:22: error LG512" in str(caught.value)


def test_faults_of_inline_rules_stand_in_their_line(folder: Path) -> None:
    """As if the rules were a file, but here."""
    with pytest.raises(ConfigError) as caught:
        run(folder, """
  - name: it
    brain:
      # what it says
      rules:
        - hear: hello
          sey: hi
    expect: [interrupted]
""")  # fmt: skip
    assert "agent.yaml:13:11: error LG161" in str(caught.value)


def test_a_lost_connection_and_one_that_is_closed(folder: Path) -> None:
    """`disconnect` as the network does it and as the server does it; the agent comes back both times."""
    passed(run(folder, """
  - name: lost
    feed:
      - {disconnect: true, after: {transcript: {role: agent}}}
      - {disconnect: {code: 1011, reason: Internal error}, wait: 3s}
    expect:
      - service_changed: lost
      - service_changed: resumed
        within: 2s
      - service_changed: {state: lost, detail: {contains: "1011"}}
        not_before: 1s
      - service_changed: resumed
        within: 2s
"""))  # fmt: skip


def test_a_scenario_plays_beside_the_rules(folder: Path) -> None:
    """What the server does of itself: a warning, a close, words at a moment; its faults stand in their line."""
    passed(run(folder, """
  - name: going away
    scenario:
      scenes:
        - when: {time: 4s, connection: 1}
          do: [{go_away: 1s}]
    feed: [{text: tell me a joke, at: 8s}]
    expect:
      - service_changed: going_away
        not_before: 3s
        within: 5s
      - service_changed: resumed
        within: 3s
      - transcript: {role: agent}
        not_before: 1s
"""))  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        run(folder, """
  - name: it
    scenario:
      scenes:
        - whn: {time: 4s}
    expect: [interrupted]
""")  # fmt: skip
    assert "agent.yaml:11:11: error LG161" in str(caught.value)


def test_frames_of_ones_own_can_be_fed_and_seen(folder: Path) -> None:
    """Into an input, past an output; users' own frames and events have names as ours do."""
    (folder / "box.py").write_text(
        "from livegraph.pipeline import AudioFrame, Event, Frame, In, Out, Processor\n\n\n"
        "class Keypress(Frame):\n    digit: str\n    held_ns: int = 0\n\n\n"
        "class Dialled(Event, frozen=True, kw_only=True):\n    number: str\n\n\n"
        "class Keypad(Processor):\n"
        "    keys: In[Keypress] = In(required=False)\n    audio: In[AudioFrame] = In()\n"
        "    out: Out[Keypress] = Out()\n    sound: Out[AudioFrame] = Out(like='audio')\n\n"
        "    def on_audio(self, frame: AudioFrame) -> AudioFrame:\n        return frame\n\n"
        "    def on_keys(self, frame: Keypress) -> None:\n"
        "        self.call.events.publish(Dialled(time_ns=self.call.clock.now_ns(), number=frame.digit))\n"
        "        self.out.emit(Keypress(digit=frame.digit * 2, held_ns=frame.held_ns, time_ns=frame.time_ns))\n"
    )
    head = "version: 1\nnodes:\n  mic: webrtc_in\n  pad: {use: './box.py:Keypad', from: mic.audio}\n"
    head += "  ear: {use: webrtc_out, from: pad.sound}\ntests:\n"
    results = run(folder, """
  - name: dialled
    feed:
      - {frame: {type: keypress, digit: '7', held: 80ms}, at: 1s}
    expect:
      - dialled: {number: '7'}
      - frame: {at: pad.out, type: keypress, digit: '77', held: {above: 50ms}, time: 1s}
      - frame: {at: ear, type: audio, duration: 20ms, channels: 1}
""", head)  # fmt: skip
    passed(results)


def test_what_plays_at_the_same_time_is_heard_at_the_same_time(folder: Path) -> None:
    """A second sound does not wait for the first, and what is too loud is clipped."""
    from support.speech import RATE, write_wav

    write_wav(folder / "tone.wav", (np.sin(np.arange(RATE) * 0.3) * 20_000).astype(np.int16))
    head = "version: 1\npipeline: [webrtc_in, webrtc_out]\ntests:\n"
    passed(run(folder, """
  - name: both
    feed:
      - {play: tone.wav, at: 1s, name: one}
      - {play: tone.wav, at: 1.5s, name: two, length: 300ms}
      - {play: tone.wav, at: 3s, name: three, length: 300ms}
    expect:
      - sound:
        for: 900ms
        within: 100ms
        since: one
      - silence:
        for: 500ms
        within: 100ms
        since: one.end
      - sound:
        within: 100ms
        since: three
      - silence:
        within: 100ms
        since: three.end
""", head))  # fmt: skip


# The measure of sound --------------------------------------------------------------------------

RATE = 1_000


def told(log: SoundLog, *pulls: tuple[list[int], int, int]) -> list[tuple[int, str, str]]:
    """What a log says of pulls: samples, how many were due, the turn."""
    entries: list[Entry] = []
    for samples, due, turn in pulls:
        entries += log.feed(np.array(samples, np.int16), due, turn)
    return [(entry.time_ns // MS, entry.kind, entry.name) for entry in entries]


def test_nothing_to_play_ends_the_sound_at_once() -> None:
    """To the sample, also in the middle of what was asked for."""
    log = SoundLog("out", RATE, 0)
    assert told(log, ([0, 0, 500, 500], 4, 1), ([500, 500], 4, 1), ([], 4, 1), ([500], 1, 1)) == [
        (0, "playing", "began"),
        (2, "sound", "began"),
        (6, "playing", "ended"),
        (6, "sound", "ended"),
        (12, "playing", "began"),
        (12, "sound", "began"),
    ]


def test_a_pause_between_words_is_sound_and_a_long_one_is_not() -> None:
    """What ended is told late, with the time when it did."""
    log = SoundLog("out", RATE, 0)
    quiet = [0] * 200
    assert told(log, ([500], 1, 1), (quiet, 200, 1), ([500], 1, 1), (quiet, 200, 1)) == [
        (0, "playing", "began"),
        (0, "sound", "began"),
    ]
    assert told(log, (quiet, 200, 1)) == [(202, "sound", "ended")]


def test_another_turn_is_another_stretch_of_playing() -> None:
    """A gap is a hole in one turn; between two there may be any."""
    log = SoundLog("out", RATE, 5 * MS)
    assert told(log, ([500], 1, 1), ([500], 1, 2)) == [
        (5, "playing", "began"),
        (5, "sound", "began"),
        (6, "playing", "ended"),
        (6, "playing", "began"),
    ]


def test_what_can_be_heard() -> None:
    """From -50 dBFS on, in any channel."""
    assert audible(np.array([0, 100, 101, 0, -101, 0], np.int16)) == (2, 5)
    assert audible(np.array([[0, 0], [0, 900]], np.int16)) == (1, 2)
    assert audible(np.zeros(3, np.int16)) is None

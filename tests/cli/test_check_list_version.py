"""The verbs that start nothing: what they print, their exit codes, and that they are light."""

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import livegraph
from support.command import environment
from support.command import livegraph as run

SHIPPED = (
    *(
        "voice_agent",
        "claims",
        "echo",
        "helpdesk",
        "interpreter",
        "looks_at_things",
        "receptionist",
        "restaurant",
        "survey",
        "telephone",
    ),
    "transcribe_file",
)
FAULTY = """\
version: 1
pipeline:
  - webrtc_in
  - vad_gate: {treshold: 0.6}
  - webrtc_out
"""


@pytest.mark.parametrize("arguments", [("version",), ("list",), ("check", *SHIPPED)])
def test_small_verbs_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Neither the media stack, nor the models, nor the server."""
    heavy = ("aiortc", "av", "onnxruntime", "starlette", "uvicorn", "websockets", "prometheus_client", "rich")
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr))\n"
        "from livegraph.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd="/",
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == "[]"
    assert done.returncode == 0


def test_version() -> None:
    """The version, and the Python it runs on."""
    done = run("version")
    assert done.returncode == 0
    assert done.stdout.startswith(f"livegraph {livegraph.__version__} (Python {sys.version_info.major}.")


def test_list() -> None:
    """Every shipped agent and every processor, each with its purpose."""
    done = run("list")
    assert done.returncode == 0, done.stderr
    rows = dict(line.strip().split(None, 1) for line in done.stdout.splitlines() if line.startswith("  "))
    assert set(SHIPPED) <= set(rows)
    assert {"webrtc_in", "webrtc_out", "resampler", "vad_gate", "gemini_live", "tool_router"} <= set(rows)
    assert {"file_in", "file_out", "transcript_log"} <= set(rows)
    assert "does not load" not in done.stdout


def test_the_list_of_models_says_how_well_it_knows_them() -> None:
    """Whose word it is and of when; what nobody has verified is said to be so, in the text and in the data."""
    done = run("list", "--kind", "model")
    assert done.returncode == 0, done.stderr
    rows = dict(line.strip().split(None, 1) for line in done.stdout.splitlines() if line.startswith("  "))
    assert "documented 2026-10" in rows["gemini-3.8-live"] and "unverified" not in rows["gemini-3.8-live"]
    assert "unverified" in rows["gemini-live-2.5-flash-native-audio"]
    models = {
        m["name"]: m for m in json.loads(run("list", "--kind", "model", "--format", "json").stdout)["models"]
    }
    assert models["gemini-3.8-live"]["prices"]["verified"] and models["gemini-3.8-live"]["evidence"]
    assert models["gemini-3.5-transcribe-live"]["prices"] is None


def test_shipped_agents_are_right() -> None:
    """Every YAML file in `configs` that is an agent, by name and by path."""
    folder = Path(str(resources.files("livegraph.configs")))
    agents = (path for path in folder.glob("*.yaml") if "." not in path.stem)
    files = [path for path in agents if not path.stem.endswith("_test")]
    assert sorted(path.stem for path in files) == sorted(SHIPPED)
    for done in (run("check", *SHIPPED), run("check", *files)):
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("no problems") == len(SHIPPED) + 1
        assert done.stderr == ""


def test_faults_have_their_place(tmp_path: Path) -> None:
    """File, line, column, the line itself, and the nearest right spelling; other files are checked too."""
    file = tmp_path / "agent.yaml"
    file.write_text(FAULTY, "utf-8")
    done = run("check", "agent.yaml", "echo", "nothing.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert "agent.yaml:4:16: error LG201: unknown option `treshold`" in done.stdout
    assert "did you mean `threshold`?" in done.stdout
    assert "nothing.yaml:1:1: error LG001: there is no file nothing.yaml" in done.stdout
    assert "2 errors in 3 files" in done.stdout
    assert done.stderr == ""


def test_faults_as_json(tmp_path: Path) -> None:
    """One document for all files, with what an editor needs."""
    file = tmp_path / "agent.yaml"
    file.write_text(FAULTY, "utf-8")
    done = run("check", file, "echo", "--format", "json")
    assert done.returncode == 78
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert [entry["ok"] for entry in report["files"]] == [False, True]
    (fault,) = report["diagnostics"]
    assert fault["file"] == str(file)
    assert (fault["line"], fault["column"], fault["severity"]) == (4, 16, "error")
    assert "threshold" in fault["hint"]


def test_faults_of_the_simulators_script(tmp_path: Path) -> None:
    """The script is checked with the agent that names it."""
    (tmp_path / "brain.yaml").write_text("version: 1\nrules:\n  - hear: hello\n    sya: hi\n", "utf-8")
    agent = "version: 1\npipeline: [webrtc_in, webrtc_out]\nsimulator: {brain: ./brain.yaml, brian: 1}\n"
    (tmp_path / "agent.yaml").write_text(agent, "utf-8")
    done = run("check", "agent.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert "brain.yaml:4:5: error LG161" in done.stdout
    assert "unknown key `brian`" in done.stdout


def test_wrong_usage() -> None:
    """Exit code 2, and an error in the style of all others: what is wrong, and who tells what is right."""
    for arguments in (("chekc",), ("check",), ("check", "echo", "--format", "xml"), ("run", "--port", "x")):
        done = run(*arguments)
        assert done.returncode == 2, arguments
        first, second = done.stderr.splitlines()
        assert first.startswith("error: ") and first[7:8].islower()
        assert re.fullmatch(r"  livegraph( \w+)? --help says what it takes", second)
    bare = run()
    assert bare.returncode == 2 and "Usage: livegraph" in bare.stdout
    assert "Usage: livegraph" in run("--help").stdout


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    """None in a pipe, unless they are asked for."""
    (tmp_path / "agent.yaml").write_text(FAULTY, "utf-8")
    assert "\x1b" not in run("check", "agent.yaml", cwd=tmp_path).stdout
    assert "\x1b[1;31m" in run("check", "agent.yaml", cwd=tmp_path, FORCE_COLOR="1").stdout

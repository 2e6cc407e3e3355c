"""`livegraph replay RECORD`: today's agent hears what the caller of a kept call said, and what differs is shown."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from livegraph.audio import write_wav
from livegraph.cli.app import app
from livegraph.testing.call_differences import differences
from livegraph.testing.call_replay import read_record
from livegraph.testing.wire import RecordingFault
from support.command import livegraph
from support.speech import arrange, spoken

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an agent whose calls are recorded, and one such call: a question that asks for a tool."""
    pytest.importorskip("moonshine_voice")
    folder = tmp_path_factory.mktemp("desk")
    for file in CONFIGS.glob("receptionist*"):
        shutil.copy(file, folder)
    agent = folder / "receptionist.yaml"
    agent.write_text(agent.read_text("utf-8") + '\nrecord: "kept/{{call.id}}.flac"\n', "utf-8")
    caller = arrange(folder / "in.wav", 3.5, spoken("When are you open on Friday?"), 0.5)
    done = livegraph("call", agent, "--in", caller, "--out", folder / "out.wav")
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_a_call_from_the_command_line_is_recorded(kept: Path) -> None:
    """On virtual time as well: both sides, the tool with its result, how long the caller waited."""
    assert sorted(path.name for path in (kept / "kept").iterdir()) == ["call.flac", "call.jsonl"]
    lines = [json.loads(line) for line in (kept / "kept" / "call.jsonl").read_text("utf-8").splitlines()]
    assert {line["name"] for line in lines if line["type"] == "tool_called"} == {"opening_hours"}
    assert {line["role"] for line in lines if line["type"] == "transcript"} == {"user", "agent"}
    assert [line["what"] for line in lines if line["type"] == "latency"] == ["greeting", "answer"]
    assert lines[-1]["type"] == "end"


@pytest.mark.parametrize("name", ["call.jsonl", "call.flac", ""])
def test_the_same_agent_does_the_same(kept: Path, name: str) -> None:
    """By its lines, its sound, or its folder; nothing is written by it."""
    before = sorted(kept.rglob("*"))
    done = livegraph("replay", kept / "kept" / name, "--agent", kept / "receptionist.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "call.jsonl: as it was" in done.stdout
    assert "calls opening_hours(" in done.stdout and "differs" not in done.stdout
    assert [path for path in sorted(kept.rglob("*")) if "__pycache__" not in path.parts] == [
        path for path in before if "__pycache__" not in path.parts
    ]


def test_another_agent_is_told_apart(kept: Path) -> None:
    """Its greeting is another: that is what differs, and the exit code says so."""
    text = (kept / "receptionist.yaml").read_text("utf-8")
    greeting = next(line for line in text.splitlines() if line.strip().startswith("greeting:"))
    other = text.replace(
        greeting, greeting.split("greeting:")[0] + "greeting: Hello there, this is the desk."
    )
    (kept / "other.yaml").write_text(other, "utf-8")
    done = livegraph("replay", kept / "kept", "--agent", kept / "other.yaml")
    assert done.returncode == 1
    changed = [line for line in done.stdout.splitlines() if "differs" in line]
    assert any("agent:" in line and "Hello there" in line for line in changed)
    assert not any("user:" in line or "tool:" in line for line in changed)


def test_an_agent_that_is_not_there(kept: Path, tmp_path: Path) -> None:
    for file in (kept / "kept").iterdir():
        shutil.copy(file, tmp_path)
    lines = tmp_path / "call.jsonl"
    lines.write_text(
        lines.read_text("utf-8").replace('"agent":"receptionist"', '"agent":"nobody"', 1), "utf-8"
    )
    done = livegraph("replay", tmp_path / "call.jsonl")
    assert done.returncode == 2 and "--agent FILE" in done.stderr


@pytest.mark.parametrize(
    "head",
    [
        {"type": "record", "format": 9, "audio": ["call.flac"], "rate": 24_000},
        {"type": "record", "format": 1, "audio": ["../other.flac"], "rate": 24_000},
        {"type": "record", "format": 1, "audio": [], "rate": 24_000},
        {"type": "record", "format": 1, "audio": ["call.flac"], "rate": True},
        {"type": "record", "format": 1, "audio": ["call.flac"], "rate": 24_000, "inputs": ["x"]},
    ],
)
def test_a_head_that_makes_no_sense(tmp_path: Path, head: dict[str, Any]) -> None:
    (tmp_path / "call.jsonl").write_text(json.dumps(head) + "\n", "utf-8")
    with pytest.raises(RecordingFault) as fault:
        read_record(tmp_path / "call.jsonl")
    assert fault.value.line == 1


@pytest.mark.parametrize(
    "line",
    [
        {"type": "call_started"},
        {"type": "call_started", "time_s": "soon"},
        {"type": "call_started", "time_s": 1e308},
        {"type": "transcript", "time_s": 1, "role": "user"},
        {"type": "tool_called", "time_s": 1, "name": "book", "args": "none"},
        {"type": "tool_finished", "time_s": 1, "name": "book", "result": [], "ok": True},
        {"type": "latency", "time_s": 1, "what": "answer", "ms": "long"},
        {"type": "pressed", "time_s": 1, "key": "5", "held_ms": -1},
        {"type": "typed", "time_s": None, "text": "hello"},
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: dict[str, Any]) -> None:
    """By its number: somebody wrote it by hand, or the disk did."""
    write_wav(tmp_path / "call.wav", np.zeros(1_600, np.int16), 16_000)
    head = {"type": "record", "format": 1, "audio": ["call.wav"], "rate": 16_000}
    good = {"type": "call_started", "time_s": 0.02}
    (tmp_path / "call.jsonl").write_text("\n".join(map(json.dumps, (head, good))), "utf-8")
    assert read_record(tmp_path / "call.jsonl").began_ns == 20_000_000
    (tmp_path / "call.jsonl").write_text("\n".join(map(json.dumps, (head, good, line))), "utf-8")
    with pytest.raises(RecordingFault) as fault:
        read_record(tmp_path / "call.jsonl")
    assert fault.value.line == 3


@pytest.mark.parametrize("text", ["version: 1\nagent:\n", "\x00\xff", '{"a": 1}', "[1]"])
def test_what_is_no_record_is_told_so(tmp_path: Path, text: str) -> None:
    """And not which byte of it is no JSON alone: somebody named an agent, or a picture."""
    (tmp_path / "agent.yaml").write_text(text, "utf-8")
    done = CliRunner().invoke(app, ["replay", str(tmp_path / "agent.yaml")])
    assert done.exit_code == 78
    assert "neither the record of a call nor a recording" in done.output and "--record DIR" in done.output


def said(role: str, text: str) -> dict[str, Any]:
    return {"type": "transcript", "role": role, "text": text, "interrupted": False}


def waited(ms: int) -> dict[str, Any]:
    return {"type": "latency", "what": "answer", "ms": ms}


def test_what_counts_as_different() -> None:
    """Words, tools with their arguments and results, and waits that people would notice."""
    tool = {"type": "tool_called", "name": "book", "args": {"day": "Friday"}}
    then = [said("user", "Hi  there"), said("agent", "Hello."), tool, waited(800), waited(900)]
    now = [
        said("user", "Hi there "),
        said("agent", "Bye."),
        {**tool, "args": {"day": "Monday"}},
        waited(1_000),
    ]
    assert list(differences(then, then)) == []
    assert list(differences(then, now)) == [
        "agent: 'Hello.' then, 'Bye.' now",
        """tool: 'book({"day": "Friday"})' then, 'book({"day": "Monday"})' now""",
        "answer: 2 then, 1 now",
    ]
    assert list(differences([waited(500)], [waited(900)])) == ["answer 1: after 500 ms then, 900 ms now"]

"""The same mistake has the same exit code in every verb, and one style of message; `docs/commands.md` has the table."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

import livegraph
from livegraph.cli.app import app
from livegraph.cli.exits import Exit
from support.command import environment

PAGE = Path(livegraph.__file__).parent / "docs" / "commands.md"
BROKEN = "version: 1\npipeline: [webrtc_inn]\n"
TORN = "version: 1\npipeline: [\n"
NEEDS = """
version: 1
inputs: {name: {type: text}}
agent: {instructions: "You talk to {{inputs.name}}."}
"""
AGENT_VERBS = ("run", "call", "chat", "graph", "explain", "check")
"""Those that take an agent."""
VERBS = tuple(sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]


def tell(*arguments: str | Path) -> tuple[int, str, str]:
    """Run a verb in this process: its code, its result and what it says of itself."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_option_is_2(verb: str) -> None:
    """And nothing is done."""
    code, out, err = tell(verb, "--nonsense")
    assert (code, out) == (Exit.USAGE, "")
    assert "--nonsense" in click.unstyle(err)


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_choice_is_2(verb: str) -> None:
    """Of an option that every verb has."""
    assert tell(verb, "--log-level", "loud")[0] == Exit.USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        *((verb, "missing.yaml") for verb in AGENT_VERBS),
        ("test", "missing.yaml"),
        ("migrate", "missing.yaml"),
        ("replay", "missing.jsonl"),
        ("simulate", "--brain", "missing.yaml"),
        ("simulate", "--scenario", "missing.yaml"),
        ("call", "--in", "missing.wav", "--out", "out.wav"),
        ("ticket", "ada", "--secret-file", "missing.key"),
        ("run", "--tokens", "missing.yaml"),
        ("run", "--ssl-certfile", "missing.pem", "--ssl-keyfile", "missing.pem"),
        *((verb, "-f", "missing.yaml", "voice_agent") for verb in AGENT_VERBS),
    ],
    ids=" ".join,
)
def test_a_file_that_is_not_there_is_2(arguments: tuple[str, ...]) -> None:
    """It is named."""
    code, out, err = tell(*arguments)
    assert code == Exit.USAGE, err
    assert "missing" in out + err


@pytest.mark.parametrize("name", ["nonsuch", "voice_agnt"])
@pytest.mark.parametrize("verb", [*AGENT_VERBS, "inspect", "test"])
def test_a_name_that_there_is_not_is_2(verb: str, name: str) -> None:
    """With what there is."""
    code, out, err = tell(verb, name)
    assert code == Exit.USAGE, (out, err)


@pytest.mark.parametrize(
    "text", [BROKEN, TORN, "\x00", "- a list\n", ""], ids=["box", "yaml", "nul", "list", "empty"]
)
@pytest.mark.parametrize("verb", AGENT_VERBS)
def test_a_file_with_faults_is_78(verb: str, text: str) -> None:
    """Where and what goes with it."""
    Path("agent.yaml").write_text(text)
    code, out, err = tell(verb, "agent.yaml")
    assert code == Exit.CONFIG, err
    assert re.search(r"agent\.yaml:\d+:\d+: error", click.unstyle(out + err))


@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "agent.yaml"),
        ("replay", "agent.yaml"),
        ("simulate", "--brain", "agent.yaml"),
        ("simulate", "--scenario", "agent.yaml"),
        ("migrate", "agent.yaml"),
    ],
    ids=" ".join,
)
def test_other_files_with_faults_are_78_too(arguments: tuple[str, ...]) -> None:
    """Scripts, scenarios, recordings and tests are files like any other."""
    Path("agent.yaml").write_text(TORN)
    assert tell(*arguments)[0] == Exit.CONFIG


@pytest.mark.parametrize("verb", ["call", "chat"])
@pytest.mark.parametrize(
    "given", [[], ["--input", "nam=x"], ["--input", "name"]], ids=["missing", "unknown", "malformed"]
)
def test_an_input_that_is_missing_or_wrong_is_2(verb: str, given: list[str]) -> None:
    """Its name is told."""
    Path("agent.yaml").write_text(NEEDS)
    code, _, err = tell(verb, "agent.yaml", *given)
    assert code == Exit.USAGE, err
    assert "name" in err


@pytest.mark.parametrize("verb", ["run", "simulate"])
def test_a_port_that_is_taken_is_1(verb: str) -> None:
    """Before anything is loaded."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = tell(verb, "--port", str(taken.getsockname()[1]))
    assert code == Exit.FAILED, err
    assert "error:" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("graph", "--out", "/proc/nowhere/x"),
        ("explain", "--out", "/proc/nowhere/x"),
        ("schema", "--out", "/proc/nowhere/x"),
        ("new", "--out", "/proc/nowhere/x.yaml"),
        ("simulate", "--record", "/proc/nowhere"),
    ],
    ids=" ".join,
)
def test_where_nothing_may_be_written_it_is_1(arguments: tuple[str, ...]) -> None:
    """The place is named."""
    code, _, err = tell(*arguments)
    assert code == Exit.FAILED, err
    assert "/proc/nowhere" in err


@pytest.mark.parametrize("verb", ["calls", "top", "hangup", "drain"])
def test_no_server_is_1(verb: str) -> None:
    """Whatever is asked of it."""
    given = ["some-call"] if verb == "hangup" else []
    code, _, err = tell(verb, *given, "--server", "1")
    assert (code, err[:6]) == (Exit.FAILED, "error:")


@pytest.mark.parametrize(
    ("arguments", "ready"),
    [
        (("run", "--port", "0"), b"Page"),
        (("simulate", "--port", "0"), b"ws://"),
        (("chat",), b"agent"),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else "",
)
def test_ctrl_c_is_130(arguments: tuple[str, ...], ready: bytes) -> None:
    """In every verb that runs until it is ended, without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from livegraph.cli import main; main()", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({}),
    )
    assert process.stdout is not None
    until, seen = time.monotonic() + 60, b""
    while ready not in seen and time.monotonic() < until:
        seen += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED, err
    assert b"Traceback" not in err


def _results() -> list[tuple[str, ...]]:
    return [
        ("version",),
        ("list",),
        ("inspect", "vad_gate"),
        ("explain", "echo"),
        ("graph", "echo"),
        ("check", "voice_agent"),
        ("doctor",),
        ("new", "agent", "--out", "new.yaml"),
        ("migrate", "agent.yaml"),
    ]


@pytest.mark.parametrize("arguments", _results(), ids=" ".join)
def test_results_are_json_where_that_is_asked_for(arguments: tuple[str, ...]) -> None:
    """``--json`` and ``--format json`` say the same, and ``-q`` leaves nothing but the result."""
    Path("agent.yaml").write_text(NEEDS)
    told = []
    for option in (["--json"], ["--format", "json"]):
        Path("new.yaml").unlink(missing_ok=True)
        code, out, err = tell(*arguments, *option, "-q")
        assert (code, err) == (0, "")
        told.append(json.loads(out))
    assert told[0] == told[1]


def test_every_verb_takes_what_all_take() -> None:
    """Quiet, logs, results for programs: the same options everywhere, with the same words in the help."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--quiet", "-q", "--log-level", "--log-format"} <= options, name
        if name != "schema":
            assert {"--json", "--format"} <= options, name


def test_the_page_has_the_codes_and_the_commands_that_there_are() -> None:
    """No code and no verb without a line, and no line without one."""
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert [int(row) for row in rows] == sorted(int(code) for code in Exit)
    table = text.split("| verb | what it does |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `livegraph ([a-z]+)", table, re.MULTILINE)) == set(VERBS)


def test_a_fault_says_which_command_explains_it(tmp_path: Path) -> None:
    """The help of a code is a command."""
    Path("agent.yaml").write_text(BROKEN)
    _, _, err = tell("call", "agent.yaml")
    found = re.search(r"livegraph (check --explain LG\d+)", err)
    assert found
    code, out, _ = tell(*found[1].split())
    assert code == 0 and found[1].split()[-1] in out


READING = {
    **{
        verb: ("agent.yaml", (verb, "{}"))
        for verb in (*AGENT_VERBS, "talk", "test", "tools", "migrate", "cluster")
    },
    **{f"{verb} -f": ("over.yaml", (verb, "-f", "{}", "echo")) for verb in (*AGENT_VERBS, "tools")},
    "run --tokens": ("tokens.yaml", ("run", "echo", "--tokens", "{}")),
    "run --ticket-secret-file": ("t.key", ("run", "echo", "--ticket-secret-file", "{}")),
    "run --turn-secret-file": ("t.key", ("run", "echo", "--turn", "turn:x", "--turn-secret-file", "{}")),
    "run --ssl-certfile": ("c.pem", ("run", "echo", "--ssl-certfile", "{}", "--ssl-keyfile", "{}")),
    "ticket --secret-file": ("t.key", ("ticket", "ada", "--secret-file", "{}")),
    "call --in": ("q.wav", ("call", "--in", "{}", "--out", "out.wav")),
    "load --say": ("q.wav", ("load", "http://127.0.0.1:1/", "--say", "{}")),
    "replay": ("r.jsonl", ("replay", "{}")),
    "simulate --brain": ("b.yaml", ("simulate", "--brain", "{}")),
    "simulate --scenario": ("s.yaml", ("simulate", "--scenario", "{}")),
}
"""Whatever reads a file that the command line names."""
FOLDERS = ("run", "check", "cluster", "test", "replay")
"""Those that take a folder as well, in which there is nothing here."""
MISTAKES = {
    "missing": (Exit.USAGE, "is not there|there is no"),
    "folder": (Exit.USAGE, "is a folder|is not a file|there (is|are) no"),
    "fifo": (Exit.USAGE, "is no file|is not a file"),
    "unreadable": (Exit.CONFIG, "cannot be read|cannot read"),
    "empty": (Exit.CONFIG, "empty|RIFF|no pem|no message|null"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("reader", READING)
def test_the_same_mistake_with_a_file_is_the_same_in_every_verb(reader: str, mistake: str) -> None:
    """The same code, the file's name, an error in our style, and nothing is waited for."""
    name, arguments = READING[reader]
    given = Path(name)
    match mistake:
        case "folder":
            given.mkdir()
        case "fifo":
            os.mkfifo(given)
        case "unreadable":
            given.symlink_to("/proc/self/mem")
        case "empty":
            given.touch()
    code, out, err = tell(*(name if word == "{}" else word for word in arguments))
    wanted, words = MISTAKES[mistake]
    said = click.unstyle(out + err)
    assert code == wanted, said
    assert name in said
    assert re.search(words, said), said
    assert "error" in said

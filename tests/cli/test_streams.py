"""Stdin, stdout and stderr as a command may find them: closed, full, of another encoding; a keyboard's odd keys."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.cli.exits import Fault
from livegraph.cli.output import LineOut
from livegraph.cli.streams import prepare_streams
from livegraph.cli.typing_lines import plain
from support.command import environment

FULL = Path("/dev/full")


def command(shell: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``livegraph`` with its streams as the shell's words have them."""
    run = f'exec "$0" -W error -c "from livegraph.cli import main; main()" "$@" {shell}'
    return subprocess.run(
        ["/bin/sh", "-c", run, sys.executable, *arguments],
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_in_a_line() -> None:
    """1, and no traceback, however little there was to write."""
    done = command(">/dev/full", "version")
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(("closed", "out"), [("<&- 2>&-", True), ("<&- >&- 2>&-", False)])
def test_closed_streams_keep_no_command_from_its_work(closed: str, out: bool) -> None:
    """What is said to one of them goes nowhere, least of all into a file that has its number."""
    done = command(closed, "version")
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) is out


def test_another_encoding_loses_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not have is written as JSON writes it, so that results for programs stay JSON."""
    said = "Grüße 👋🏽 \ud800"
    raw = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, "ascii", write_through=True))
    prepare_streams()
    print(f'"{said}"')
    print(f'"{said}"', file=sys.stderr)
    written = raw.getvalue().decode("ascii").splitlines()
    assert [json.loads(line) for line in written] == [said, said]


class _Full(io.StringIO):
    """Takes one line, then no more."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error, self.file = error, os.open(os.devnull, os.O_WRONLY)

    def flush(self) -> None:
        if "\n" in self.getvalue():
            raise self._error

    def fileno(self) -> int:
        return self.file


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")]
)
def test_lines_that_nobody_takes_end_what_makes_them(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once; whoever has stopped reading has not failed, a disk that is full has."""
    stream = _Full(error)
    monkeypatch.setattr(sys, "stdout", stream)
    lost: list[int] = []
    out = LineOut(lambda: lost.append(1))
    out.check()
    out.line("one")
    out.line("two")
    assert lost == [1] and stream.getvalue() == "one\n"
    if isinstance(error, BrokenPipeError):
        out.check()
    else:
        with pytest.raises(Fault, match="the output cannot be written: No space left on device"):
            out.check()
    os.close(stream.file)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("hello\x1b[A\x1b[1;5C\x1bOP", "hello"),
        ("\x1b[200~two\tlines \x1b[201~", "two lines"),
        ("bell\x07 \x1b", "bell"),
        ("\x1b[D\x1b[D", ""),
        ("Grüße, 世界 👋🏽", "Grüße, 世界 👋🏽"),
    ],
)
def test_keys_that_are_no_letters_are_not_said(typed: str, words: str) -> None:
    """Arrows and function keys at a terminal, and what brackets a paste."""
    assert plain(typed) == words


@settings(max_examples=50)
@given(st.text())
def test_what_is_said_is_plain_words(typed: str) -> None:
    """And the same when it is cleaned once more."""
    assert plain(plain(typed)) == plain(typed)
    assert not set(plain(typed)) & {chr(code) for code in (*range(32), *range(127, 160))}

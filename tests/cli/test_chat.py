"""`livegraph chat`: a conversation by keyboard, at a terminal and through a pipe."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.command import environment, livegraph

COMMAND = [sys.executable, "-W", "error", "-c", "from livegraph.cli import main; main()", "chat"]


def piped(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Type these lines through a pipe that is closed behind them."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=text,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


class Screen:
    """A terminal with somebody in front of it."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master, self.process = master, process
        self.text = ""

    def until(self, words: str, within_s: float = 60) -> None:
        """Read until these words are there."""
        until = time.monotonic() + within_s
        while words not in self.text:
            assert time.monotonic() < until, self.text
            try:
                self.text += os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                break
        assert words in self.text, self.text

    def type(self, keys: bytes) -> None:
        """Press these keys."""
        os.write(self.master, keys)

    def ended(self) -> int:
        """The exit code, when it has left; what it still said is read."""
        while True:
            try:
                piece = os.read(self.master, 4096)
            except OSError:
                break
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        return self.process.wait(30)


@contextmanager
def terminal(*arguments: str) -> Iterator[Screen]:
    """`livegraph chat` at a terminal of its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment({"TERM": "dumb"}),
        start_new_session=True,
        # Ctrl-C reaches who has the terminal.
        preexec_fn=_take_the_terminal,
    )
    os.close(slave)
    try:
        yield Screen(master, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)


def _take_the_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_pipe_is_answered_line_by_line() -> None:
    """Each line waits for the answer to the one before, tools included; at the end all has been answered."""
    done = piped("When are you open on Friday?\nAnd on Sunday?\n", "receptionist")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()]
    asked = [at for at, (who, _) in enumerate(rows) if who == "you"]
    assert len(asked) == 2
    between = rows[asked[0] : asked[1]]
    assert ["tool", 'opening_hours(day="Friday")'] in between
    assert between[-1][0] == "agent" and "8 am" in between[-1][1]
    assert rows[-1][0] == "agent" and "..." not in done.stdout


def test_everything_is_told_to_programs() -> None:
    """``--json`` and ``--format json`` are the same: one object a line, to the end of the call."""
    for option in (["--json"], ["--format", "json"]):
        done = piped("hello\n", "voice_agent", *option, "-q")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0
        said = [event for event in events if event["type"] == "transcript" and event["role"] == "user"]
        assert said[-1]["text"] == "hello"
        assert events[-1]["type"] == "end" and events[-1]["reason"] == "hung_up"


def test_at_a_terminal_a_line_goes_out_at_once_and_ctrl_d_ends() -> None:
    """Whoever types over the agent cuts it short; Ctrl-D hangs up without waiting for more."""
    with terminal("receptionist") as screen:
        screen.until("Ctrl-D ends")
        screen.until("How can I help you?")
        screen.type(b"When are you open on Friday?\n")
        screen.until("opening_hours ->")
        screen.type(b"\x04")
        assert screen.ended() == 0


def test_ctrl_c_is_ctrl_c() -> None:
    """130, as for every verb, and no traceback."""
    with terminal("voice_agent") as screen:
        screen.until("Ctrl-D ends")
        screen.type(b"\x03")
        assert screen.ended() == 128 + signal.SIGINT
        assert "Traceback" not in screen.text


def test_what_cannot_be_chatted_with_says_so() -> None:
    """Before anything is started: 78 and the way out."""
    for agent, words in (("echo", "takes nothing that is typed"), ("transcribe_file", "ends for a caller")):
        done = livegraph("chat", agent)
        assert done.returncode == 78, done.stderr
        assert words in done.stderr


@pytest.mark.parametrize("text", ["", "\n\n  \n"])
def test_nothing_typed_is_a_call_with_a_greeting_only(text: str) -> None:
    """Empty lines are not sent."""
    done = piped(text, "receptionist")
    assert done.returncode == 0
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"agent"}

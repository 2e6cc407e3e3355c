"""The command as users run it: a process of its own, with a bare environment and a limit in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

__all__ = ["in_this_process", "livegraph", "running"]

_MAIN = "from livegraph.cli import main; main()"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """No key, no colours; what Python needs to find itself."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(extra)


def livegraph(
    *arguments: str | Path, cwd: Path | None = None, within_s: float = 50, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run ``livegraph`` to its end; ``extra`` are variables of its environment."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _MAIN, *map(str, arguments)],
        cwd=cwd or "/",
        env=environment(extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )


def in_this_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The same without a process of its own, most of whose time is its start; one at a time."""
    from livegraph.cli.app import app

    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@contextmanager
def running(*arguments: str | Path, until: str, within_s: float = 90, **extra: str) -> Iterator[Running]:
    """Run ``livegraph`` while the block lasts, which begins when it has printed a line with ``until`` in it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *map(str, arguments)],
        cwd="/",
        env=environment(extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        deadline = time.monotonic() + within_s
        while not lines or until not in lines[-1]:
            line = process.stdout.readline()
            if not line or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"no {until!r} in {lines}\n{process.communicate()[1]}")
            lines.append(line)
        yield Running(process, lines)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Running:
    """A command that runs. ``printed`` is what it has said on stdout so far."""

    def __init__(self, process: subprocess.Popen[str], printed: list[str]) -> None:
        self._process = process
        self.printed = printed

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def word_with(self, part: str) -> str:
        """The word of the output that has ``part`` in it."""
        return next(word for line in self.printed for word in line.split() if part in word)

    def stop_reading(self) -> None:
        """Close our end of its stdout."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self, within_s: float = 20) -> tuple[int, str, str]:
        """Wait for its end: exit code, the rest of stdout, stderr."""
        if self._process.stdout is not None and self._process.stdout.closed:
            self._process.stdout = None
        out, err = self._process.communicate(timeout=within_s)
        return self._process.returncode, out or "", err

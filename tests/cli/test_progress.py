"""What takes longer than a moment shows how much is done and how long the rest takes, to people only."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from support.command import environment
from support.speech import write_wav

MAIN = "from livegraph.cli import main; main()"


def watched(*arguments: str | Path, cwd: Path) -> tuple[int, str, str]:
    """Run the command with a terminal for what it says of itself: the code, its result, what was shown."""
    master, slave = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(master, 4096):
                shown.append(piece)
        except OSError:
            return

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        env=environment({"TERM": "xterm"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        timeout=90,
        check=False,
    )
    os.close(slave)
    reader.join()
    os.close(master)
    return done.returncode, done.stdout.decode(), b"".join(shown).decode(errors="replace")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_recording_shows_how_much_is_left(tmp_path: Path, quiet: bool) -> None:
    """On the terminal; the result is the same with and without, and quiet is quiet."""
    write_wav(tmp_path / "in.wav", np.zeros(120 * 16_000, np.int16), 16_000)
    more = ["-q"] if quiet else []
    code, out, shown = watched(
        "call", "voice_agent", "--in", "in.wav", "--out", "out.wav", *more, cwd=tmp_path
    )
    assert code == 0
    assert "%" not in out and "\x1b" not in out
    assert ("%" in shown and "0:0" in shown) is not quiet


def test_tests_show_how_many_there_are(tmp_path: Path) -> None:
    """Which one runs, of how many."""
    code, _, _ = watched("new", "receptionist", "--out", "desk.yaml", cwd=tmp_path)
    assert code == 0
    code, out, shown = watched("test", "desk.yaml", cwd=tmp_path)
    assert code == 0, out
    assert "of " in shown and "left" in shown

"""Every example runs as its first lines say, in a process of its own, and prints what it promises."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from support.running import livegraph_run
from support.speech import arrange, read_wav, recorded, spoken

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, *arguments: str | Path) -> list[str]:
    """The lines that an example prints; nothing on stderr, no fault."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_three_processors_in_a_program_find_the_bursts_that_it_makes() -> None:
    """Three stretches of sound, then the call completes."""
    *segments, end = run("embed_three_processors.py")
    assert [line.startswith("speech from ") for line in segments] == [True] * 3
    assert end == "the call completed"


def test_three_processors_in_a_program_find_a_persons_speech() -> None:
    """In a recording that is named on the command line."""
    *segments, end = run("embed_three_processors.py", recorded("go_forward").path)
    assert segments
    assert end == "the call completed"


def test_a_custom_processor_and_frame() -> None:
    """The wrong graph is refused with every fault, the right one spells."""
    lines = run("custom_processor_and_frame.py", "4", "42")
    assert lines[0] == "refused, as it should be:"
    assert sum(line.startswith("LG") for line in lines) == 2
    assert lines[-5:] == ["Zero", "Four", "Four", "Two", "4 digits"]


def test_a_caller_by_websocket_asks_and_is_answered(tmp_path: Path) -> None:
    """It hears the greeting, asks what it was given, and keeps the answer."""
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    arrange(question, spoken("When are you open on Friday?"))

    async def ask() -> list[str]:
        async with livegraph_run("receptionist") as server:
            address = server.address.replace("http", "ws") + "ws"
            return await asyncio.to_thread(run, "websocket_caller.py", address, question, answer)

    lines = asyncio.run(ask())
    assert any(line.startswith("agent: ") and "Friday" in line for line in lines), lines
    pcm, rate = read_wav(answer)
    assert len(pcm) / rate > 2


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_says_how_it_is_run(path: Path) -> None:
    """In its docstring, with its own name."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert f"python examples/{path.name}" in text

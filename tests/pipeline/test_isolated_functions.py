"""Boxes of functions in processes of their own: what one does to its process is its node's fault, and no other's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.language import check_text
from livegraph.pipeline import (
    AudioFrame,
    CallContext,
    Graph,
    ProcessorError,
    TextFrame,
    processor,
    run_virtual,
)
from livegraph.pipeline.running.offload import shut_pool
from livegraph.processors import AppIn, AppOut
from livegraph.testing import run_processor
from support import isolated_boxes


@pytest.fixture(scope="module", autouse=True)
def _no_process_left() -> Iterator[None]:
    yield
    shut_pool()


def test_frames_go_there_and_back() -> None:
    """Text with options, sound, several from one that yields; in order, and in another process."""
    run = run_processor(isolated_boxes.echo_pid, [TextFrame("a"), TextFrame("b")], mark="!")
    assert [text.split()[0] for text in run.texts] == ["a!", "b!"]
    assert str(os.getpid()) not in {text.split()[1] for text in run.texts}
    assert run_processor(isolated_boxes.spell, [TextFrame("abc")]).texts == ["a", "b", "c"]
    sound = AudioFrame(np.arange(320, dtype=np.int16), 16_000)
    (halved,) = run_processor(isolated_boxes.halve, [sound]).frames()
    assert isinstance(halved, AudioFrame)
    assert np.array_equal(halved.samples, sound.samples // 2)


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("spin", "took longer than 1s, and was ended"),
        ("segfault", r"died \(by SIGSEGV\)"),
        ("pile_up", "wanted more than 100 MB of memory"),
    ],
)
def test_what_it_does_to_its_process_is_its_nodes_fault(deed: str, told: str) -> None:
    with pytest.raises(ProcessorError, match=told):
        run_processor(isolated_boxes.misbehave, [TextFrame(deed)])


def test_a_node_that_skips_frames_goes_on_after_a_crash() -> None:
    """The next frame finds a process."""

    async def main() -> list[str]:
        graph = Graph("crash")
        texts, box, out = (
            graph.add(AppIn),
            graph.add(isolated_boxes.misbehave, on_error="skip_frame"),
            graph.add(AppOut),
        )
        graph.connect(texts.frames, box)
        graph.connect(box, out.frames)
        heard: list[str] = []
        async with graph.plan().call() as call:
            for text in ("fine", "segfault", "fine"):
                await call.processor(texts).send(TextFrame(text))
            call.processor(texts).end()
            async for frame in call.processor(out):
                heard.append(frame.text)
        return heard

    assert run_virtual(main()) == ["fine", "fine"]


def test_a_function_of_a_file_runs_there_too(tmp_path: Path) -> None:
    """As YAML names it, with frames of its own."""
    (tmp_path / "boxes.py").write_text(
        "import os\nfrom livegraph.pipeline import Frame, TextFrame, processor\n"
        "class Mood(Frame, frozen=True):\n    name: str\n"
        '@processor(isolation="process")\ndef feel(text: TextFrame) -> Mood:\n    return Mood(text.text)\n'
        '@processor(isolation="process")\ndef tell(mood: Mood) -> TextFrame:\n'
        '    return TextFrame(f"{mood.name} {os.getpid()}")\n'
    )
    report = check_text(
        "version: 1\npipeline:\n  - app_in\n  - ./boxes.py:feel\n  - ./boxes.py:tell\n  - app_out\n",
        base_dir=tmp_path,
    )
    assert report.diagnostics == ()
    assert report.agent is not None
    plan = report.agent.plan()

    async def main() -> str:
        async with plan.call() as call:
            source = call.processor("app_in", AppIn)
            await source.send(TextFrame("glad"))
            source.end()
            async for frame in call.processor("app_out", AppOut):
                return str(frame.text)
        return ""

    mood, pid = run_virtual(main()).split()
    assert mood == "glad"
    assert int(pid) != os.getpid()


def _with_call(text: TextFrame, call: CallContext) -> TextFrame:
    return text


def _with_state(text: TextFrame, seen: dict[str, int]) -> TextFrame:
    return text


async def _streaming(text: TextFrame) -> AsyncIterator[TextFrame]:
    yield text


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (_with_call, "neither state nor the call there"),
        (_with_state, "neither state nor the call there"),
        (_streaming, "returns, or yields without async"),
    ],
)
def test_what_cannot_run_there_is_refused_where_it_is_written(
    function: Callable[..., Any], told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        processor(isolation="process")(function)


def test_bounds_without_a_process_are_refused() -> None:
    """They would hold nothing."""
    with pytest.raises(TypeError, match="bound what runs in a process"):
        processor(isolation="none", timeout="1s")
    with pytest.raises(ValueError, match="time: "):
        processor(isolation="process", timeout="soon")

"""Taps: every frame of an output is seen, and nobody is held up by it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from livegraph.pipeline import Call, Frame, Graph, In, Out, Processor, TextFrame, TurnEndFrame, run_virtual
from livegraph.testing import no_tasks_left
from support.boxes import Collect, Words


class Echo(Processor):
    """Says a word again; breaks at one."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, break_at: str = "") -> None:
        self.break_at = break_at

    def on_text(self, frame: TextFrame) -> TextFrame:
        if frame.text == self.break_at:
            raise RuntimeError("broken")
        return TextFrame(frame.text.upper())


def run(during: Callable[[Call], Awaitable[Any]], words: str = "abcd", **options: Any) -> list[str]:
    """What the sink heard of a call in which ``during`` ran beside the stream."""
    heard: list[str] = []
    graph = Graph()
    graph.chain(
        graph.add(Words, words=list(words), gap_ms=10, turn=1, mark_end=True),
        graph.add(Echo, on_error="restart", **options),
        graph.add(Collect, into=heard),
    )

    async def main() -> None:
        async with no_tasks_left(), graph.plan().call() as call:
            await during(call)
            await call.finished()

    run_virtual(main())
    return heard


def test_an_observer_sees_every_frame_until_it_is_taken_off() -> None:
    """Markers too, in order, by the name of the port or of a node with one output; nothing else changes."""
    seen: list[str] = []

    async def look(call: Call) -> None:
        stop = call.tap("echo", lambda frame: seen.append(getattr(frame, "text", type(frame).__name__)))
        await asyncio.sleep(0.025)
        stop()
        stop()
        call.tap("words.out", lambda frame: seen.append(type(frame).__name__))

    assert run(look) == ["A", "B", "C", "D"]
    assert seen == ["B", "C", "TextFrame", "TurnEndFrame"]


def test_a_stream_ends_with_the_output() -> None:
    """One reader; leaving it takes it off."""
    texts: list[str] = []

    async def look(call: Call) -> None:
        async for frame in call.tap("echo.out"):
            texts.append(getattr(frame, "text", type(frame).__name__))
        async for _ in call.tap("echo.out"):
            raise AssertionError("it has ended")

    run(look)
    assert texts == ["B", "C", "D", TurnEndFrame.__name__]


def test_a_slow_reader_loses_the_oldest_and_holds_nobody_up() -> None:
    """And knows how many."""
    texts: list[str] = []
    lost: list[int] = []

    async def look(call: Call) -> None:
        tap = call.tap("echo.out")
        tap._limit = 2
        await call.finished()
        async for frame in tap:
            texts.append(getattr(frame, "text", ""))
        lost.append(tap.lost)

    assert run(look) == ["A", "B", "C", "D"]
    assert (texts, lost) == (["D", ""], [2])


def test_a_tap_outlives_a_restart_of_its_node() -> None:
    """The fresh processor's output is looked at as the old one's was."""
    seen: list[str] = []

    async def look(call: Call) -> None:
        call.tap("echo.out", lambda frame: seen.append(getattr(frame, "text", "")))

    assert run(look, break_at="b") == ["A", "C", "D"]
    assert seen == ["C", "D", ""]


def test_an_observer_that_raises_is_removed_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Named in the log, once."""

    def broken(frame: Frame) -> None:
        raise RuntimeError("not my day")

    async def look(call: Call) -> None:
        call.tap("echo.out", broken)

    assert run(look) == ["A", "B", "C", "D"]
    assert sum("what taps echo.out failed" in record.getMessage() for record in caplog.records) == 1


def test_a_tap_can_wait_for_the_call_and_takes_handles() -> None:
    """Before the call runs: then it sees the first frame too."""
    heard: list[TextFrame] = []
    graph = Graph()
    words, echo = graph.add(Words, words=["a"]), graph.add(Echo)
    graph.chain(words, echo, graph.add(Collect))
    call = graph.plan().call()
    call.tap(echo.out, heard.append)
    run_virtual(call.run())
    assert [frame.text for frame in heard] == ["A"]
    for wrong, message in (
        ("ecko.out", "there is no node `ecko`; did you mean `echo`"),
        ("echo.text", "`echo` has no output `text`; outputs: out"),
        ("collect", "has no single output; there is: none"),
    ):
        with pytest.raises(KeyError, match=message):
            call.tap(wrong)

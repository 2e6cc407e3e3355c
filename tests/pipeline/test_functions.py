"""`@processor`: everything that a function can say of a box."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from livegraph.pipeline import (
    CallContext,
    Doc,
    Frame,
    Graph,
    Live,
    MessageFrame,
    SpeechStartFrame,
    TextFrame,
    processor,
    run_virtual,
)
from livegraph.pipeline.options import option_specs
from livegraph.pipeline.processor import ports_of
from livegraph.testing import live_processor, run_processor
from support.boxes import Collect, Words


class Mood(Frame):
    """How somebody feels."""

    word: str


@dataclass
class Count:
    """Lines so far."""

    lines: int = 0


@processor
def numbered(text: TextFrame, count: Count, seen: set[str], *, first: int = 1) -> TextFrame | None:
    """Number the lines, each once."""
    if text.text in seen:
        return None
    seen.add(text.text)
    count.lines += 1
    return TextFrame(f"{count.lines + first - 1}: {text.text}")


@processor
def moody(text: TextFrame, mood: Mood | None) -> TextFrame:
    """Say how it is said."""
    return TextFrame(f"{text.text} ({mood.word if mood else 'who knows'})")


@processor
async def timed(
    text: TextFrame, call: CallContext, *, wait_s: Annotated[float, Live(), Doc("how long")] = 0.5
) -> AsyncIterator[TextFrame]:
    """Say when."""
    await asyncio.sleep(wait_s)
    yield TextFrame(f"{text.text} at {call.clock.now_ns() // 1_000_000} ms")


def test_state_is_made_for_every_call() -> None:
    """A class of one's own, or a dict, list or set; options stay what they are."""
    lines = [TextFrame("a"), TextFrame("a"), TextFrame("b")]
    assert run_processor(numbered, lines, first=3).texts == ["3: a", "4: b"]
    assert run_processor(numbered, lines).texts == ["1: a", "2: b"]
    assert list(option_specs(numbered)) == ["first"]


def test_a_second_input_is_its_newest_frame() -> None:
    """`None` before the first; the graph need not connect it."""
    given = [TextFrame("a"), Mood("glad"), TextFrame("b"), Mood("sad"), Mood("tired"), TextFrame("c")]
    assert run_processor(moody, given).texts == ["a (who knows)", "b (glad)", "c (tired)"]
    assert [(name, port.required) for name, port in ports_of(moody).items()] == [
        ("text", True),
        ("mood", False),
        ("out", False),
    ]
    heard: list[str] = []
    graph = Graph()
    graph.chain(graph.add(Words, words=["x"]), graph.add(moody), graph.add(Collect, into=heard))
    run_virtual(graph.plan().call().run())
    assert heard == ["x (who knows)"]


@pytest.mark.virtual_time
async def test_the_call_and_live_options_reach_it() -> None:
    """Whatever is tuned counts from the next frame on."""
    async with live_processor(timed) as box:
        await box.send(TextFrame("a"))
        await box.sleep("600ms")
        box.call.tune({"box": {"wait_s": 0.1}})
        await box.send(TextFrame("b"))
        await box.sleep("1s")
        assert box.texts == ["a at 500 ms", "b at 700 ms"]


class NoDefault:
    """Needs something."""

    def __init__(self, thing: int) -> None:
        self.thing = thing


def options_before_the_star(text: TextFrame, mark: str = "!") -> TextFrame:
    return text


def second_that_is_never_none(text: TextFrame, mood: Mood) -> TextFrame:
    return text


def state_with_a_default(text: TextFrame, count: Count = Count()) -> TextFrame:  # noqa: B008  # what is refused
    return text


def state_that_cannot_be_made(text: TextFrame, state: NoDefault) -> None: ...


def nothing(*, mark: str = "!") -> None: ...


def many(text: TextFrame, *rest: TextFrame) -> None: ...


def no_frame(text: str) -> None: ...


def called_out(out: TextFrame) -> TextFrame:
    return out


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            options_before_the_star,
            "options come after a * in the parameters, and mark: str = '!' stands before it",
        ),
        (second_that_is_never_none, "a second input is None before its first frame; write mood: Mood | None"),
        (state_with_a_default, "count is state, made by Count() for every call: no default"),
        (
            state_that_cannot_be_made,
            "state is state, but NoDefault() cannot be made: missing a required argument",
        ),
        (nothing, "the first parameter needs the annotation of a frame"),
        (many, "is neither an input, nor state, nor an option"),
        (no_frame, "a port carries subclasses of Frame"),
        (called_out, "cannot be called 'out'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(function: Callable[..., Any], message: str) -> None:
    """With what to write instead."""
    with pytest.raises(TypeError, match=re.escape(message)):
        processor(function)


def test_results_of_every_kind_are_sent() -> None:
    """Returned, yielded, or nothing at all."""

    @processor
    def twice(event: SpeechStartFrame | MessageFrame) -> Iterator[TextFrame]:
        """Two of each."""
        yield from (TextFrame(type(event).__name__[0]), TextFrame("."))

    assert run_processor(twice, [SpeechStartFrame(), MessageFrame("x")]).texts == ["S", ".", "M", "."]

"""The conformance suite finds what is wrong with a box, whoever wrote it."""

import asyncio
import threading
from typing import Annotated

import pytest

from livegraph.pipeline import Doc, Frame, In, Live, Out, Processor, Range, TextFrame
from livegraph.testing import check_conformance, conformance


class Word(Frame):
    """A frame of somebody else's."""

    text: str
    strength: float


class Sound(Processor):
    """Says a word louder.

    Example:
        sound: {by: 2}
    """

    word: In[Word] = In(doc="what is said")
    out: Out[Word] = Out(doc="the same, louder")

    def __init__(self, *, by: Annotated[int, Range(1, 5), Live(), Doc("how much")] = 2) -> None:
        self.by = by

    def on_tune(self, *, by: int) -> None:
        self.by = by

    def on_word(self, frame: Word) -> Word:
        return Word(frame.text, frame.strength * self.by)


def test_a_sound_box_conforms() -> None:
    """Frames of its own are made up of what their fields are declared to be."""
    check_conformance(Sound)
    names = [case.name for case in conformance(Sound)]
    assert names[0] == "it_says_what_it_is_for" and "it_is_tuned_while_it_is_busy" in names


def failing(processor: type[Processor], *names: str) -> str:
    """The faults that are told of ``processor``, which must be these."""
    with pytest.raises(AssertionError) as caught:
        check_conformance(processor)
    told = str(caught.value)
    found = [case.name for case in conformance(processor) if f"\n  {case.name}: " in told]
    assert found == list(names), told
    assert told.startswith(f"{processor.__name__} fails {len(names)} of ")
    return told


class Mute(Processor):
    text: In[TextFrame]

    def __init__(self, *, loud: object = None) -> None:
        pass

    def on_text(self, frame: TextFrame) -> None:
        return None


def test_a_box_that_says_nothing_of_itself_is_told_what_is_missing() -> None:
    """Docstring, example, options that take anything."""
    told = failing(
        Mute, "it_says_what_it_is_for", "it_shows_a_right_example", "it_refuses_values_of_a_wrong_type"
    )
    assert "the class has no docstring" in told and "option loud takes anything" in told


class Leaky(Sound):
    """Leaves a task behind.

    Example:
        leaky: {}
    """

    async def start(self) -> None:
        self.forgotten = asyncio.create_task(asyncio.sleep(3600), name="forgotten")


def test_a_task_that_is_left_behind_is_named() -> None:
    """In every case in which the box was started."""
    with pytest.raises(AssertionError, match="forgotten"):
        check_conformance(Leaky)


class Threaded(Sound):
    """Leaves a thread behind.

    Example:
        threaded: {}
    """

    async def start(self) -> None:
        self.over = threading.Event()
        threading.Thread(target=self.over.wait, name="astray", daemon=True, args=(20,)).start()


def test_a_thread_that_is_left_behind_is_named() -> None:
    with pytest.raises(AssertionError, match="thread astray"):
        next(case for case in conformance(Threaded) if case.name == "it_starts_and_stops")()


class Endless(Sound):
    """Does not end.

    Example:
        endless: {}
    """

    async def run(self) -> None:
        await asyncio.Event().wait()


def test_a_box_that_does_not_end_with_its_streams_is_told() -> None:
    """Unless it is said to be a source of its own."""
    failing(Endless, "it_ends_with_its_streams", "it_ends_with_streams_that_were_empty")
    check_conformance(Endless, endless=True)


class Odd(Frame):
    """Nobody can tell what it holds."""

    thing: threading.Event


class Takes(Processor):
    """Takes odd frames.

    Example:
        takes: {}
    """

    odd: In[Odd] = In(doc="odd ones")

    def on_odd(self, frame: Odd) -> None:
        return None


def test_a_frame_that_cannot_be_made_up_is_asked_for() -> None:
    """With how to give it."""
    with pytest.raises(AssertionError, match=r"samples=\{Odd: lambda number, now_ns: Odd\(\.\.\.\)\}"):
        check_conformance(Takes)
    check_conformance(Takes, samples={Odd: lambda number, now_ns: Odd(threading.Event(), time_ns=now_ns)})

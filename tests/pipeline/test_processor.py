"""A class says what it is: ports, options and handlers are read from its annotations, and wrong ones are explained."""

import asyncio
import sys
import types
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any, Literal

import pytest

from livegraph.pipeline import (
    AudioFrame,
    Doc,
    Duration,
    Frame,
    Graph,
    Hertz,
    In,
    Out,
    Policy,
    Processor,
    Range,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    TurnEndFrame,
    processor,
    run_virtual,
)
from livegraph.pipeline.options import MISSING, option_specs
from livegraph.pipeline.processor import ports_of
from support.boxes import Collect, Words


class Full(Processor):
    """Every kind of port and option."""

    audio: In[AudioFrame] = In(rate=16_000, channels=1, doc="the microphone")
    text: In[TextFrame] = In(required=False, feedback=True, policy=Policy("latest"))
    out: Out[AudioFrame] = Out(like="audio")
    speech: Out[SpeechStartFrame | SpeechEndFrame]

    def __init__(
        self,
        *,
        words: list[str],
        rate: Annotated[Hertz, Range(8_000, 48_000), Doc("how fast")] = 16_000,
        wait: Annotated[Duration, Doc("how long")] = 0,
        mode: Literal["a", "b"] = "a",
    ) -> None: ...

    def on_audio(self, frame: AudioFrame) -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...


def test_ports_are_read_from_the_class() -> None:
    """In order of declaration, with all that they say; a port without a value has the defaults."""
    ports = ports_of(Full)
    assert list(ports) == ["audio", "text", "out", "speech"]
    assert [port.direction for port in ports.values()] == ["in", "in", "out", "out"]
    assert (ports["audio"].rate, ports["audio"].required, ports["audio"].doc) == (
        16_000,
        True,
        "the microphone",
    )
    assert (ports["text"].required, ports["text"].feedback, ports["text"].policy) == (
        False,
        True,
        Policy("latest"),
    )
    assert ports["out"].like == "audio"
    assert ports["speech"].types == (SpeechStartFrame, SpeechEndFrame)


def test_options_are_the_constructors_keyword_arguments() -> None:
    """Type, default, doc, range and unit, in order."""
    options = option_specs(Full)
    assert list(options) == ["words", "rate", "wait", "mode"]
    assert options["words"].required and options["words"].default is MISSING
    assert (options["rate"].unit, options["rate"].range, options["rate"].doc) == (
        "Hz",
        Range(8_000, 48_000),
        "how fast",
    )
    assert (options["rate"].type, options["rate"].default) == (int, 16_000)
    assert (options["wait"].unit, options["wait"].doc) == ("ns", "how long")
    assert options["mode"].type == Literal["a", "b"]


def test_ports_are_inherited_and_may_be_declared_anew() -> None:
    """A subclass changes what it says again, and keeps the rest."""

    class Narrow(Full):
        audio: In[AudioFrame] = In(rate=8_000)

    class Wide(Full):
        extra: Out[TextFrame]

    assert ports_of(Narrow)["audio"].rate == 8_000
    assert ports_of(Full)["audio"].rate == 16_000
    assert list(ports_of(Wide)) == ["audio", "text", "out", "speech", "extra"]


def test_classes_share_no_ports() -> None:
    """A port without a value is made for each class, and bound anew for each call."""

    class One(Processor):
        out: Out[TextFrame]

    class Other(One):
        pass

    ports_of(Other)
    ports_of(One)
    assert ports_of(One) is ports_of(One)
    bound = One.out.bind(ports_of(One)["out"], None)
    assert bound is not One.out
    assert not bound.connected


FUTURE = """
from __future__ import annotations
from typing import TYPE_CHECKING, Annotated
import livegraph.pipeline as lg
from livegraph.pipeline import Doc, In, Out, Processor, TextFrame

if TYPE_CHECKING:
    from nowhere import Unknown

class Late(Processor):
    text: In[TextFrame]
    out: lg.Out[lg.TextFrame | lg.SpeechStartFrame]
    helper: Unknown | None = None

    def __init__(self, *, mark: Annotated[str, Doc("what to add")] = "!") -> None:
        self.mark = mark

    def on_text(self, frame: TextFrame) -> TextFrame:
        return TextFrame(frame.text + self.mark)
"""


def test_modules_with_future_annotations_work() -> None:
    """Only the ports' annotations are evaluated; what type checkers alone know is left alone."""
    module = types.ModuleType("livegraph_test_future")
    sys.modules[module.__name__] = module
    try:
        exec(FUTURE, vars(module))
        late: type[Processor] = module.Late
        assert list(ports_of(late)) == ["text", "out"]
        assert ports_of(late)["out"].types == (TextFrame, SpeechStartFrame)
        assert option_specs(late)["mark"].doc == "what to add"
    finally:
        del sys.modules[module.__name__]


def declared(**body: Any) -> type[Processor]:
    """A class with this body."""
    return type("Wrong", (Processor,), body)


def handler(self: Processor, frame: Frame) -> None: ...


def no_annotation(self: Processor, *, rate=1) -> None:  # type: ignore[no-untyped-def]
    ...


def positional(self: Processor, rate: int, /) -> None: ...


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"__annotations__": {"text": In[TextFrame]}}, r"input 'text' needs a method on_text\(self, frame\)"),
        (
            {"__annotations__": {"text": In[Any]}, "on_text": handler},
            "text: a port carries subclasses of Frame",
        ),
        ({"__annotations__": {"out": Out[Any]}}, "out: a port carries subclasses of Frame"),
        ({"__annotations__": {"out": Out[TextFrame]}, "out": In()}, "declared as Out, set to"),
        ({"text": In(), "on_text": handler}, r"the port 'text' needs an annotation, In\[...\] or Out\[...\]"),
        (
            {"__annotations__": {"out": Out[AudioFrame]}, "out": Out(like="audio")},
            "like='audio' is not an input",
        ),
        ({"__annotations__": {"interrupt": In[TextFrame]}}, "cannot be called 'interrupt'"),
        ({"__annotations__": {"start": Out[TextFrame]}, "start": Out()}, "cannot be called 'start'"),
        ({"__annotations__": {"name": Out[TextFrame]}}, "cannot be called 'name'"),
        ({"__init__": no_annotation}, "option 'rate' needs an annotation"),
        ({"__init__": positional}, "option 'rate' needs an annotation and must be given by keyword"),
    ],
)
def test_a_wrong_declaration_is_explained(body: dict[str, Any], message: str) -> None:
    """TypeError with the class and the port or option."""
    with pytest.raises(TypeError, match=message):
        ports_of(declared(**body))


def test_a_port_may_have_the_name_of_nothing_else() -> None:
    """`audio`, `frames` and the like are free."""
    assert list(ports_of(declared(__annotations__={"frames": In[Frame]}, on_frames=handler))) == ["frames"]


# The decorator ----------------------------------------------------------------------------------------


@processor
def shout(text: TextFrame, *, mark: Annotated[str, Doc("added at the end")] = "!") -> TextFrame:
    """Say it louder."""
    return TextFrame(text.text.upper() + mark)


@processor
async def slow_shout(text: TextFrame) -> TextFrame | None:
    """Say it louder, later; nothing for nothing."""
    await asyncio.sleep(0.01)
    return TextFrame(text.text.upper()) if text.text else None


@processor
def letters(text: TextFrame) -> Iterator[TextFrame]:
    """One by one."""
    for letter in text.text:
        yield TextFrame(letter)


@processor
async def slow_letters(text: TextFrame) -> AsyncIterator[TextFrame]:
    """One by one, with pauses."""
    for letter in text.text:
        await asyncio.sleep(0.01)
        yield TextFrame(letter)


@processor
def twice(text: TextFrame) -> list[TextFrame]:
    """A list."""
    return [text, text]


@processor
def marked(text: TextFrame) -> Iterable[TextFrame | TurnEndFrame]:
    """A frame and a marker."""
    return [text, TurnEndFrame(turn=text.turn)]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (shout, ["AB!", "C!"]),
        (slow_shout, ["AB", "C"]),
        (letters, ["a", "b", "c"]),
        (slow_letters, ["a", "b", "c"]),
        (twice, ["ab", "ab", "c", "c"]),
        (marked, ["ab", "c"]),
    ],
)
def test_a_function_is_a_processor(box: type[Processor], expected: list[str]) -> None:
    """Sync, async, returning one, many or none, yielding either way."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["ab", "c"])
    graph.add("box", box)
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "box", "sink")
    run_virtual(graph.plan().call().run())
    assert heard == expected


def test_the_function_names_the_ports_and_options() -> None:
    """Parameter, return annotation and keyword-only parameters; the docstring stays."""
    assert list(ports_of(shout)) == ["text", "out"]
    assert option_specs(shout)["mark"].doc == "added at the end"
    assert (shout.__name__, shout.__doc__, shout.__module__) == ("shout", "Say it louder.", __name__)
    assert ports_of(marked)["out"].types == (TextFrame, TurnEndFrame)


def test_options_of_a_function_are_checked_like_any() -> None:
    """And reach it."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["ab"])
    graph.add("box", shout, mark="?")
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "box", "sink")
    run_virtual(graph.plan().call().run())
    assert heard == ["AB?"]
    wrong = Graph()
    wrong.add("words", Words, words=["ab"])
    wrong.add("box", shout, mrk="?")
    wrong.chain("words", "box")
    assert "`mark`" in str(wrong.check()[0])


def test_a_sink_is_a_function_that_returns_nothing() -> None:
    """Then it has no output."""
    seen: list[str] = []

    @processor
    def note(text: TextFrame) -> None:
        seen.append(text.text)

    assert list(ports_of(note)) == ["text"]
    graph = Graph()
    graph.add("words", Words, words=["ab"])
    graph.add("note", note)
    graph.chain("words", "note")
    run_virtual(graph.plan().call().run())
    assert seen == ["ab"]


def test_a_function_that_is_no_processor_is_explained() -> None:
    """What is missing, with the function's name."""

    def no_annotation(text): ...  # type: ignore[no-untyped-def]

    def nothing() -> None: ...

    def positional(text: TextFrame, mark: str) -> None: ...

    def out(out: TextFrame) -> TextFrame:
        return out

    for function, message in (
        (no_annotation, "needs the annotation of a frame"),
        (nothing, "needs the annotation of a frame"),
        (positional, r"options come after a \*"),
        (out, "cannot be called 'out'"),
    ):
        with pytest.raises(TypeError, match=message):
            processor(function)

"""The facts of processors: complete for every box of ours, true, and read from the class alone."""

import ast
import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from livegraph.language.describe import BoxFacts, OptionFacts, describe_box, full_example
from livegraph.pipeline import Doc, Duration, Hertz, In, Out, Processor, Range, Secret, events, processor
from livegraph.pipeline.events import Event, Interrupted, KeyPressed, SpeechChanged, StateChanged
from livegraph.pipeline.frames import AudioFrame, TextFrame
from livegraph.pipeline.options import Deprecated, Renamed
from support.shipped import SHIPPED_BOXES as OURS


def option(facts: BoxFacts, name: str) -> OptionFacts:
    return next(found for found in facts.options if found.name == name)


def test_every_box_of_ours_loads() -> None:
    """What the project declares is what is installed, and each has its class."""
    assert {"webrtc_in", "webrtc_out", "resampler", "vad_gate", "gemini_live", "tool_router"} <= set(OURS)
    assert {"file_in", "file_out", "transcript_log", "app_in", "app_out"} <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_facts_are_complete(name: str) -> None:
    """Purpose, kind, example, and a word on every port, option, key, event and counter."""
    facts = describe_box(name, OURS[name])
    assert facts.purpose.endswith(".")
    assert facts.kind in ("source", "sink", "service", "processor")
    assert facts.example.partition(":")[0] == name
    # A recorder looks at the ports of others.
    assert bool(facts.ports) == (name != "recorder")
    for port in facts.ports:
        assert port.doc, port
        assert port.types, port
        assert bool(port.rate) == bool(port.channels)
    for found in facts.options:
        assert found.doc, found
        assert found.type, found
        for key in found.keys:
            assert key.type, key
    assert all(event.doc and "time_ns" in event.fields for event in facts.events)
    assert all(counter.doc for counter in facts.counters)
    assert bool(facts.counters) == bool(facts.inputs)
    kinds = {"source": facts.outputs, "sink": facts.inputs}
    assert name == "recorder" or kinds.get(facts.kind, facts.ports)


def _modules(cls: type) -> Iterator[Path]:
    """The module of a box, and of the box it is made of; of one that is a package of its own, all modules below."""
    for box in cls.__mro__[: cls.__mro__.index(Processor)]:
        file = Path(inspect.getfile(box))
        yield from file.parent.rglob("*.py") if file.name == "processor.py" else (file,)


def _helpers(module: Path) -> Iterator[Path]:
    """The modules of the same room that a box's module imports."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level and node.module:
            found = module.parents[node.level - 1].joinpath(*node.module.split(".")).with_suffix(".py")
            if found.exists() and "processors" in found.parts:
                yield found


def _published(cls: type) -> set[type[Event]]:
    """Events that the code of a box makes, itself or by what it is helped by, found by reading it."""
    known = {kind.__name__: kind for kind in vars(events).values() if isinstance(kind, type)}
    own = list(_modules(cls))
    helpers = {helper for module in own for helper in _helpers(module)} if len(own) == 1 else set()
    return {
        known[call.func.id]
        for module in (*own, *helpers)
        for call in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in known
        if issubclass(known[call.func.id], Event)
    }


@pytest.mark.parametrize("name", OURS)
def test_boxes_declare_the_events_that_they_publish(name: str) -> None:
    """Neither one more nor one less; those of the conversation are published by it when a box tells it something,
    and those of a box's own it declares itself."""
    cls = OURS[name]
    through_conversation = {Interrupted, SpeechChanged, StateChanged, KeyPressed}
    common = {kind for kind in cls.emits if kind.__module__ == events.__name__}
    assert common - through_conversation == _published(cls)
    text = "".join(module.read_text("utf-8") for module in _modules(cls))
    # What plays beside the turns tells the conversation nothing.
    told = text.replace("conversation.background", "").replace("conversation.play_beneath", "")
    assert bool(through_conversation & set(cls.emits)) == ("call.conversation" in told)


class Colour(Enum):
    RED = "red"


class Odd(Processor):
    """Does odd things.

    To strangers as well, with ``care``.
    """

    kind = "service"
    ages = True
    emits = (Interrupted,)

    audio: In[AudioFrame] = In(rate=(16_000, 8_000), channels=2, doc="what is heard")
    text: In[TextFrame] = In(required=False, feedback=True)
    out: Out[AudioFrame] = Out(like="audio")

    def __init__(
        self,
        *,
        wait: Annotated[Duration | None, Range(0, 2_000_000_000), Doc("how long")] = 1_500_000_000,
        rate: Annotated[Hertz, Range(8_000)] = 44_100,
        level: Annotated[int, Range(None, 5), Renamed("volume", "0.1")],
        colour: Colour = Colour.RED,
        mode: Literal["fast", "slow"] | None = None,
        key: Secret | None = Secret("hidden"),  # noqa: B008  # what must never be shown
        old: Annotated[bool, Deprecated("leave it out", "0.1")] = False,
    ) -> None: ...

    def on_audio(self, frame: AudioFrame) -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...


def test_options_as_data() -> None:
    """Type in words, unit, bounds and default as YAML writes them; secrets show nothing."""
    facts = describe_box("odd", Odd)
    wait = option(facts, "wait")
    assert (wait.type, wait.unit, wait.range, wait.default) == (
        "a duration such as 200ms",
        "ns",
        "0s to 2s",
        "1.5s",
    )
    rate = option(facts, "rate")
    assert (rate.unit, rate.range, rate.default, rate.doc) == ("Hz", "at least 8kHz", "44.1kHz", "")
    level = option(facts, "level")
    assert (level.required, level.range, level.renamed) == (True, "at most 5", ("volume",))
    assert (option(facts, "colour").choices, option(facts, "colour").default) == (("red",), "red")
    assert (option(facts, "mode").choices, option(facts, "mode").default) == (("fast", "slow"), None)
    assert option(facts, "key").secret
    assert option(facts, "old").deprecated == "leave it out"
    assert option(describe_box("gemini_live", OURS["gemini_live"]), "greeting").per_call
    assert "hidden" not in repr(facts) + full_example(Odd, "odd")


def test_ports_as_data() -> None:
    """Types, formats in words, and what an input insists on."""
    facts = describe_box("odd", Odd)
    assert (facts.live, facts.about) == (True, ("To strangers as well, with `care`.",))
    audio, text, out = facts.ports
    assert (audio.rate, audio.channels, audio.required) == ("16 kHz or 8 kHz", "stereo", True)
    assert (text.types, text.rate, text.required, text.feedback) == (("TextFrame",), "", False, True)
    assert (text.doc, out.rate, out.direction) == ("text", "as audio", "out")
    assert [event.name for event in facts.events] == ["Interrupted"]


def test_a_function_made_a_processor_has_facts_too() -> None:
    """The decorator's boxes are described like any other."""

    @processor
    def shout(text: TextFrame, *, mark: Annotated[str, Doc("what follows")] = "!") -> TextFrame:
        """Say it louder."""
        return TextFrame(text.text.upper() + mark)

    facts = describe_box("shout", shout)
    assert (facts.purpose, facts.kind) == ("Say it louder.", "processor")
    assert [port.name for port in facts.ports] == ["text", "out"]
    assert option(facts, "mark").default == "!"


def test_facts_are_json() -> None:
    """Nothing in them but what JSON can carry."""
    import json

    import msgspec

    for name, cls in OURS.items():
        data: Any = msgspec.to_builtins(describe_box(name, cls))
        assert json.loads(json.dumps(data, allow_nan=False))["name"] == name

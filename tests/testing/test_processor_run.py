"""The kit for tests of processors: frames in, frames out, on the virtual clock."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from livegraph.pipeline import (
    SECOND,
    AudioFrame,
    ConfigError,
    EdgeEnd,
    Frame,
    In,
    Ins,
    InterruptFrame,
    Out,
    Outs,
    Processor,
    ProcessorError,
    TextFrame,
    TurnStartFrame,
    ms,
    processor,
)
from livegraph.pipeline.events import CallEnded, Interrupted
from livegraph.processors import Gain, Resampler
from livegraph.testing import Wait, audio_frames, live_processor, run_processor
from support.boxes import SlowUpper, Upper


@processor
def shout(text: TextFrame, *, mark: str = "!") -> TextFrame:
    """Upper case."""
    return TextFrame(text.text.upper() + mark)


def test_three_lines_are_a_test() -> None:
    """What the docs promise."""
    run = run_processor(shout, [TextFrame("hello")], mark="?")
    assert run.texts == ["HELLO?"]
    assert run.reason == "completed"


class Sides(Processor):
    """Two inputs of different kinds, two of one kind, two outputs."""

    left: In[TextFrame]
    right: In[TextFrame]
    audio: In[AudioFrame] = In(required=False)
    words: Out[TextFrame]
    sounds: Out[AudioFrame] = Out(rate=8_000, channels=1)

    def on_left(self, frame: TextFrame) -> TextFrame:
        return TextFrame(f"left {frame.text}")

    def on_right(self, frame: TextFrame) -> TextFrame:
        return TextFrame(f"right {frame.text}")

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame

    def on_end(self) -> Iterator[Frame]:
        yield TextFrame("over")


def test_frames_go_where_their_type_does_or_where_they_are_told_to() -> None:
    """In order; a box with several outputs is asked by name."""
    sound = AudioFrame(np.ones(160, np.int16), 8_000)
    run = run_processor(Sides, [("left", TextFrame("a")), sound, ("right", TextFrame("b"))])
    assert run.texts == ["left a", "right b", "over"]
    assert run.frames("sounds") == [sound]
    assert [one.port for one in run.received] == ["words", "sounds", "words", "words"]
    assert len(run.audio("sounds")) == 160


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            TextFrame("a"),
            r'several inputs take a TextFrame: \("port", frame\) says which; there is: left, right',
        ),
        (("middle", TextFrame("a")), "Sides has no input 'middle'; there is: left, right, audio"),
    ],
)
def test_a_frame_that_fits_nowhere_is_refused(frame: Frame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_processor(Sides, [frame])


def test_inputs_can_be_fed_side_by_side() -> None:
    """Each with its own pace."""
    run = run_processor(
        Sides,
        {"left": [TextFrame("a"), Wait("20ms"), TextFrame("c")], "right": [Wait("10ms"), TextFrame("b")]},
    )
    assert run.texts == ["left a", "right b", "left c", "over"]
    assert [time_ns // ms(1) for time_ns in run.times_ns("words")] == [0, 10, 20, 20]


def test_time_is_virtual_and_frames_come_when_their_time_has_come() -> None:
    """A minute of sound takes no minute; `Wait` lets time pass."""
    frames = audio_frames(np.zeros(60 * 8_000, np.int16), 8_000)
    assert len(frames) == 3_000
    run = run_processor(Gain, frames, db=-6)
    assert run.times_ns() == [frame.time_ns for frame in frames]
    later = run_processor(Upper, [Wait("1min"), TextFrame("a")])
    assert later.times_ns() == [ms(60_000)]


def test_the_format_of_a_sound_input_is_that_of_the_first_sound() -> None:
    """Rate and channels; whatever the box makes of them."""
    stereo = [AudioFrame(np.zeros((320, 2), np.int16), 16_000) for _ in range(10)]
    run = run_processor(Resampler, stereo, rate=8_000)
    (first, *_) = run.frames()
    assert isinstance(first, AudioFrame)
    assert (first.rate, first.channels) == (8_000, 2)
    assert len(run.audio()) == 1_600


def test_an_interruption_cuts_its_turn() -> None:
    """As the engine does: what waits is void, and the event tells so."""
    words = [TextFrame(word, turn=1) for word in "abc"]
    run = run_processor(
        SlowUpper, [*words, Wait("15ms"), InterruptFrame(turn=1), TextFrame("d")], delay_ms=10
    )
    assert run.texts == ["A", "D"]
    assert len(run.of(Interrupted)) == 1
    assert run.processor.interrupts == [1]


def test_faults_are_raised() -> None:
    """A handler's with the node's name, wrong options as anywhere; so `pytest.raises` sees them."""

    @processor
    def fragile(text: TextFrame) -> None:
        """Breaks."""
        raise RuntimeError("too much")

    with pytest.raises(ProcessorError, match="box: RuntimeError: too much"):
        run_processor(fragile, [TextFrame("a")])
    with pytest.raises(ConfigError, match="marc"):
        run_processor(shout, marc="?")


def test_a_box_that_does_not_end_is_told() -> None:
    """By the virtual clock, so no test hangs."""

    class Endless(Processor):
        """Goes on."""

        text: In[TextFrame] = In(required=False)

        def on_text(self, frame: TextFrame) -> None:
            return None

        async def run(self) -> None:
            await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="Endless had not ended 5s after its streams"):
        run_processor(Endless, within="5s")


def test_markers_and_events_are_told() -> None:
    """Apart from the frames."""
    run = run_processor(Upper, [TurnStartFrame(turn=2), TextFrame("a", turn=2)])
    assert [type(marker) for marker in run.markers] == [TurnStartFrame]
    assert run.texts == ["A"]
    assert len(run.of(CallEnded)) == 1
    assert run.stats["box.out -> out_of_out.frames"].passed >= 1


@pytest.mark.virtual_time
async def test_a_live_box_can_be_looked_at_in_between() -> None:
    """What it is, what came out so far, what time it is."""
    async with live_processor(SlowUpper, delay_ms=30) as box:
        await box.send(TextFrame("a"), TextFrame("b"))
        await box.sleep("40ms")
        assert (box.texts, box.clock.now_ns()) == (["A"], ms(40))
        assert isinstance(box.processor, SlowUpper)
        box.interrupt(0)
        box.end()
        await box.ended()
        assert box.texts == ["A", "B"]


def test_resources_are_opened_and_closed() -> None:
    """A function that opens them, on the call's own loop; or what is at hand."""
    from collections.abc import AsyncIterator, Mapping
    from contextlib import asynccontextmanager

    told: list[str] = []

    class Asks(Processor):
        """Says what it was given."""

        text: In[TextFrame]
        out: Out[TextFrame]

        def on_text(self, frame: TextFrame) -> TextFrame:
            return TextFrame(str(self.call.resource(str)))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Mapping[type, object]]:
        told.append("opened")
        yield {str: "mine"}
        told.append("closed")

    assert run_processor(Asks, [TextFrame("a")], resources=opened).texts == ["mine"]
    assert told == ["opened", "closed"]
    assert run_processor(Asks, [TextFrame("a")], resources={str: "theirs"}).texts == ["theirs"]


class Chooses(Processor):
    """Tells its edges apart: what comes by one goes out by the edge of the same name."""

    inputs: Ins[TextFrame]
    outputs: Outs[TextFrame]

    def on_inputs(self, frame: TextFrame, edge: EdgeEnd) -> None:
        self.outputs.emit_to(edge.name.upper(), frame)

    def on_input_end(self, port: str, edge: EdgeEnd) -> None:
        self.outputs.emit_to("A", TextFrame(f"{edge.name} is over", time_ns=self.call.clock.now_ns()))


EDGES = {"inputs": ["a", "b"], "outputs": ["A", "B"]}


def test_edges_of_a_port_for_many_have_names() -> None:
    """Each is fed and heard by its own, and ends when its list does."""
    run = run_processor(
        Chooses, {"inputs.a": [TextFrame("x")], "inputs.b": [Wait("1s"), TextFrame("y")]}, edges=EDGES
    )
    assert [frame.text for frame in run.frames("outputs.A") if isinstance(frame, TextFrame)] == [
        "x",
        "a is over",
        "b is over",
    ]
    assert run.times_ns("outputs.B") == [SECOND]


def test_of_two_edges_a_frame_has_to_say_one() -> None:
    """And a port for one edge has no names of edges."""
    with pytest.raises(ValueError, match=r"several inputs take .* inputs\.a, inputs\.b"):
        run_processor(Chooses, [TextFrame("x")], edges=EDGES)
    with pytest.raises(ValueError, match="no port for many edges"):
        run_processor(shout, [], edges={"text": ["a"]})

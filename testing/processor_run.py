"""One processor on the virtual clock, with frames in and frames out.

::

    def test_shout() -> None:
        run = run_processor(Shout, [TextFrame("hello")], mark="?")
        assert run.texts == ["HELLO?"]

What goes in is a list of frames, in order. A frame whose ``time_ns`` lies ahead is sent when the clock shows it;
``Wait`` lets time pass, an ``InterruptFrame`` cuts its turn, ``(port, frame)`` says where a frame goes when its type
does not. The streams end when the list does, and ``run_processor`` returns when the box has ended too.

Where a test wants to look in between, ``live_processor`` gives the same box to hold in the hand::

    @pytest.mark.virtual_time
    async def test_gate_opens() -> None:
        async with live_processor(VadGate, threshold=0.6) as box:
            await box.send(*audio_frames(speech, 16_000))
            assert box.frames("speech")

A box that tells its edges apart is given names for them: ``edges={"inputs": ["a", "b"]}`` makes two edges into
``inputs``, which the box knows as ``a`` and ``b``, and which ``("inputs.a", frame)`` and ``frames("outputs.x")`` mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Call,
    CallLimits,
    Clock,
    EdgeStats,
    Event,
    Frame,
    Graph,
    InterruptFrame,
    Processor,
    TextFrame,
    run_virtual,
)
from ..pipeline.frames import Marker
from ..pipeline.processor import ports_of
from ..pipeline.units import DurationLike, duration_ns, format_duration
from .processor_ends import Ear, Feed, InputEdge, Received, ends_of, format_for

if TYPE_CHECKING:
    from ..audio import Pcm

__all__ = [
    "LiveProcessor",
    "ProcessorRun",
    "Received",
    "Wait",
    "audio_frames",
    "live_processor",
    "run_processor",
]

P = TypeVar("P", bound=Processor)

BOX = "box"
"""What the processor under test is called in its call."""
_LONGEST_NS = 3600 * SECOND


@dataclass(frozen=True, slots=True)
class Wait:
    """Lets the clock go on by ``duration`` before what follows in the list."""

    duration: DurationLike


Given = Frame | Wait | tuple[str, Frame]
Resources = Mapping[type, Any] | Callable[[], AbstractAsyncContextManager[Mapping[type, Any]]]


class _Results:
    """What came out so far."""

    received: list[Received]
    """Every frame, markers included, in the order in which they came."""
    events: list[Event]
    """Every event of the call."""

    def frames(self, port: str = "") -> list[Frame]:
        """What came out of ``port``, by default of all; without the markers that frame turns."""
        return [
            one.frame
            for one in self.received
            if (not port or one.port == port) and not isinstance(one.frame, Marker)
        ]

    def times_ns(self, port: str = "") -> list[int]:
        """When they came, by the call's clock."""
        return [
            one.time_ns
            for one in self.received
            if (not port or one.port == port) and not isinstance(one.frame, Marker)
        ]

    @property
    def markers(self) -> list[Marker]:
        """The turns' beginnings and ends among what came out."""
        return [one.frame for one in self.received if isinstance(one.frame, Marker)]

    @property
    def texts(self) -> list[str]:
        """The text of every ``TextFrame``."""
        return [frame.text for frame in self.frames() if isinstance(frame, TextFrame)]

    def audio(self, port: str = "") -> Pcm:
        """All sound in one array; empty when there was none."""
        import numpy as np

        pieces = [frame.samples for frame in self.frames(port) if isinstance(frame, AudioFrame)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


E = TypeVar("E", bound=Event)


class ProcessorRun(_Results, Generic[P]):
    """What ``run_processor`` gives: all that came out of a box, from its start to its end."""

    def __init__(self, live: LiveProcessor[P], reason: str) -> None:
        self.processor: P = live.processor
        """The box itself, as it was left."""
        self.received = live.received
        self.events = live.events
        self.reason = reason
        """Why the call ended: ``completed`` when every stream did."""
        self.stats: Mapping[str, EdgeStats] = live.call.stats()


class LiveProcessor(_Results, Generic[P]):
    """A box in a running call, with something to feed each of its inputs and to hear each of its outputs."""

    def __init__(
        self, call: Call, kind: type[P], received: list[Received], inputs: Mapping[str, InputEdge]
    ) -> None:
        self.call = call
        self.received = received
        self.events = []
        self._kind = kind
        self._inputs = inputs
        call.events.subscribe(Event, self.events.append)

    @property
    def processor(self) -> P:
        """The box itself; another one after a restart."""
        return self.call.processor(BOX, self._kind)

    @property
    def clock(self) -> Clock:
        """The call's clock."""
        return self.call.clock

    async def send(self, *given: Given) -> None:
        """Send frames, in order, each when its time has come; waits while the box is busy and its queue full.

        Raises ``ValueError`` for a frame that no input takes, or more than one: ``(port, frame)`` says which.
        """
        for one in given:
            if isinstance(one, Wait):
                await self.sleep(one.duration)
            elif isinstance(one, InterruptFrame):
                self.interrupt(one.turn)
            else:
                port, frame = one if isinstance(one, tuple) else (self._input_for(one), one)
                if frame.time_ns > self.clock.now_ns():
                    await self.clock.sleep_until_ns(frame.time_ns)
                await self._feed(port).send(frame)

    async def sleep(self, duration: DurationLike) -> None:
        """Let the clock go on."""
        await self.clock.sleep_until_ns(self.clock.now_ns() + duration_ns(duration))

    def interrupt(self, turn: int) -> None:
        """Cut ``turn``, as when the model's service says so."""
        self.conversation.interrupted(turn)

    def end(self, *ports: str) -> None:
        """Nothing follows on these inputs, by default on all."""
        for port in ports or self._inputs:
            self._feed(port).end()

    async def ended(self, within: DurationLike = 60 * SECOND) -> None:
        """Return when the box has handed on what it had and the call is over.

        Raises ``AssertionError`` when that takes longer than ``within``.
        """
        limit_ns = duration_ns(within)
        try:
            await asyncio.wait_for(self.call.finished(), limit_ns / SECOND)
        except TimeoutError:
            raise AssertionError(
                f"{self._kind.__name__} had not ended {format_duration(limit_ns)} after its streams"
            ) from None

    @property
    def conversation(self) -> Any:
        """The call's conversation, as boxes see it."""
        return self.processor.call.conversation

    def _input_for(self, frame: Frame) -> str:
        kind = type(frame)
        fitting = [name for name, one in self._inputs.items() if one.port.accepts(kind)]
        if not fitting and kind.marker:
            fitting = list(self._inputs)
        if len(fitting) == 1:
            return fitting[0]
        names = ", ".join(fitting or self._inputs) or "none"
        told = "several inputs take" if fitting else "no input takes"
        raise ValueError(f'{told} a {kind.__name__}: ("port", frame) says which; there is: {names}')

    def _feed(self, port: str) -> Feed:
        if port not in self._inputs:
            names = ", ".join(self._inputs) or "none"
            raise ValueError(f"{self._kind.__name__} has no input {port!r}; there is: {names}")
        return self.call.processor(self._inputs[port].feed, Feed)


def run_processor(
    processor: type[P],
    frames: Iterable[Given] | Mapping[str, Iterable[Given]] = (),
    *,
    resources: Resources | None = None,
    edges: Mapping[str, Sequence[str]] | None = None,
    within: DurationLike = _LONGEST_NS,
    **options: Any,
) -> ProcessorRun[P]:
    """Run one processor with ``options`` from its start to the end of ``frames``, on a virtual clock of its own.

    Args:
        frames: what goes in, in order; or for each input what goes into it, side by side, each to its own end.
        resources: what the call brings along, by type, or a function that opens it: an async context manager.
        edges: of ports for many edges, what these are called; left out, a port has one.
        within: how long the box may take, by the virtual clock, to end after its streams.

    Raises what the call raises (``ProcessorError`` when a handler failed, ``ConfigError`` for wrong options),
    ``AssertionError`` when the box does not end, ``ValueError`` for a frame that no input takes.
    """
    given = (
        {port: list(items) for port, items in frames.items()} if isinstance(frames, Mapping) else list(frames)
    )

    async def main() -> ProcessorRun[P]:
        async with live_processor(
            processor, resources=resources, formats=_formats_of(processor, given), edges=edges, **options
        ) as box:
            if isinstance(given, dict):
                async with asyncio.TaskGroup() as group:
                    for port, items in given.items():
                        group.create_task(_feed_one(box, port, items))
            else:
                await box.send(*given)
            box.end()
            await box.ended(within)
        return ProcessorRun(box, box.call.reason)

    return run_virtual(main())


async def _feed_one(box: LiveProcessor[Any], port: str, items: Sequence[Given]) -> None:
    for one in items:
        plain = isinstance(one, Wait | InterruptFrame | tuple)
        await box.send(one if plain else (port, one))  # type: ignore[arg-type]  # what is not plain is a frame
    box.end(port)


@asynccontextmanager
async def live_processor(
    processor: type[P],
    *,
    resources: Resources | None = None,
    formats: Mapping[str, tuple[int, int]] | None = None,
    edges: Mapping[str, Sequence[str]] | None = None,
    on_error: Any = "end_call",
    limits: CallLimits | None = None,
    **options: Any,
) -> AsyncIterator[LiveProcessor[P]]:
    """One processor in a running call, while the block lasts. ``formats`` are rate and channels of audio inputs,
    or of one edge (``inputs.a``), ``edges`` what the edges of ports for many are called.

    Runs on the clock of the loop: ``@pytest.mark.virtual_time``, or ``run_virtual``, makes that a virtual one.
    """
    graph = Graph("test")
    graph.add(BOX, processor, on_error=on_error, **options)
    received: list[Received] = []
    inputs: dict[str, InputEdge] = {}
    for name, port in ports_of(processor).items():
        for place, node in ends_of(port, (edges or {}).get(name)):
            agreed = (formats or {}).get(place, (formats or {}).get(name))
            rate, channels = format_for(port, options, agreed)
            if port.direction == "in":
                inputs[place] = InputEdge(port, node)
                graph.add(node, Feed, rate=rate, channels=channels)
                graph.connect(f"{node}.out", f"{BOX}.{name}")
            else:
                graph.add(node, Ear, port=place, into=received)
                graph.connect(f"{BOX}.{name}", f"{node}.frames")
    plan = graph.plan(limits=limits)
    opening = resources() if callable(resources) else nullcontext(resources or {})
    async with opening as opened, plan.call(resources=opened) as call:
        yield LiveProcessor(call, processor, received, inputs)


def _formats_of(
    processor: type[Processor], given: Mapping[str, Sequence[Given]] | Sequence[Given]
) -> dict[str, tuple[int, int]]:
    """The format of the first sound for each input that takes sound."""
    found: dict[str, tuple[int, int]] = {}
    inputs = [port for port in ports_of(processor).values() if port.direction == "in"]
    items = (
        [(port, one) for port, many in given.items() for one in many]
        if isinstance(given, Mapping)
        else [("", one) for one in given]
    )
    for port, one in items:
        name, frame = one if isinstance(one, tuple) else (port, one)
        if isinstance(frame, AudioFrame):
            names = (
                [name.partition(".")[0]]
                if name
                else [each.name for each in inputs if each.accepts(AudioFrame)]
            )
            for each in names:
                found.setdefault(each, (frame.rate, frame.channels))
    return found


def audio_frames(
    samples: Pcm, rate: int, *, each: DurationLike = 20 * MS, start: DurationLike = 0, turn: int = 0
) -> list[AudioFrame]:
    """``samples`` as frames of ``each``, timed one after the other from ``start`` on, as a microphone sends them."""
    size = max(1, duration_ns(each) * rate // SECOND)
    start_ns = duration_ns(start)
    return [
        AudioFrame(samples[at : at + size], rate, time_ns=start_ns + at * SECOND // rate, turn=turn)
        for at in range(0, len(samples), size)
    ]

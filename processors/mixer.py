"""Mixer: several sounds into one.

Ports: ``inputs`` in, any number of edges; ``out`` out. Sound is aligned by its times and summed: a track that lags
behind is waited for no longer than ``wait``; what comes in a burst, as a model's voice does, queues up behind
itself. Two that speak at once are summed just before they are heard, so that each can be cut alone. With ``duck`` the
others are lowered while one of them is heard. Edges are called after the nodes that they come from: ``music``, or
``music.out`` where a node has two.

Example:
    mixer: {duck: voice, gains: {music: -6}}
"""

import asyncio
from contextlib import suppress
from typing import Annotated

from ..audio import Ducking, Mixdown, MixedBlock, samples_to_ns
from ..pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Doc,
    Duration,
    EdgeEnd,
    Emitted,
    Ins,
    InterruptFrame,
    Live,
    Marker,
    Out,
    Processor,
    ProcessorError,
    Range,
    TurnEndFrame,
)
from ..pipeline.events import StateChanged

__all__ = ["Mixer"]


class Mixer(Processor):
    """Mix several sounds into one, and lower the others while one is heard.

    Example:
        mixer: {duck: voice, gains: {music: -6}}
    """

    emits = (StateChanged,)

    inputs: Ins[AudioFrame] = Ins(doc="the sounds, one edge each; they agree on one format")
    out: Out[AudioFrame] = Out(like="inputs", doc="their sum, in blocks of 20 ms while any of them sounds")

    def __init__(
        self,
        *,
        gains: Annotated[
            dict[str, float] | None,
            Live(),
            Doc("decibels by input, such as {music: -6}; others stay as they are"),
        ] = None,
        duck: Annotated[
            str | None, Doc("the input under which the others are lowered while it is heard, such as voice")
        ] = None,
        duck_by: Annotated[float, Range(0, 60), Live(), Doc("by how many decibels they are lowered")] = 12.0,
        duck_hold: Annotated[
            Duration, Range(0, 10 * SECOND), Doc("how long they stay so after it has fallen silent")
        ] = 400 * MS,
        wait: Annotated[
            Duration, Range(0, 2 * SECOND), Doc("how long an input that lags behind holds up the others")
        ] = 40 * MS,
        limit: Annotated[
            Duration,
            Range(100 * MS, 600 * SECOND),
            Doc("how much of one input is kept; what goes beyond is lost"),
        ] = 60 * SECOND,
    ) -> None:
        self._gains = gains or {}
        self._duck, self._duck_by, self._duck_hold_ns = duck, duck_by, duck_hold
        self._wait_ns, self._limit_ns = wait, limit
        self._changed = asyncio.Event()
        self._over = False
        self._told_loss = False
        self._ends: list[TurnEndFrame] = []
        """Of turns whose sound is still held."""
        self._places: dict[int, int] = {}
        """How many samples of a turn were handed on."""
        self._shared: set[int] = set()
        """Turns that sounded beside another's."""

    async def start(self) -> None:
        names = [edge.name for edge in self.inputs.edges]
        for name in [*self._gains, *([self._duck] if self._duck else [])]:
            if name not in names:
                raise ProcessorError(
                    self.name,
                    f"has no input {name!r}",
                    remedy=f"its inputs are called: {', '.join(names) or 'none'}",
                )
        ducking = Ducking(self._duck, self._duck_by, hold_ns=self._duck_hold_ns) if self._duck else None
        self._mix = Mixdown(
            self.out.format.rate,
            self.out.format.channels,
            wait_ns=self._wait_ns,
            limit_ns=self._limit_ns,
            ducking=ducking,
        )
        for name in names:
            self._mix.open(name, self._gains.get(name, 0.0))

    def on_tune(self, *, gains: dict[str, float] | None, duck_by: float) -> None:
        self._gains = gains or {}
        self._mix.set_gains(self._gains)
        if self._mix.ducking is not None:
            self._mix.ducking = Ducking(self._mix.ducking.track, duck_by, hold_ns=self._duck_hold_ns)

    def on_inputs(self, frame: AudioFrame, edge: EdgeEnd) -> None:
        self._mix.add(edge.name, frame.samples, frame.time_ns, frame.turn)
        if self._mix.dropped and not self._told_loss:
            self._told_loss = True
            self.log.warning("%s: %s is ahead by more than its limit, and loses sound", self.name, edge.name)
        self._changed.set()

    def on_marker(self, port: str, frame: Marker) -> Emitted:
        if not isinstance(frame, TurnEndFrame):
            return frame
        # Behind its sound, which is held.
        self._ends.append(frame)
        self._changed.set()
        return None

    def on_rewired(self) -> None:
        for edge in self.inputs.edges:
            if edge.name not in self._mix.tracks:
                self._mix.open(edge.name, self._gains.get(edge.name, 0.0))

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self._mix.interrupt(frame.turn)
        self._ends = [end for end in self._ends if not 0 < end.turn <= frame.turn]
        self._changed.set()

    def on_input_end(self, port: str, edge: EdgeEnd) -> None:
        self._mix.end(edge.name)
        self._changed.set()

    def on_end(self) -> None:
        self._over = True
        self._changed.set()

    async def run(self) -> None:
        """Hand on what is due: when the last input has come, or when it has been waited for long enough.

        Not in the handler: what that sends would take on the turn of the frame at hand.
        """
        while True:
            over = self._over
            self._changed.clear()
            for block in self._mix.take(self.call.clock.now_ns()):
                rate = self.out.format.rate
                await self.out.send(AudioFrame(block.samples, rate, time_ns=block.time_ns, turn=block.turn))
                self._count(block)
            for end in [end for end in self._ends if not self._mix.holds(end.turn)]:
                self._ends.remove(end)
                self._places.pop(end.turn, None)
                self._shared.discard(end.turn)
                self.out.emit(end)  # type: ignore[arg-type]  # markers pass any port
            if over:
                return
            deadline_ns = self._mix.deadline_ns
            left_ns = None if deadline_ns is None else max(0, deadline_ns - self.call.clock.now_ns())
            with suppress(TimeoutError):
                async with asyncio.timeout(None if left_ns is None else left_ns / SECOND):
                    await self._changed.wait()

    def _count(self, block: MixedBlock) -> None:
        """Tell how far turns were heard that sound beside others: an output hears of one turn in each block alone."""
        turns = (block.turn, *block.others) if block.turn else ()
        if len(turns) > 1:
            self._shared.update(turns)
        for turn in turns:
            self._places[turn] = place = self._places.get(turn, 0) + len(block.samples)
            if turn in self._shared:
                self.call.conversation.played(turn, samples_to_ns(place, self.out.format.rate))

"""A loudspeaker at the far side of a socket, as a part of the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from ...audio import Pcm, Resampler
from ...pipeline.clock import Clock
from ...pipeline.frames import AudioFrame, Marker, TurnEndFrame
from ...pipeline.turns.conversation import Conversation
from ...pipeline.turns.outputs import Background, Beneath
from ..playout import Played
from .ahead import AheadPlayout, Clear, Step

__all__ = ["FarSpeaker"]


class FarSpeaker:
    """What ``Speaker`` is for a loudspeaker of our own: it takes frames from a graph, at its own pace, and tells the
    conversation what was heard. What is to be sent is asked for by ``beat``.

    Args:
        rate: of the frames; ``playout`` has the rate of the far side.
        send: given what cannot wait for the next beat: a far side that is to forget.
        heard: given all that the caller hears, at the far side's rate, silence too.
    """

    def __init__(
        self,
        conversation: Conversation,
        rate: int,
        playout: AheadPlayout,
        clock: Clock,
        *,
        send: Callable[[Step], object],
        heard: Callable[[Pcm, int], object] | None = None,
    ) -> None:
        self._conversation, self._playout, self._clock = conversation, playout, clock
        self._send, self._heard = send, heard
        self._rate = rate
        self._resampler = Resampler(rate, playout.rate)
        self._flowing = 0
        """The turn whose sound is in the resampler."""
        self._waiting: asyncio.Future[None] | None = None
        self._beneath: tuple[Background, Beneath] | None = None
        conversation.attach(self)

    @property
    def drained(self) -> bool:
        """Whether ``finish`` was called and all is played."""
        return self._playout.drained

    @property
    def held_ns(self) -> int:
        """How much sound is queued."""
        return self._playout.held_ns

    # What the graph gives

    async def play(self, frame: AudioFrame) -> None:
        """Queue ``frame`` as soon as there is room; one waits at a time. Frames of void turns are dropped."""
        while self._playout.full:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if self._playout.is_void(frame.turn):
            return
        if frame.turn != self._flowing:
            self._run_out()
            self._flowing = frame.turn
        self._push(self._resampler.process(frame.samples), frame.turn)

    def mark(self, frame: Marker) -> None:
        """Queue a marker."""
        if isinstance(frame, TurnEndFrame):
            self._run_out()
        self._playout.push(frame)

    def finish(self) -> None:
        """Nothing more will come."""
        self._run_out()
        self._playout.finish()

    # What the conversation decides

    def pause(self) -> None:
        """Stop the sound, keep what was not heard."""
        self._carry_out(self._playout.pause(self._clock.now_ns()))

    def resume(self) -> None:
        """Go on with what was not heard."""
        self._playout.resume()

    def flush(self, turn: int) -> None:
        """Drop what is queued of turns up to ``turn``, here and at the far side."""
        self._carry_out(self._playout.flush(turn, self._clock.now_ns()))
        if 0 < self._flowing <= turn:
            self._resampler.reset()
            self._flowing = 0
        self._wake()

    # What the far side and the clock say

    def beat(self) -> list[Step]:
        """What is to be sent now; the conversation hears what was played meanwhile."""
        now_ns = self._clock.now_ns()
        sounded = self._playout.heard(now_ns)
        if len(sounded):
            self._conversation.sounded(sounded, self._playout.rate)
            if self._heard is not None:
                self._heard(sounded, self._playout.rate)
        background = self._background()
        steps = self._playout.due(now_ns, fill=background is not None)
        if background is not None:
            steps = [background.under(step) if isinstance(step, np.ndarray) else step for step in steps]
        self._report(now_ns)
        return steps

    def confirmed(self, name: str) -> None:
        """The far side has played what came before a mark."""
        now_ns = self._clock.now_ns()
        self._playout.confirm(name, now_ns)
        self._report(now_ns)

    def _push(self, samples: Pcm, turn: int) -> None:
        if len(samples):
            frame = AudioFrame(samples, self._playout.rate, time_ns=self._clock.now_ns(), turn=turn)
            self._playout.push(frame)

    def _run_out(self) -> None:
        """Queue what the resampler holds back."""
        self._push(self._resampler.flush(), self._flowing)

    def _background(self) -> Beneath | None:
        background = self._conversation.background
        if background is None:
            return None
        if self._beneath is None or self._beneath[0] is not background:
            self._beneath = (background, background.under(self._playout.rate))
        return self._beneath[1]

    def _carry_out(self, steps: list[Step]) -> None:
        for step in steps:
            assert isinstance(step, Clear)
            self._send(step)

    def _report(self, now_ns: int) -> None:
        for fact in self._playout.facts(now_ns):
            if isinstance(fact, Played):
                self._conversation.played(fact.turn, fact.position_ns)
            else:
                self._conversation.played_out(fact.turn)
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._playout.full and not self._waiting.done():
            self._waiting.set_result(None)

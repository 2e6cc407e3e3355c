"""What every output that plays sound has in common: a playout buffer that takes part in the conversation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from ..audio import Pcm, ns_to_samples, silence
from ..pipeline.frames import AudioFrame, Marker
from ..pipeline.turns.conversation import Conversation
from ..pipeline.turns.outputs import Background, Beneath
from ..pipeline.units import MS
from .cushion import Cushion
from .playout import Fact, Played, PlayoutBuffer

__all__ = ["Speaker"]


class Speaker:
    """Takes frames from a graph at its own pace and gives samples to whoever has the clock.

    It attaches itself to the conversation as its playout, and tells it what was played. ``play`` waits while
    the buffer is full, so what does not fit waits in the edge in front. Arguments are those of
    ``PlayoutBuffer``, and ``heard``, which is given all samples as they are pulled, silence too.
    """

    def __init__(
        self,
        conversation: Conversation,
        rate: int,
        channels: int = 1,
        *,
        limit_ns: int = 300 * MS,
        cushion_ns: int | Cushion = 0,
        heard: Callable[[Pcm], object] | None = None,
    ) -> None:
        self._heard = heard
        self._buffer = PlayoutBuffer(rate, channels, limit_ns=limit_ns, cushion_ns=cushion_ns)
        self._conversation = conversation
        # On the way of every 20 ms: looked up once.
        self._outputs = conversation.outputs
        self._played, self._played_out = conversation.played, conversation.played_out
        self._waiting: asyncio.Future[None] | None = None
        self._rate = rate
        self._pulled = 0
        self._unheard: deque[tuple[int, Fact]] = deque()
        """What was given and is not heard yet, each with the sample at which it was given."""
        self.heard_after_ns = 0
        """How long whoever pulls keeps the sound before it is heard, as far as that is known: a browser has a buffer of
        its own. What was played is told so much later."""
        self._turn = 0
        self._finished = False
        self._beneath: tuple[Background, Beneath] | None = None
        conversation.attach(self)

    @property
    def drained(self) -> bool:
        """Whether ``finish`` was called and all is played."""
        return self._finished and self._buffer.drained and not self._unheard

    @property
    def held_ns(self) -> int:
        """How much sound is queued."""
        return self._buffer.held_ns

    @property
    def turn(self) -> int:
        """The turn that was played last, 0 before the first."""
        return self._turn

    async def play(self, frame: AudioFrame) -> None:
        """Queue ``frame`` as soon as there is room; one waits at a time. Frames of void turns are dropped."""
        while self._buffer.full:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._buffer.push(frame)

    def mark(self, frame: Marker) -> None:
        """Queue a marker."""
        self._buffer.push(frame)

    def finish(self) -> None:
        """Nothing more will come."""
        self._finished = True
        self._buffer.finish()

    def pull(self, samples: int) -> Pcm:
        """The next ``samples`` samples, silence where there is no sound. The conversation hears of it."""
        sound = self._buffer.take(samples)
        if len(sound) < samples:
            sound = _filled_up(sound, samples)
        outputs = self._outputs
        for listener in outputs.listeners:
            listener(sound, self._rate)
        self._pulled += samples
        if self._heard is not None:
            self._heard(sound)
        self._report()
        return sound if outputs.background is None else self._backed(sound)

    def take(self, samples: int) -> Pcm:
        """As ``pull``, without the silence at the end."""
        if self._outputs.background is not None and not self._buffer.drained:
            return self.pull(samples)
        sound = self._buffer.take(samples)
        for listener in self._outputs.listeners:
            listener(sound, self._rate)
        if self._heard is not None:
            self._heard(_filled_up(sound, samples))
        self._report()
        return sound

    def _backed(self, sound: Pcm) -> Pcm:
        """``sound`` with what goes on beneath it."""
        background = self._outputs.background
        if background is None:
            return sound
        if self._beneath is None or self._beneath[0] is not background:
            self._beneath = (background, background.under(self._rate))
        backed: Pcm = self._beneath[1].under(sound)
        return backed

    # What the conversation decides

    def pause(self) -> None:
        """Stop the sound, keep what is queued."""
        self._buffer.pause()

    def resume(self) -> None:
        """Go on from the paused sample."""
        self._buffer.resume()

    def flush(self, turn: int) -> None:
        """Drop what is queued of turns up to ``turn``."""
        self._buffer.flush(turn)
        self._unheard = deque(each for each in self._unheard if not 0 < each[1].turn <= turn)
        self._wake()

    def _report(self) -> None:
        # The conversation may answer by a pause or a flush: the samples are out of the buffer by now.
        facts = self._buffer.facts()
        if self.heard_after_ns or self._unheard:
            self._unheard.extend((self._pulled, fact) for fact in facts)
            heard = self._pulled - ns_to_samples(self.heard_after_ns, self._rate)
            facts = []
            while self._unheard and self._unheard[0][0] <= heard:
                facts.append(self._unheard.popleft()[1])
        for fact in facts:
            self._turn = fact.turn
            if fact.__class__ is Played:
                self._played(fact.turn, fact.position_ns)
            else:
                self._played_out(fact.turn)
        if self._waiting is not None:
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._buffer.full and not self._waiting.done():
            self._waiting.set_result(None)


def _filled_up(sound: Pcm, samples: int) -> Pcm:
    missing = samples - len(sound)
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    return sound if not missing else np.concatenate((sound, silence(missing, channels)))

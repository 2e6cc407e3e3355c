"""Sound that is kept until it is known whether it belongs to speech. Pure; times are media time, in nanoseconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ..pipeline import AudioFrame
from ..pipeline.units import SECOND

__all__ = ["PreRoll"]


class PreRoll:
    """The newest frames of one stream, which ends where the newest of them ends."""

    def __init__(self) -> None:
        self._held: deque[AudioFrame] = deque()
        self._held_ns = 0

    def keep(self, frame: AudioFrame, length_ns: int) -> None:
        """Hold ``frame``, and no more of what came before than makes ``length_ns`` in all."""
        self._hold(frame)
        while self._held and self._held_ns - self._held[0].duration_ns >= length_ns:
            self._held_ns -= self._held.popleft().duration_ns

    def release(self, frame: AudioFrame, length_ns: int) -> Iterator[AudioFrame]:
        """The last ``length_ns`` of what is held and of ``frame``, to the sample; nothing is held any more then."""
        self._hold(frame)
        surplus_ns = self._held_ns - length_ns
        held, self._held, self._held_ns = self._held, deque(), 0
        for one in held:
            if surplus_ns >= one.duration_ns:
                surplus_ns -= one.duration_ns
                continue
            if surplus_ns > 0:
                samples = surplus_ns * one.rate // SECOND
                time_ns = one.time_ns + samples * SECOND // one.rate
                yield AudioFrame(one.samples[samples:], one.rate, time_ns=time_ns, turn=one.turn)
                surplus_ns = 0
            else:
                yield one

    def _hold(self, frame: AudioFrame) -> None:
        self._held.append(frame)
        self._held_ns += frame.duration_ns

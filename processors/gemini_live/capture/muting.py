"""What becomes of the user's sound while they are unheard: it is dropped, or kept for later. Pure."""

from __future__ import annotations

from collections import deque

from ....pipeline.frames import AudioFrame, SpeechEndFrame, SpeechStartFrame
from ....pipeline.units import SECOND

__all__ = ["Muting"]

Heard = AudioFrame | SpeechStartFrame | SpeechEndFrame

_KEEP_NS = 30 * SECOND
"""What is kept at most; the oldest goes first."""


class Muting:
    """Takes the user's sound, and what a detector says of it, in order; gives what is to be heard now, in order."""

    def __init__(self) -> None:
        self._kept: deque[Heard] = deque()
        self._kept_ns = 0
        self._speaks = False
        """Whether the user has begun to speak unheard, and not ended."""

    def take(self, frame: Heard, *, muted: bool, keeps: bool) -> list[Heard]:
        """One more frame. ``keeps``: what is said unheard is heard as soon as the user is heard again."""
        if muted:
            self._hold(frame, keeps=keeps)
            return []
        if not self._kept and not self._speaks:
            return [frame]
        given: list[Heard] = [*self._kept]
        if self._speaks and not isinstance(frame, SpeechStartFrame):
            # The beginning was lost: for whoever listens now the user begins now.
            given.append(SpeechStartFrame(time_ns=frame.time_ns))
        self._kept.clear()
        self._kept_ns, self._speaks = 0, False
        return [*given, frame]

    def _hold(self, frame: Heard, *, keeps: bool) -> None:
        if keeps:
            self._kept.append(frame)
            self._kept_ns += frame.duration_ns
            while self._kept_ns > _KEEP_NS:
                self._kept_ns -= self._kept.popleft().duration_ns
        elif not isinstance(frame, AudioFrame):
            self._speaks = isinstance(frame, SpeechStartFrame)

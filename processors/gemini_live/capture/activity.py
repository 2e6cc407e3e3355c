"""Where we mark the user's turns ourselves: which audio goes up, and when a turn begins and ends. Pure.

Between turns audio is held back for a while, so that a turn begins before its onset was noticed. Speech over the
agent counts only when it is more than a cough: a start of activity would cut the agent off for good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal

from ....pipeline.frames import AudioFrame
from ....pipeline.turns.controller import TurnState
from ....pipeline.units import SECOND

__all__ = ["ActivityWindow", "Step"]

Step = AudioFrame | Literal["start", "end"]
"""Audio to send, or the start or end of the user's turn."""

_KEEP_NS = 3 * SECOND
"""What a detector may take to hear speech, and the longest pre-roll."""
_DECIDE_NS = 10 * SECOND
"""What is kept while it is not decided whether the user interrupts."""


class ActivityWindow:
    """The user's turns, from what a detector reports. Each method gives the steps that follow, in order."""

    def __init__(self, pre_roll_ns: int) -> None:
        self._pre_roll_ns = pre_roll_ns
        self._held: deque[AudioFrame] = deque()
        self._held_ns = 0
        self._state: Literal["closed", "undecided", "open"] = "closed"
        self._over = False
        """Whether the user has stopped while it was undecided."""

    @property
    def open(self) -> bool:
        """Whether the user's turn has begun and not ended."""
        return self._state == "open"

    def audio(self, frame: AudioFrame, state: TurnState) -> Iterator[Step]:
        """The user's sound; ``state`` is what the conversation is doing."""
        if self._state == "open":
            yield frame
            return
        self._hold(frame)
        yield from self.decide(state)

    def started(self, onset_ns: int, state: TurnState) -> Iterator[Step]:
        """The user speaks, since ``onset_ns``."""
        if self._state == "open":
            return
        since_ns = onset_ns - self._pre_roll_ns
        while self._held and self._held[0].time_ns + self._held[0].duration_ns <= since_ns:
            self._held_ns -= self._held.popleft().duration_ns
        self._state, self._over = "undecided", False
        yield from self.decide(state)

    def stopped(self) -> Iterator[Step]:
        """The user is silent."""
        if self._state == "open":
            self._state = "closed"
            yield "end"
        elif self._state == "undecided":
            self._over = True

    def decide(self, state: TurnState) -> Iterator[Step]:
        """The conversation may have settled whether the user interrupts."""
        if self._state != "undecided" or state is TurnState.PAUSED:
            return
        if state is TurnState.SPEAKING:
            # A noise so far: the agent has gone on, and stops again should it turn out to be more.
            if self._over:
                self._state = "closed"
                self._trim(_KEEP_NS)
            return
        self._state = "open"
        yield "start"
        yield from self._held
        self._held.clear()
        self._held_ns = 0
        if self._over:
            self._state = "closed"
            yield "end"

    def _hold(self, frame: AudioFrame) -> None:
        self._held.append(frame)
        self._held_ns += frame.duration_ns
        self._trim(_KEEP_NS if self._state == "closed" else _DECIDE_NS)

    def _trim(self, keep_ns: int) -> None:
        while self._held and self._held_ns - self._held[0].duration_ns >= keep_ns:
            self._held_ns -= self._held.popleft().duration_ns

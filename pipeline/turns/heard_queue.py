"""Words become history when their sound is heard.

A model sends text far ahead of what the caller hears, and an interruption makes the rest unsaid.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["HeardQueue"]

T = TypeVar("T")


class HeardQueue(Generic[T]):
    """Holds what belongs to the sound of a turn of one source until playout reaches its place. Pure.

    Places are nanoseconds from the start of the turn's sound. Bounded: beyond ``limit`` pieces the
    first is given out early rather than lost.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self.pieces: deque[tuple[int, int, T]] = deque()
        """What waits, with the turn and the place that it waits for."""
        self._finished = 0
        self._void = 0

    def __len__(self) -> int:
        return len(self.pieces)

    def add(self, turn: int, at_ns: int, piece: T) -> Iterator[T]:
        """``piece`` belongs to the sound of ``turn`` from ``at_ns`` on; yields what the bound pushes out.

        Text may come after its sound: of a turn that was played out it is yielded at once, of one that is
        void it is forgotten.
        """
        if turn <= self._void:
            return
        if turn <= self._finished:
            yield piece
            return
        # Turns may wait side by side: what is heard first stands first, whenever it was told.
        index = len(self.pieces)
        while index and self.pieces[index - 1][:2] > (turn, at_ns):
            index -= 1
        self.pieces.insert(index, (turn, at_ns, piece))
        while len(self.pieces) > self._limit:
            yield self.pieces.popleft()[2]

    def played(self, turn: int, position_ns: int) -> Iterator[T]:
        """What is audible now that ``turn`` has been played up to ``position_ns``, and all of turns before."""
        while self.pieces and self.pieces[0][:2] <= (turn, position_ns):
            yield self.pieces.popleft()[2]

    def finished(self, turn: int) -> Iterator[T]:
        """All that is left of turns up to ``turn``: their sound is over."""
        self._finished = max(self._finished, turn)
        while self.pieces and self.pieces[0][0] <= turn:
            yield self.pieces.popleft()[2]

    def void(self, turn: int) -> None:
        """Forget what was not heard of turns up to ``turn``."""
        self._void = max(self._void, turn)
        while self.pieces and self.pieces[0][0] <= turn:
            self.pieces.popleft()

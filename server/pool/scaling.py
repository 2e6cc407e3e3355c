"""How many workers there are to be, by how full they are. Sans-IO: time is an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...pipeline.units import SECOND

__all__ = ["Scaling"]


@dataclass(slots=True)
class Scaling:
    """Between ``least`` and ``most``: more as soon as they are needed, fewer only after a while.

    Raises ``ValueError`` for bounds that are none.
    """

    least: int
    most: int
    full: float = 0.7
    """How full the workers may be on average before there are to be more."""
    near: float = 0.5
    """How full they may be before there should be room for one more: a machine that is not there yet takes minutes."""
    empty: float = 0.4
    """How full those that would be left may be for there to be fewer."""
    patience_ns: int = 60 * SECOND
    """For so long it must have been so: calls come and go, and a worker takes a while to start."""
    _idle_since_ns: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError("there is one worker at least, and the most are not fewer than the least")

    def wanted(self, now_ns: int, workers: int, load: float) -> int:
        """How many there are to be.

        Args:
            workers: how many there are.
            load: how full they are, added up: 1 for each that is full.
        """
        held = min(self.most, max(self.least, workers))
        if held != workers:
            return held
        if load > self.full * workers:
            self._idle_since_ns = None
            return min(self.most, max(workers + 1, math.ceil(load / self.full)))
        if workers == self.least or load > self.empty * (workers - 1):
            self._idle_since_ns = None
            return workers
        if self._idle_since_ns is None:
            self._idle_since_ns = now_ns
        if now_ns - self._idle_since_ns < self.patience_ns:
            return workers
        # One at a time: each has calls that must come to their end.
        self._idle_since_ns = now_ns
        return workers - 1

    def foreseen(self, workers: int, load: float) -> int:
        """How many there should be room for, while there are to be ``workers``."""
        return min(self.most, workers + 1) if load > self.near * workers else workers

"""How evenly packets come: relative transit times, and the wait that covers most of them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

__all__ = ["TransitWindow"]

_PACKETS = 150
"""Three seconds of packets of 20 ms."""
_SHARE = 0.95
_FEW = 10
"""Of fewer packets nothing is known yet, and nothing is waited for."""


class TransitWindow:
    """The transit of the last packets: arrival minus media time, of which only differences mean anything."""

    __slots__ = ("_order", "_sorted")

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._sorted: list[int] = []

    def add(self, transit_ns: int) -> None:
        """A packet came."""
        if len(self._order) == _PACKETS:
            oldest = self._order.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._order.append(transit_ns)
        insort(self._sorted, transit_ns)

    def clear(self) -> None:
        """The sender's clock has jumped: what was is of no use."""
        self._order.clear()
        self._sorted.clear()

    @property
    def least_ns(self) -> int:
        """The quickest of the window: what the network takes when nothing is in the way. 0 before the first."""
        return self._sorted[0] if self._sorted else 0

    @property
    def spread_ns(self) -> int:
        """By how much 95 of 100 packets were slower than the quickest, at most."""
        count = len(self._sorted)
        if count < _FEW:
            return 0
        return self._sorted[min(count - 1, int(count * _SHARE))] - self._sorted[0]

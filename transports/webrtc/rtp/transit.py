"""How evenly packets come: relative transit times, and the wait that covers most of them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["TransitWindow"]

_PACKETS = 150
"""Three seconds of packets of 20 ms."""
_SHARE = 0.95
_FEW = 10
"""Of fewer packets nothing is known yet, and nothing is waited for."""


class TransitWindow:
    """The transit of the last packets: arrival minus media time, of which only differences mean anything."""

    __slots__ = ("_window", "add")

    def __init__(self) -> None:
        self._window: deque[int] = deque(maxlen=_PACKETS)
        self.add: Callable[[int], None] = self._window.append
        """A packet came, with this transit in ns. It comes with every packet, and is asked about with every hole."""

    def clear(self) -> None:
        """The sender's clock has jumped: what was is of no use."""
        self._window.clear()

    @property
    def least_ns(self) -> int:
        """The quickest of the window: what the network takes when nothing is in the way. 0 before the first."""
        return min(self._window, default=0)

    @property
    def lag_ns(self) -> int:
        """By how much the newest packet was slower than the quickest of the window, as it stood in queues."""
        return self._window[-1] - self.least_ns if self._window else 0

    @property
    def is_telling(self) -> bool:
        """Whether enough is known for ``spread_ns`` to mean something."""
        return len(self._window) >= _FEW

    @property
    def spread_ns(self) -> int:
        """By how much 95 of 100 packets were slower than the quickest, at most."""
        count = len(self._window)
        if count < _FEW:
            return 0
        ordered = sorted(self._window)
        return ordered[min(count - 1, int(count * _SHARE))] - ordered[0]

"""How long to wait before what has ended is started again. Sans-IO: time is an argument."""

from __future__ import annotations

from ...pipeline.units import SECOND

__all__ = ["Backoff"]

_STEADY_NS = 30 * SECOND
"""What lived longer did not end because it was started."""
_FIRST_NS = SECOND
_MOST_NS = 30 * SECOND


class Backoff:
    """At once the first time, then longer and longer while what is started does not last."""

    def __init__(self) -> None:
        self._waits_ns = 0

    def after(self, lived_ns: int) -> int:
        """How long to wait now that it has ended after this time, in nanoseconds."""
        if lived_ns >= _STEADY_NS:
            self._waits_ns = 0
        waits_ns = self._waits_ns
        self._waits_ns = min(_MOST_NS, 2 * waits_ns or _FIRST_NS)
        return waits_ns

"""Transport-wide feedback: when each packet of the caller came, told every 200 ms."""

from __future__ import annotations

from ....pipeline.units import MS
from .rtcp import build_feedback
from .sequence import unwrap

__all__ = ["FeedbackSender"]

_EVERY_NS = 200 * MS
_MOST_PACKETS = 512


class FeedbackSender:
    """Collects the transport-wide numbers of what comes, over all sources of a connection."""

    __slots__ = ("_arrivals", "_count", "_highest", "_media", "_next", "_told_ns")

    def __init__(self) -> None:
        self._arrivals: dict[int, int] = {}
        self._highest = -1
        self._next = -1
        self._count = 0
        self._media = 0
        self._told_ns = 0

    def heard(self, number: int, ssrc: int, now_ns: int) -> None:
        """The packet with this transport-wide number (16 bits) came."""
        extended = number + 0x10000 if self._highest < 0 else unwrap(number, self._highest, 16)
        if self._next < 0:
            self._next = extended
        if abs(extended - self._highest) > _MOST_PACKETS and self._highest >= 0:
            # The sender began anew, or numbers at random: nothing is said of what was.
            self._arrivals.clear()
            self._next = extended
        self._highest = max(self._highest, extended) if extended > self._highest - _MOST_PACKETS else extended
        if extended >= self._next:
            self._arrivals.setdefault(extended, now_ns)
        self._media = ssrc

    def due(self, ssrc: int, now_ns: int) -> bytes | None:
        """The feedback that is due, as RTCP of our source ``ssrc``."""
        if not self._arrivals or now_ns - self._told_ns < _EVERY_NS:
            return None
        self._told_ns = now_ns
        last = max(self._arrivals)
        first = max(self._next, last - _MOST_PACKETS + 1)
        came = [self._arrivals.get(number) for number in range(first, last + 1)]
        self._arrivals.clear()
        self._next = last + 1
        packet = build_feedback(ssrc, self._media, self._count, first, came)
        self._count += 1
        return packet

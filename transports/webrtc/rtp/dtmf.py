"""Keys of a telephone as events in RTP (RFC 4733)."""

from __future__ import annotations

from typing import NamedTuple

from .packets import RtpPacket

__all__ = ["DtmfReceiver", "KeyPress"]

_KEYS = "0123456789*#ABCD"


class KeyPress(NamedTuple):
    """A key, from its pressing to its release."""

    key: str
    """One of ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""
    duration_ms: int


class DtmfReceiver:
    """Makes one key press of the packets that tell of it: each is sent many times, and any may be lost.

    A press is told as soon as its end is heard of; when all packets that tell the end are lost, with the next press
    or by ``poll``.
    """

    __slots__ = ("_ended", "_heard_ns", "_open", "_room_at_ns", "hasty")

    _GONE_AFTER_NS = 500_000_000
    _SHORTEST_NS = 40_000_000
    """From press to press, in the long run: no telephone and no machine is quicker."""
    _BURST_NS = 32 * _SHORTEST_NS

    def __init__(self) -> None:
        self.hasty = 0
        """Presses that were dropped, since they came faster than any key can be pressed."""
        self._room_at_ns = -self._BURST_NS
        self._open: tuple[int, int, str, int] | None = None  # source, timestamp, key, ms so far
        self._ended: tuple[int, int] | None = None
        self._heard_ns = 0

    def receive(self, packet: RtpPacket, clock_rate: int, now_ns: int) -> list[KeyPress]:
        """Take a packet of telephone events; returns the presses that are complete. Other events are left out."""
        payload = packet.payload
        if len(payload) < 4 or payload[0] >= len(_KEYS):
            return []
        which = (packet.ssrc, packet.timestamp)
        if which == self._ended:
            return []
        presses = []
        if self._open is not None and self._open[:2] != which:
            presses += self._finish(now_ns)
        duration = int.from_bytes(payload[2:4], "big") * 1_000 // clock_rate
        before = self._open[3] if self._open is not None else 0
        self._open = (*which, _KEYS[payload[0]], max(before, duration))
        self._heard_ns = now_ns
        if payload[1] & 0x80:
            presses += self._finish(now_ns)
        return presses

    def poll(self, now_ns: int) -> list[KeyPress]:
        """Time has passed: a press of which nothing more is heard is over."""
        if self._open is not None and now_ns - self._heard_ns >= self._GONE_AFTER_NS:
            return self._finish(now_ns)
        return []

    def _finish(self, now_ns: int) -> list[KeyPress]:
        assert self._open is not None
        source, timestamp, key, duration = self._open
        self._open, self._ended = None, (source, timestamp)
        room_at_ns = max(self._room_at_ns, now_ns - self._BURST_NS) + self._SHORTEST_NS
        if room_at_ns > now_ns:
            self.hasty += 1
            return []
        self._room_at_ns = room_at_ns
        return [KeyPress(key, duration)]

"""Key frames put together from packets. All other pictures are let go at their first packet."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from ....pipeline.units import MS
from .packets import RtpPacket
from .sequence import SequenceTracker
from .video_payloads import VideoPart

__all__ = ["KeyFrame", "KeyFrames"]

_MOST_OPEN = 3
_MOST_BYTES = 4 << 20
_MOST_PACKETS = 4_096
_ASK_AFTER_NS = 30 * MS
_MOST_ASKS = 3
_MOST_NACKED = 64


class KeyFrame(NamedTuple):
    """A picture that can be decoded by itself."""

    timestamp: int
    data: bytes


@dataclass(slots=True)
class _Open:
    """A picture that is not complete."""

    heard_ns: int
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    first: int | None = None
    last: int | None = None
    key: bool | None = None
    asks: int = 0


class KeyFrames:
    """Collects one source's packets. What is kept is bounded: three pictures, 4 MB in all."""

    __slots__ = ("_done", "_open", "_tracker")

    def __init__(self) -> None:
        self._tracker = SequenceTracker()
        self._open: dict[int, _Open] = {}
        self._done: dict[int, None] = {}

    def add(self, packet: RtpPacket, part: VideoPart, now_ns: int) -> KeyFrame | None:
        """Take a packet; returns the key frame that it completes."""
        step = self._tracker.place(packet.sequence)
        stamp = packet.timestamp
        if step.kind == "suspect" or stamp in self._done:
            return None
        if part.key is False:
            self._close(stamp)
            return None
        picture = self._open.get(stamp)
        if picture is None:
            while len(self._open) >= _MOST_OPEN:
                self._close(next(iter(self._open)))
            picture = self._open[stamp] = _Open(now_ns)
        picture.heard_ns = now_ns
        number = step.number
        if number not in picture.parts:
            picture.parts[number] = part.data
            picture.size += len(part.data)
        picture.key = picture.key or part.key
        if part.begins and (picture.first is None or number < picture.first):
            picture.first = number
        if packet.marker:
            picture.last = number
        while sum(each.size for each in self._open.values()) > _MOST_BYTES:
            self._close(next(iter(self._open)))
        if stamp not in self._open or len(picture.parts) > _MOST_PACKETS:
            self._close(stamp)
            return None
        return self._complete(stamp, picture)

    def missing(self, now_ns: int) -> list[int]:
        """Sequence numbers (16 bits) to ask for once more; each hole is asked for a few times."""
        wanted: list[int] = []
        for picture in self._open.values():
            if not picture.key or picture.asks >= _MOST_ASKS:
                continue
            if now_ns - picture.heard_ns < _ASK_AFTER_NS * (picture.asks + 1):
                continue
            picture.asks += 1
            first = min(picture.parts) if picture.first is None else picture.first
            last = max(picture.parts) + (picture.last is None)
            # A sender that begins anew in the middle of a picture leaves holes of any size.
            holes = (number & 0xFFFF for number in range(first, last + 1) if number not in picture.parts)
            wanted += islice(holes, _MOST_NACKED - len(wanted))
        return wanted

    def _complete(self, stamp: int, picture: _Open) -> KeyFrame | None:
        if not picture.key or picture.first is None or picture.last is None:
            return None
        count = picture.last - picture.first + 1
        if not 0 < count <= len(picture.parts):
            return None
        numbers = range(picture.first, picture.last + 1)
        if not all(number in picture.parts for number in numbers):
            return None
        data = b"".join(picture.parts[number] for number in numbers)
        self._close(stamp)
        return KeyFrame(stamp, data)

    def _close(self, stamp: int) -> None:
        """No more of this picture."""
        self._open.pop(stamp, None)
        self._done[stamp] = None
        while len(self._done) > 16:
            del self._done[next(iter(self._done))]

"""Packets put in order, and what is missing between them.

Nothing waits here: whoever has the time asks what comes next, and decides when a hole is given up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from .packets import RtpPacket
from .sequence import SequenceTracker

__all__ = ["Arrived", "OrderCounts", "ReorderBuffer"]

_MOST_HELD = 128
_MOST_REMEMBERED = 256


class Arrived(NamedTuple):
    """A packet in its order."""

    number: int
    """Its extended sequence number."""
    packet: RtpPacket
    at_ns: int
    """When it came."""
    missing: int
    """How many before it were given up."""
    restarted: bool
    """Whether the sender began anew with it: numbers and timestamps say nothing of what was before."""


@dataclass(slots=True)
class OrderCounts:
    """What was seen of one source, in packets."""

    received: int = 0
    """All that came, also twice or too late."""
    lost: int = 0
    """Given up, and not come later either."""
    late: int = 0
    """Come after they had been given up."""
    duplicates: int = 0
    reordered: int = 0
    """Come after one that was sent later, but in time."""
    restarts: int = 0
    """Jumps of the sequence that turned out to be a new beginning."""
    strays: int = field(default=0)
    """Numbers too far off, that nothing followed."""


class ReorderBuffer:
    """Packets of one source. ``push`` what comes, ``pop`` what is next, ``skip`` a hole to give it up."""

    __slots__ = (
        "_given_up",
        "_held",
        "_missing",
        "_next",
        "_restart",
        "_suspect",
        "_tracker",
        "counts",
        "held",
    )

    def __init__(self) -> None:
        self.counts = OrderCounts()
        self._tracker = SequenceTracker()
        self._held: dict[int, tuple[RtpPacket, int]] = {}
        self.held: Collection[int] = self._held
        """The numbers of the packets that are held: one object for good, to be looked at with every packet."""
        self._next = -1
        self._missing = 0
        self._given_up: dict[int, None] = {}
        self._suspect: tuple[RtpPacket, int] | None = None
        self._restart = -1

    @property
    def highest(self) -> int:
        """The highest extended sequence number, -1 before the first packet."""
        return self._tracker.highest

    @property
    def waits(self) -> bool:
        """Whether packets are held behind a hole."""
        return bool(self._held) and self._next not in self._held

    @property
    def since_ns(self) -> int:
        """When the hole in front of what is held was noticed: when the first packet behind it came."""
        return min(at_ns for _, at_ns in self._held.values())

    @property
    def is_full(self) -> bool:
        """Whether no hole may be waited for any longer, whatever the time."""
        return len(self._held) >= _MOST_HELD

    def follow(self, sequence: int) -> int:
        """Take a packet without holding it, if it is the next and nothing is held: its number. Else -1: ``push`` it."""
        number = self._next
        if self._held or number != self._tracker.highest + 1 or not self._tracker.advance(sequence):
            return -1
        self.counts.received += 1
        self._next = number + 1
        return number

    def push(self, packet: RtpPacket, now_ns: int) -> bool | None:
        """Take a packet that came. False when it is too late or a copy; ``None`` when it is a stray, so that
        nothing it says is to be believed.
        """
        self.counts.received += 1
        kind, number = self._tracker.place(packet.sequence)
        if kind == "suspect":
            self.counts.strays += self._suspect is not None
            self._suspect = (packet, now_ns)
            return None
        if kind == "restart":
            return self._begin_anew(packet, number, now_ns)
        if self._next < 0:
            self._next = number
        if number < self._next:
            self._too_late(number)
            return False
        if number in self._held:
            self.counts.duplicates += 1
            return False
        self.counts.reordered += kind == "old"
        self._held[number] = (packet, now_ns)
        return True

    def fill(self, packet: RtpPacket, back: int, now_ns: int) -> bool:
        """Take a copy of the packet ``back`` before the newest (RED); False when it is not missing."""
        number = self._tracker.highest - back
        if self._next < 0 or number < self._next or number in self._held:
            return False
        self._held[number] = (packet, now_ns)
        return True

    def pop(self) -> Arrived | None:
        """The next packet, if it is there."""
        found = self._held.pop(self._next, None)
        if found is None:
            return None
        packet, at_ns = found
        arrived = Arrived(self._next, packet, at_ns, self._missing, self._next == self._restart)
        self._next += 1
        self._missing = 0
        return arrived

    def skip(self) -> int:
        """Give up the hole in front of what is held; returns how many packets that are."""
        if not self.waits:
            return 0
        first = min(self._held)
        count = first - self._next
        if first == self._restart:
            # Between two counts of a sender nothing is missing.
            self._next = first
            return 0
        for number in range(max(self._next, first - _MOST_REMEMBERED), first):
            self._given_up[number] = None
        while len(self._given_up) > _MOST_REMEMBERED:
            del self._given_up[next(iter(self._given_up))]
        self.counts.lost += count
        self._missing += count
        self._next = first
        return count

    def _too_late(self, number: int) -> None:
        if number in self._given_up:
            del self._given_up[number]
            self.counts.late += 1
            self.counts.lost -= 1
        else:
            self.counts.duplicates += 1

    def _begin_anew(self, packet: RtpPacket, number: int, now_ns: int) -> bool:
        """The stray before was the first of a new beginning."""
        self.counts.restarts += 1
        if self._suspect is not None:
            self._held[number - 1] = self._suspect
            self._suspect = None
            self._restart = number - 1
        else:
            self._restart = number
        self._held[number] = (packet, now_ns)
        return True

"""Numbers that wrap around, told apart: sequence numbers of 16 bits and timestamps of 32 (RFC 3550, appendix A.1)."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["SequenceTracker", "Step", "unwrap"]

_MOST_FORWARD = 3_000
_MOST_BACKWARD = 100

Kind = Literal["next", "ahead", "old", "suspect", "restart"]


def unwrap(value: int, near: int, bits: int) -> int:
    """The number nearest to ``near`` whose lowest ``bits`` bits are ``value``. May be negative."""
    span = 1 << bits
    delta = (value - near) & (span - 1)
    return near + (delta - span if delta >= span >> 1 else delta)


class Step(NamedTuple):
    """Where a packet stands in its stream."""

    kind: Kind
    """``next`` or ``ahead`` of all so far, ``old`` (late or twice), ``suspect`` (too far off to be believed at once),
    or ``restart``: the one after a suspect, so that the sender has begun anew."""
    number: int
    """The extended sequence number; of a suspect meaningless."""


class SequenceTracker:
    """Extends sequence numbers. A jump too far to be true is believed when the next packet follows it."""

    __slots__ = ("_suspect", "highest")

    def __init__(self) -> None:
        self.highest = -1
        """The highest extended number so far; -1 before the first packet."""
        self._suspect = -1

    def advance(self, sequence: int) -> bool:
        """Whether the packet with these 16 bits is the next; then it counts, else ``place`` it."""
        if (sequence - self.highest) & 0xFFFF != 1 or self.highest < 0:
            return False
        self.highest += 1
        self._suspect = -1
        return True

    def place(self, sequence: int) -> Step:
        """Where the packet with these 16 bits stands."""
        if self.highest < 0:
            self.highest = sequence + 0x10000  # room below for what was sent before it
            return Step("next", self.highest)
        delta = (sequence - self.highest) & 0xFFFF
        if delta == 1:
            self.highest += 1
            self._suspect = -1
            return Step("next", self.highest)
        if 0 < delta < _MOST_FORWARD:
            self.highest += delta
            self._suspect = -1
            return Step("ahead", self.highest)
        if delta == 0 or delta > 0x10000 - _MOST_BACKWARD:
            return Step("old", self.highest - (-delta & 0xFFFF))
        if sequence == self._suspect:
            # Counted on from above all that was, so that numbers never go back.
            self.highest = self.highest + 0x20000 - (self.highest & 0xFFFF) + sequence
            self._suspect = -1
            return Step("restart", self.highest)
        self._suspect = (sequence + 1) & 0xFFFF
        return Step("suspect", -1)

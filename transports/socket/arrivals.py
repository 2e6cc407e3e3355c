"""The caller's voice in the order in which it was spoken: pieces that were overtaken are waited for, lost ones are
told, and what never stops coming has no gaps. Sans-IO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...pipeline.units import MS
from .signals import Sound

__all__ = ["Arrivals", "Gap"]

_MOST_WAITING = 5
"""Pieces that may come before the one that is waited for: 100 ms of the usual ones."""
_WAIT_NS = 100 * MS
_MOST_GAP_MS = 1_000
"""A longer one is no loss of a few pieces: the far side was silent, or counts anew."""
_PIECE_MS = 20
_MOST_JUMP = 1_000
"""20 s of pieces: no network keeps so many back."""


@dataclass(frozen=True, slots=True)
class Gap:
    """So much did not come."""

    ms: int


class Arrivals:
    """Orders the pieces of one stream by their numbers; pieces without numbers are taken as they come."""

    def __init__(self) -> None:
        self.lost = 0
        """Pieces that did not come, or came too late."""
        self._next: int | None = None
        self._ended_ms: int | None = None
        """Where the last piece ends on the far side's own clock."""
        self._early: dict[int, tuple[Sound, int]] = {}
        self._since_ns = 0

    def take(self, sound: Sound, length_ms: int, now_ns: int) -> Iterator[Sound | Gap]:
        """A piece of ``length_ms`` came: what can be played now, in order."""
        number = sound.chunk
        if number is None:
            yield sound
            return
        if self._next is None:
            self._next = number
        elif abs(number - self._next) > _MOST_JUMP:
            # It counts anew.
            yield from self._give_up()
            self._next, self._ended_ms = number, None
        elif number < self._next:
            # Twice, or after its place was given up.
            return
        if number != self._next and not self._early:
            self._since_ns = now_ns
        self._early.setdefault(number, (sound, length_ms))
        yield from self._in_order()
        if self._early and (len(self._early) >= _MOST_WAITING or now_ns - self._since_ns >= _WAIT_NS):
            yield from self._give_up(once=True)

    def _in_order(self) -> Iterator[Sound | Gap]:
        while self._next in self._early:
            sound, length_ms = self._early.pop(self._next)
            self._next += 1
            yield from self._placed(sound, length_ms, 0)

    def _give_up(self, *, once: bool = False) -> Iterator[Sound | Gap]:
        """Do without what did not come."""
        while self._early:
            assert self._next is not None
            first = min(self._early)
            missing = first - self._next
            self.lost += missing
            self._next = first
            sound, length_ms = self._early.pop(first)
            self._next += 1
            yield from self._placed(sound, length_ms, missing)
            yield from self._in_order()
            if once:
                return

    def _placed(self, sound: Sound, length_ms: int, missing: int) -> Iterator[Sound | Gap]:
        if missing:
            gap_ms = missing * (length_ms or _PIECE_MS)
            if sound.at_ms is not None and self._ended_ms is not None:
                gap_ms = sound.at_ms - self._ended_ms
            if 0 < gap_ms <= _MOST_GAP_MS:
                yield Gap(gap_ms)
        if sound.at_ms is not None:
            self._ended_ms = sound.at_ms + length_ms
        yield sound

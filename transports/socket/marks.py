"""Marks that are on their way to a far side and back: what has been played there, and how late it plays. Sans-IO.

A mark that comes back tells that all before it was played. One that does not is lost, or its far side hears and says
nothing for now: a network that stands still says nothing of what was heard, and nothing is taken to be.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ...pipeline.units import MS, SECOND

__all__ = ["Marks"]

_OVERDUE_NS = 2 * SECOND
"""A mark that has not come back so long after its time is taken for lost, while its far side talks."""
_LOST_NS = 10 * SECOND
"""The same of a far side that says nothing at all."""
_QUIET_NS = 300 * MS
"""Longer than that no far side that talks is silent."""
_USUAL_NS = 500 * MS
"""The way there and back, as long as no mark has told it."""
_SLACK_NS = 200 * MS
"""A mark that is later than usual by so much has not been played."""
_JITTER_NS = 40 * MS
"""What is later by less is late by chance."""


@dataclass(slots=True)
class _Sent:
    name: str
    end: int
    """The place in all that was sent before which everything was played when it comes back."""
    due_ns: int
    """When that is, by the clock, if the far side has played on from its first sound."""
    patience_ns: int = 0
    """How much longer it is waited for: while nothing at all came."""


class Marks:
    """Those of one stream of sound."""

    def __init__(self) -> None:
        self.round_trip_ns: int | None = None
        """How much later than at its time the last mark came back: the way there and back."""
        self.late_ns = 0
        """How much later than by the clock the far side plays now: what a network held back moves all that follows."""
        self._sent: deque[_Sent] = deque()
        self._least_ns: int | None = None
        self._alive_ns: int | None = None

    def send(self, name: str, end: int, due_ns: int) -> None:
        """A mark goes out behind the sample ``end``, which is played at ``due_ns``."""
        self._sent.append(_Sent(name, end, due_ns))

    def confirm(self, name: str, now_ns: int) -> int | None:
        """A mark has come back: up to where all was played. ``None`` for one that is unknown, or was overtaken."""
        found = next((mark for mark in self._sent if mark.name == name), None)
        if found is None:
            return None
        while self._sent and self._sent[0].end <= found.end:
            self._sent.popleft()
        after_ns = max(0, now_ns - found.due_ns)
        self._least_ns = after_ns if self._least_ns is None else min(self._least_ns, after_ns)
        late_ns = after_ns - self._least_ns
        self.late_ns = late_ns if late_ns > _JITTER_NS else 0
        self.round_trip_ns = after_ns - self.late_ns
        return found.end

    def alive(self, now_ns: int) -> None:
        """The far side has said something, whatever it is."""
        if self._alive_ns is not None and now_ns - self._alive_ns > _QUIET_NS:
            for mark in self._sent:
                mark.patience_ns += now_ns - max(self._alive_ns, mark.due_ns)
        self._alive_ns = now_ns

    def lost(self, now_ns: int) -> int | None:
        """Up to where all is taken for played, though its mark has not come back."""
        place = None
        while self._sent and self._is_lost(self._sent[0], now_ns):
            place = self._sent.popleft().end
        return place

    def stands_still(self, now_ns: int) -> bool:
        """Whether the far side does not play what it should have played by now."""
        if not self._sent:
            return False
        usual_ns = _USUAL_NS if self._least_ns is None else self._least_ns
        return now_ns - self._sent[0].due_ns - self.late_ns > usual_ns + _SLACK_NS

    def restart(self, idle_ns: int) -> None:
        """By the clock the far side has had nothing left for so long: less of it is late, or nothing any more."""
        self.late_ns = max(0, self.late_ns - max(0, idle_ns))

    def forget(self) -> None:
        """What was sent is taken back."""
        self._sent.clear()
        self.late_ns = 0

    def _is_lost(self, mark: _Sent, now_ns: int) -> bool:
        overdue_ns = now_ns - mark.due_ns
        if overdue_ns >= _LOST_NS:
            return True
        if self._alive_ns is not None:
            overdue_ns = min(overdue_ns, max(0, self._alive_ns + _QUIET_NS - mark.due_ns) - mark.patience_ns)
        return overdue_ns >= _OVERDUE_NS

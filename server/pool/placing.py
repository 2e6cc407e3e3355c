"""Which worker takes a call: the one with the most room, by what was measured. Sans-IO: time is an argument.

What a call costs shows in the measurement only seconds after it was placed. So each call that was placed counts by
itself until then, or a burst would go to one worker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...pipeline.units import MS, SECOND
from .worker import WorkerReport

__all__ = ["CALL_COST", "Place", "call_cost", "has_room", "load_of", "roomiest"]

_SHOWS_AFTER_NS = 3 * SECOND
"""Load is measured over so long."""
_REPORT_SHARE = 1 / 12
"""Four reports come in a second."""
CALL_COST = 0.03
"""What a call takes of a core, while nothing is known."""
_COST_RANGE = (0.005, 0.25)
_KNOWN_FROM = 4
_MOST_SETTLING = 8
"""So many calls are set up by a worker at a time: each takes 10 to 20 ms of its core, most of it the handshake, and
calls that talk can wait no longer than their buffers last."""
_SETTLES_WITHIN_NS = 2 * SECOND
"""Who has not come by then costs nothing any more, whether it comes or not."""
_LAG_ALLOWED_NS = 5 * MS
_LAG_FULL_NS = 60 * MS
"""A loop that comes so late has no room, whatever its CPU says."""


@dataclass(eq=False, slots=True)
class Place:
    """What is known of one worker."""

    report: WorkerReport = field(default_factory=WorkerReport)
    calls: int = 0
    """That were placed here and are not over, those included that are being answered."""
    placed: deque[int] = field(default_factory=deque)
    """When those came that the measurement does not show yet."""
    mean_active: float = 0.0
    """Calls that it had, on average over as long as its load is measured."""
    settling: deque[int] = field(default_factory=deque)
    """When those were placed whose callers have not come yet."""

    def tell(self, report: WorkerReport) -> None:
        """The worker reports."""
        self.report = report
        self.mean_active += (report.active - self.mean_active) * _REPORT_SHARE

    def take(self, now_ns: int) -> None:
        """A call is placed here."""
        self.calls += 1
        self.placed.append(now_ns)
        self.settling.append(now_ns)

    def settled(self, placed_ns: int) -> None:
        """The caller of a call that was placed then has come, or is gone. Again is fine."""
        if placed_ns in self.settling:
            self.settling.remove(placed_ns)

    def has_time(self, now_ns: int) -> bool:
        """Whether it can set up one more call now."""
        while self.settling and now_ns - self.settling[0] >= _SETTLES_WITHIN_NS:
            self.settling.popleft()
        most = round(_MOST_SETTLING * (1 - self.report.lag_ns / _LAG_FULL_NS))
        return len(self.settling) < max(1, most)

    def fresh(self, now_ns: int) -> float:
        """How many calls the measurement does not show yet."""
        while self.placed and now_ns - self.placed[0] >= _SHOWS_AFTER_NS:
            self.placed.popleft()
        return sum(1 - (now_ns - at) / _SHOWS_AFTER_NS for at in self.placed)


def call_cost(places: Sequence[Place], before: float = CALL_COST) -> float:
    """What a call takes of a core here; with too few to tell, what it took ``before``."""
    calls = sum(place.mean_active for place in places)
    if calls < _KNOWN_FROM:
        return before
    low, high = _COST_RANGE
    return min(high, max(low, sum(place.report.cpu for place in places) / calls))


def load_of(place: Place, cost: float, now_ns: int) -> float:
    """How full it is, 1 being full: half by what is measured, half by what its calls are expected to cost.

    The one alone would follow the noise of an idle machine, the other would not see what else a worker does.
    """
    measured = place.report.cpu + place.fresh(now_ns) * cost
    late = max(0, place.report.lag_ns - _LAG_ALLOWED_NS) / _LAG_FULL_NS
    return (measured + _expected(place, cost)) / 2 + late


def has_room(place: Place, cost: float) -> bool:
    """Whether its core can be expected to bear one more call. So few that they cannot fill it are always borne."""
    return place.calls < _KNOWN_FROM or (place.report.cpu + _expected(place, cost)) / 2 + cost <= 1


def _expected(place: Place, cost: float) -> float:
    return max(place.calls, place.report.active) * cost


def roomiest(places: Sequence[Place], now_ns: int, cost: float = CALL_COST) -> Place:
    """The one with the most room; of equals the first. ``ValueError`` when there is none."""
    return min(places, key=lambda place: load_of(place, cost, now_ns))

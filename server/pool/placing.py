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

__all__ = ["Place", "call_cost", "load_of", "roomiest"]

_SHOWS_AFTER_NS = 3 * SECOND
"""Load is measured over so long."""
_COST = 0.03
"""What a call takes of a core, while nothing is known."""
_COST_RANGE = (0.005, 0.25)
_KNOWN_FROM = 4
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

    def take(self, now_ns: int) -> None:
        """A call is placed here."""
        self.calls += 1
        self.placed.append(now_ns)

    def fresh(self, now_ns: int) -> float:
        """How many calls the measurement does not show yet."""
        while self.placed and now_ns - self.placed[0] >= _SHOWS_AFTER_NS:
            self.placed.popleft()
        return sum(1 - (now_ns - at) / _SHOWS_AFTER_NS for at in self.placed)


def call_cost(places: Sequence[Place]) -> float:
    """What a call takes of a core here."""
    calls = sum(place.report.active for place in places)
    if calls < _KNOWN_FROM:
        return _COST
    low, high = _COST_RANGE
    return min(high, max(low, sum(place.report.cpu for place in places) / calls))


def load_of(place: Place, cost: float, now_ns: int) -> float:
    """How full it is, 1 being full: half by what is measured, half by what its calls are expected to cost.

    The one alone would follow the noise of an idle machine, the other would not see what else a worker does.
    """
    measured = place.report.cpu + place.fresh(now_ns) * cost
    expected = max(place.calls, place.report.active) * cost
    late = max(0, place.report.lag_ns - _LAG_ALLOWED_NS) / _LAG_FULL_NS
    return (measured + expected) / 2 + late


def roomiest(places: Sequence[Place], now_ns: int) -> Place:
    """The one with the most room; of equals the first. ``ValueError`` when there is none."""
    cost = call_cost(places)
    return min(places, key=lambda place: load_of(place, cost, now_ns))

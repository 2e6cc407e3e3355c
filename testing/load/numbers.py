"""What became of the callers: counts, and times by percentile. Sans-IO."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

__all__ = ["Figures", "LoadReport", "Seen", "Tally", "figures"]


class Figures(msgspec.Struct, frozen=True):
    """Of measured values: how many, and what so many of a hundred stay at or below."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Seen(msgspec.Struct):
    """What one process has seen so far; times are milliseconds, and those since the last time only."""

    begun: int = 0
    connected: int = 0
    active: int = 0
    over: int = 0
    failed: dict[str, int] = {}
    dropped: dict[str, int] = {}
    """Calls that ended before their time, by why."""
    put_off: int = 0
    """How often a caller was told to come back, and did."""
    held_back_s: float = 0.0
    """How much later than planned calls began, because the callers themselves were slow."""
    again: int = 0
    """Calls that followed one that had ended before its time."""
    sent: int = 0
    received: int = 0
    lost: int = 0
    lost_samples: int = 0
    """At 48 kHz: what lies between the first and the last packet of a call and did not come."""
    said: int = 0
    """How often something was said that wants an answer."""
    connect_ms: list[float] = []
    again_ms: list[float] = []
    """From the end of a call that was lost to the next one's beginning."""
    answer_ms: list[float] = []
    silence_ms: list[float] = []
    loss: list[float] = []
    """Of each call that is over, the share of the agent's packets that did not come."""
    late_ms: list[float] = []
    """By how much the callers' own clock was late: when that is much, the callers are what is slow."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it."""

    calls: int
    begun: int
    connected: int
    active: int
    failed: dict[str, int]
    dropped: dict[str, int]
    seconds: float
    processes: int
    put_off: int
    held_back_s: float
    again: int
    sent_packets: int
    received_packets: int
    lost_packets: int
    lost_samples: int
    said: int
    answered: int
    loss: Figures | None
    connect_ms: Figures | None
    again_ms: Figures | None
    answer_ms: Figures | None
    silence_ms: Figures | None
    callers_late_ms: Figures | None

    @property
    def clean(self) -> bool:
        """Whether every call came about and lasted."""
        return self.connected == self.calls and not self.failed and not self.dropped


def figures(values: Sequence[float]) -> Figures | None:
    """Percentiles by nearest rank; ``None`` of nothing."""
    if not values:
        return None
    ranked = sorted(values)

    def at(share: float) -> float:
        return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 4)

    return Figures(len(ranked), at(0.5), at(0.95), at(0.99), round(ranked[-1], 4))


class Tally:
    """Adds up what several processes see."""

    _TIMES = ("connect_ms", "again_ms", "answer_ms", "silence_ms", "loss", "late_ms")

    def __init__(self, calls: int, processes: int) -> None:
        self._calls = calls
        self._last: list[Seen] = [Seen() for _ in range(processes)]
        self._times: dict[str, list[float]] = {name: [] for name in self._TIMES}

    def take(self, process: int, seen: Seen) -> None:
        """A process tells what it has seen."""
        self._last[process] = seen
        for name, values in self._times.items():
            values += getattr(seen, name)

    def report(self, seconds: float) -> LoadReport:
        """As it stands after so many seconds."""
        found = {name: figures(values) for name, values in self._times.items()}
        return LoadReport(
            calls=self._calls,
            begun=self._sum("begun"),
            connected=self._sum("connected"),
            active=self._sum("active"),
            failed=_added(seen.failed for seen in self._last),
            dropped=_added(seen.dropped for seen in self._last),
            seconds=round(seconds, 1),
            processes=len(self._last),
            sent_packets=self._sum("sent"),
            received_packets=self._sum("received"),
            lost_packets=self._sum("lost"),
            lost_samples=self._sum("lost_samples"),
            put_off=self._sum("put_off"),
            held_back_s=round(max(seen.held_back_s for seen in self._last), 1),
            again=self._sum("again"),
            said=self._sum("said"),
            answered=len(self._times["answer_ms"]),
            loss=found["loss"],
            connect_ms=found["connect_ms"],
            again_ms=found["again_ms"],
            answer_ms=found["answer_ms"],
            silence_ms=found["silence_ms"],
            callers_late_ms=found["late_ms"],
        )

    def _sum(self, name: str) -> int:
        return sum(getattr(seen, name) for seen in self._last)


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)

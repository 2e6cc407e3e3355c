"""A call as operators and metrics see it."""

from __future__ import annotations

from typing import Any

from ..metrics import Snapshot
from .line import Line

__all__ = ["detailed", "shown", "snapshot"]


def snapshot(line: Line) -> Snapshot:
    """The line for metrics."""
    oldest_ns = max((stats.oldest_ns for stats in line.call.stats().values()), default=0)
    return Snapshot(line.agent.name, line.state, oldest_ns)


def shown(line: Line, now_ns: int) -> dict[str, Any]:
    """The line for operators; what is not known of a leg is ``None``."""
    leg = line.leg.numbers()
    return {
        "id": line.call.id,
        "agent": line.agent.name,
        "identity": line.entry.caller.grant.shown,
        "address": line.entry.caller.address,
        "transport": line.leg.kind,
        "state": line.state,
        "seconds": round((now_ns - line.began_ns) / 1e9, 1),
        "jitter_ms": _rounded(leg.jitter_ms, 1),
        "loss": _rounded(leg.loss, 4),
        "round_trip_ms": _rounded(leg.round_trip_ms, 1),
        "tokens": line.warden.tokens,
        "cost_usd": round(line.warden.cost_usd, 6),
    }


def detailed(line: Line, now_ns: int) -> dict[str, Any]:
    """The same with the queues between its boxes."""
    edges = [
        {"edge": name} | {counter: getattr(stats, counter) for counter in type(stats).__slots__}
        for name, stats in line.call.stats().items()
    ]
    return {**shown(line, now_ns), "edges": edges}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

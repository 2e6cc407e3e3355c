"""A call as operators and metrics see it."""

from __future__ import annotations

from typing import Any

from ...pipeline.processor import ports_of
from ...pipeline.running.call import Call
from ...pipeline.spelling import snake_name
from ...pipeline.units import MS
from ..metrics import Snapshot
from .line import Line

__all__ = ["detailed", "outputs_of", "shown", "snapshot"]


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
        "unclear": leg.unclear,
        "tokens": line.warden.tokens,
        "cost_usd": round(line.warden.cost_usd, 6),
    }


def detailed(line: Line, now_ns: int) -> dict[str, Any]:
    """The same with its boxes, their outputs, and the queues between them."""
    nodes = [
        {
            "node": state.name,
            "box": state.box,
            "state": state.state,
            "busy_ms": state.busy_ns // MS,
            "waiting": state.waiting,
            "waiting_ms": state.waiting_ns // MS,
            "dropped": state.dropped,
        }
        for state in line.call.states()
    ]
    edges = [
        {"edge": name} | {counter: getattr(stats, counter) for counter in type(stats).__slots__}
        for name, stats in line.call.stats().items()
    ]
    return {**shown(line, now_ns), "nodes": nodes, "edges": edges, "outputs": outputs_of(line.call)}


def outputs_of(call: Call) -> list[dict[str, Any]]:
    """The outputs of a call's boxes, each with what it carries."""
    return [
        {"port": f"{name}.{port.name}", "carries": [snake_name(kind) for kind in port.types]}
        for name, spec in call.nodes.items()
        for port in ports_of(spec.processor).values()
        if port.direction == "out"
    ]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

"""How the nodes of a running call fare, for whoever looks into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .node import NodeRuntime

__all__ = ["NodeState", "states_of"]

State = Literal["idle", "busy", "failed", "ended"]


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node, at one moment."""

    name: str
    box: str
    """The class of its processor."""
    state: State
    """``busy`` at a frame, ``idle`` between two, ``failed`` where frames do not reach it, ``ended`` at the end."""
    busy_ns: int
    """For how long it has been at the frame that it is at."""
    waiting: int
    """Frames in its queues."""
    waiting_ns: int
    """How long they last when played."""
    dropped: int
    """Frames that its queues have lost."""


def states_of(nodes: Mapping[str, NodeRuntime], now_ns: int) -> list[NodeState]:
    """The nodes in the order in which they were made."""
    return [_state_of(node, now_ns) for node in nodes.values()]


def _state_of(node: NodeRuntime, now_ns: int) -> NodeState:
    since_ns = node.at_work_since_ns
    state: State = "idle" if since_ns is None else "busy"
    if node.muted:
        state = "failed"
    if node.ended or node.closed:
        state = "ended"
    stats = node.intake.stats.values()
    return NodeState(
        name=node.name,
        box=type(node.processor).__name__,
        state=state,
        busy_ns=0 if since_ns is None else now_ns - since_ns,
        waiting=sum(edge.held for edge in stats),
        waiting_ns=sum(edge.held_ns for edge in stats),
        dropped=sum(edge.dropped for edge in stats),
    )

"""A graph as it was written: nodes with their options, and edges by name. Nothing is checked here.

::

    graph = Graph()
    graph.add("mic", FileIn, path="question.wav")
    graph.add("gate", VadGate, threshold=0.6)
    graph.connect("mic", "gate")            # or "mic.out", "gate.audio" where it is ambiguous
    plan = graph.plan()

``path`` of a node or edge leads to where it stands in a document, so that faults can point there.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .edges import WhenFull
from .errors import Problem

if TYPE_CHECKING:
    from .plan import Plan
    from .processor import Processor

__all__ = ["EdgeSpec", "Graph", "NodeSpec", "OnError", "PolicyChange"]

OnError = Literal["end_call", "skip_frame", "restart"]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What an edge says about its queue; ``None`` keeps the default of what flows."""

    when_full: WhenFull | None = None
    """Wait, lose the oldest frame, lose the newcomer, or keep only the newest."""
    max_duration_ns: int | None = None
    """The most that may wait, for frames that have a duration."""
    max_frames: int | None = None
    """The most frames that may wait, of any kind."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: a name, a processor class and its options, already of the right types."""

    name: str
    processor: type[Processor]
    options: Mapping[str, Any] = field(default_factory=dict)
    on_error: OnError = "end_call"
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """One edge. ``source`` and ``target`` are ``node`` or ``node.port``."""

    source: str
    target: str
    change: PolicyChange | None = None
    path: tuple[str | int, ...] = ()


class Graph:
    """Nodes and edges, to be checked and planned."""

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self.nodes: dict[str, NodeSpec] = {}
        self.edges: list[EdgeSpec] = []

    def add(
        self, node: str, processor: type[Processor], *, on_error: OnError = "end_call", **options: Any
    ) -> str:
        """Add a node and return its name. ``ValueError`` when the name is taken."""
        self.insert(NodeSpec(node, processor, options, on_error, ("nodes", node)))
        return node

    def insert(self, node: NodeSpec) -> None:
        """Add a node that is already described. ``ValueError`` when the name is taken, or holds a dot."""
        if not node.name or "." in node.name:
            raise ValueError(f"{node.name!r} is no name for a node: a dot parts node and port")
        if node.name in self.nodes:
            raise ValueError(f"the graph has a node {node.name!r} already")
        self.nodes[node.name] = node

    def connect(
        self,
        source: str,
        target: str,
        *,
        when_full: WhenFull | None = None,
        max_duration_ns: int | None = None,
        max_frames: int | None = None,
    ) -> None:
        """Join ``source`` to ``target``, each ``node`` or ``node.port``; a policy makes the hop a queue."""
        given = (when_full, max_duration_ns, max_frames)
        change = PolicyChange(*given) if any(value is not None for value in given) else None
        self.edges.append(EdgeSpec(source, target, change, ("edges", len(self.edges))))

    def chain(self, *nodes: str) -> None:
        """Join each node to the next."""
        for source, target in itertools.pairwise(nodes):
            self.connect(source, target)

    def check(self) -> Sequence[Problem]:
        """Everything that is wrong with the graph; empty when it can run."""
        from .check import check

        return check(self).problems

    def plan(self) -> Plan:
        """Check and negotiate. Raises ``ConfigError`` with every fault."""
        from .plan import make_plan

        return make_plan(self)

"""A graph as programs and agent files write it: nodes with their options, and edges by name.

::

    graph = Graph()
    graph.add("mic", FileIn, path="question.wav")
    graph.add("gate", VadGate, threshold=0.6)
    graph.connect("mic", "gate")            # or "mic.out", "gate.audio" where it is ambiguous
    plan = graph.plan()
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from ..errors import Problem
from ..policy import WhenFull
from ..processor import Processor
from .check import check
from .plan import Plan, make_plan
from .specs import EdgeSpec, GraphSpec, NodeSpec, OnError, PolicyChange

__all__ = ["Graph"]


class Graph(GraphSpec):
    """Nodes and edges, to be checked and planned."""

    def add(
        self, node: str, processor: type[Processor], *, on_error: OnError = "end_call", **options: Any
    ) -> str:
        """Add a node and return its name. ``ValueError`` when the name is taken."""
        self.insert(NodeSpec(node, processor, options, on_error, ("nodes", node)))
        return node

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
        return check(self).problems

    def plan(self) -> Plan:
        """Check and negotiate. Raises ``ConfigError`` with every fault."""
        return make_plan(self)

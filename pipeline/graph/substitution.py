"""The same graph with another box in the place of one: a file instead of a microphone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..processor import Processor, ports_of
from .declarations import EdgeSpec, NodeSpec
from .graph import Graph
from .resolve import resolve_edge

__all__ = ["substitute"]


def substitute(graph: Graph, node: str, processor: type[Processor], options: Mapping[str, Any]) -> Graph:
    """A copy of ``graph`` whose ``node`` is a ``processor`` with these ``options``.

    Edges stay where the new box has a port of that name, or exactly one that carries the same; others
    are left out. ``KeyError`` when there is no such node.
    """
    before = graph.nodes[node]
    made = Graph(graph.name)
    for name, spec in graph.nodes.items():
        made.insert(NodeSpec(name, processor, options, spec.on_error, spec.path) if name == node else spec)
    for edge in graph.edges:
        kept: EdgeSpec | None = edge
        for side in ("source", "target"):
            if kept is not None:
                kept = _moved(kept, side, node, before.processor, processor)
        if kept is not None and _still_fits(kept, graph, made):
            made.edges.append(kept)
    return made


def _moved(
    edge: EdgeSpec, side: str, node: str, old: type[Processor], new: type[Processor]
) -> EdgeSpec | None:
    """``edge`` with the port at ``side`` under its name in the new box, ``None`` when it has none."""
    name, _, port = getattr(edge, side).partition(".")
    if name != node or not port:
        return edge
    direction = "out" if side == "source" else "in"
    ports = {found.name: found for found in ports_of(new).values() if found.direction == direction}
    if port in ports:
        return edge
    was = ports_of(old).get(port)
    alike = [found.name for found in ports.values() if was is not None and set(found.types) & set(was.types)]
    if len(alike) != 1:
        return None
    end = f"{node}.{alike[0]}"
    return replace(edge, source=end) if side == "source" else replace(edge, target=end)


def _still_fits(edge: EdgeSpec, before: Graph, after: Graph) -> bool:
    """Whether something flows; what was wrong before the exchange stays, to be reported by the check."""
    if resolve_edge(edge, after.nodes)[0]:
        return True
    return bool(resolve_edge(edge, before.nodes)[1])

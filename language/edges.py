"""The section ``edges``: policies of edges that exist, and edges that nobody else names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..pipeline.convert import Steps, convert_group
from ..pipeline.errors import Problem
from ..pipeline.graph.declarations import EdgeSpec, PolicyChange
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.resolve import named_port, resolve_edge
from ..pipeline.processor import ports_of
from .form_checks import Shape

__all__ = ["apply_edges"]

_EDGE = re.compile(r"\s*([^\s>]+?)\s*->\s*([^\s>]+)\s*")
_ALMOST = re.compile(r"([\w.-]+?)\s*(?:=>|-->|~>|→|>|\bto\b)\s*([\w.-]+)")

Pair = tuple[str, str]


def apply_edges(
    graph: Graph,
    section: Mapping[str, Any],
    lost: Callable[[str], bool],
    shape: Shape,
    at: Steps = (),
    prefix: str = "",
) -> bool:
    """Change the edges of ``graph`` by ``section``, and add those that are new to it.

    The section stands below ``at``; ``prefix`` is what the names of its nodes begin with in the graph.

    An entry that names fewer ports than the graph has between the two nodes stands for all of them. ``lost`` tells
    of an end whether its node could not be made. Returns whether every entry could be read.
    """
    policies: dict[Pair, Steps] = {}
    readable = True
    for written, value in section.items():
        path: Steps = (*at, "edges", written)
        change = _policy(value, path, written, shape)
        match = _EDGE.fullmatch(written)
        if match is None:
            hint = "write `node -> node` or `node.port -> node.port`"
            meant = _ALMOST.fullmatch(written)
            fix = f"{meant[1]} -> {meant[2]}" if meant else None
            hint = f"write `{fix}`" if fix else hint
            shape.fault("LG121", f"`{written[:60]}` does not name an edge", path, hint, key=True, fix=fix)
            readable = False
            continue
        source, target = prefix + match[1], prefix + match[2]
        if lost(source) or lost(target):
            continue
        found = _matching(graph, source, target)
        if not found:
            graph.edges.append(EdgeSpec(source, target, change, path))
            continue
        for pair in found:
            if pair in policies:
                hint = f"the other is `{policies[pair][1]}`"
                shape.fault("LG122", f"two entries change `{pair[0]} -> {pair[1]}`", path, hint, key=True)
            policies[pair] = path
        _change(graph, found, change, path)
    return readable


def _policy(value: Any, path: Steps, written: str, shape: Shape) -> PolicyChange | None:
    if value is None:
        return None
    made, problems = convert_group(PolicyChange, value, path=path, label=written)
    shape.problems += problems
    if not isinstance(made, PolicyChange) or made == PolicyChange():
        return None
    for name, amount in (("max_duration", made.max_duration_ns), ("max_frames", made.max_frames)):
        if amount is not None and amount <= 0:
            shape.problems.append(Problem("LG203", f"`{name}` must be more than 0", (*path, name)))
    return made


def _matching(graph: Graph, source: str, target: str) -> list[Pair]:
    """The pairs of ports, joined already, that an entry stands for."""
    source_node, source_port = _end(graph, source, "out")
    target_node, target_port = _end(graph, target, "in")
    return [
        pair
        for edge in graph.edges
        # Most edges are between other nodes: looking at their ports would take the square of their number.
        if (_node(edge.source), _node(edge.target)) == (source_node, target_node)
        for pair in _pairs(graph, edge)
        if _fits(pair[0], source_node, source_port) and _fits(pair[1], target_node, target_port)
    ]


def _change(graph: Graph, pairs: list[Pair], change: PolicyChange | None, path: Steps) -> None:
    if change is None:
        return
    edges: list[EdgeSpec] = []
    nodes = {(_node(source), _node(target)) for source, target in pairs}
    for edge in graph.edges:
        joined = _pairs(graph, edge) if (_node(edge.source), _node(edge.target)) in nodes else []
        if not set(joined) & set(pairs):
            edges.append(edge)
            continue
        # A bare edge may stand for several pairs, of which only some are changed.
        for pair in joined:
            single = replace(edge, source=pair[0], target=pair[1])
            edges.append(replace(single, change=change, path=path) if pair in pairs else single)
    graph.edges = edges


def _pairs(graph: Graph, edge: EdgeSpec) -> list[Pair]:
    return [(".".join(found.source), ".".join(found.target)) for found in resolve_edge(edge, graph.nodes)[0]]


def _node(end: str) -> str:
    return end.partition(".")[0]


def _fits(end: str, node: str, port: str) -> bool:
    return end == f"{node}.{port}" if port else end.startswith(f"{node}.")


def _end(graph: Graph, end: str, direction: str) -> tuple[str, str]:
    """Node and port of an end as written; `live.audio` may stand for the only output that carries audio."""
    node, _, port = end.partition(".")
    if node not in graph.nodes:
        return node, port
    ports = ports_of(graph.nodes[node].processor).values()
    named = named_port(port, (spec for spec in ports if spec.direction == direction))
    return node, named.name if named else port

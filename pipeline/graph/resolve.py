"""From edges as written (``gate -> live``, ``live.audio -> out``) to pairs of ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..errors import Fix, Problem
from ..frames import Frame
from ..policy import Policy, default_policy
from ..ports import EdgeEnd, PortSpec
from ..processor import ages, ports_of
from ..spelling import did_you_mean, sure
from .declarations import EdgeSpec, NodeSpec, PolicyChange

__all__ = ["ResolvedEdge", "common_types", "edge_ends", "named_port", "output_of", "resolve_edge"]


@dataclass(frozen=True, slots=True)
class ResolvedEdge:
    """One edge between two ports that fit."""

    source: tuple[str, str]
    """Node and output."""
    target: tuple[str, str]
    """Node and input."""
    policy: Policy
    change: PolicyChange | None = None
    """What the graph says of the queue; already part of ``policy``."""
    feedback: bool = False
    passes: tuple[type[Frame], ...] | None = None
    """The classes let through, where the output carries more than the input takes; ``None`` for all."""
    path: tuple[str | int, ...] = ()
    origin: tuple[str, str] = ("", "")
    """Where what flows comes from: the source, as the graph has it, whatever is put in between."""
    aim: tuple[str, str] = ("", "")
    """Where it is meant for, likewise."""

    @property
    def queued(self) -> bool:
        """Whether the graph asked for a queue by giving a policy."""
        return self.change is not None

    def with_default(self, policy: Policy) -> ResolvedEdge:
        """This edge with another policy to start from; what the graph says of it stays."""
        return replace(self, policy=_changed(policy, self.change))

    def __str__(self) -> str:
        return f"{self.source[0]}.{self.source[1]} -> {self.target[0]}.{self.target[1]}"


def resolve_edge(edge: EdgeSpec, nodes: Mapping[str, NodeSpec]) -> tuple[list[ResolvedEdge], list[Problem]]:
    """The pairs of ports that ``edge`` joins.

    Between two bare nodes every pair that fits is joined, as long as no port has a choice.
    """
    problems: list[Problem] = []
    outputs = _ends(edge, edge.source, "out", nodes, problems)
    inputs = _ends(edge, edge.target, "in", nodes, problems)
    if problems:
        return [], problems
    pairs = [(out, into) for out in outputs for into in inputs if common_types(out, into)]
    if not pairs:
        return [], [_misfit(edge, outputs, inputs)]
    pairs = _closest(pairs)
    clash = _clash(pairs)
    if clash:
        return [], [
            Problem(
                "LG304",
                f"`{edge.source} -> {edge.target}` can be read in several ways",
                edge.path,
                hint=clash,
            )
        ]
    source_node, target_node = _node(edge.source), _node(edge.target)
    live = ages(nodes[source_node].processor) is True
    return [_resolved(edge, source_node, target_node, out, into, live) for out, into in pairs], []


def output_of(end: str, nodes: Mapping[str, NodeSpec]) -> tuple[str, str]:
    """Node and output that ``end`` names; of a bare node its only output. ``KeyError`` names what there is."""
    problems: list[Problem] = []
    found = _ends(EdgeSpec(end, end), end, "out", nodes, problems)
    if len(found) == 1:
        return _node(end), found[0].name
    if problems:
        raise KeyError(" ".join(filter(None, (problems[0].message + ";", problems[0].hint))))
    names = ", ".join(port.name for port in found) or "none"
    raise KeyError(f"{end!r} has no single output; there is: {names}")


def named_port(name: str, ports: Iterable[PortSpec]) -> PortSpec | None:
    """The one of a node's ``ports`` that a graph means by ``name``.

    ``live.audio`` reads well for "the sound that comes out of live", whatever the output is called: where no port is
    called ``audio``, that is the only one that carries sound.
    """
    choices = list(ports)
    for port in choices:
        if port.name == name:
            return port
    sound = [port for port in choices if port.carries_audio] if name == "audio" else []
    return sound[0] if len(sound) == 1 else None


def edge_ends(edges: Iterable[ResolvedEdge], port: tuple[str, str], direction: str) -> tuple[EdgeEnd, ...]:
    """What the edges of ``port`` are called, in order: the node at the other end, or its port where that is no name."""
    if direction == "in":
        others = [edge.origin for edge in edges if edge.target == port]
    else:
        others = [edge.aim for edge in edges if edge.source == port]
    nodes = [node for node, _ in others]
    return tuple(
        EdgeEnd(node if nodes.count(node) == 1 else f"{node}.{name}", index)
        for index, (node, name) in enumerate(others)
    )


def _resolved(
    edge: EdgeSpec, source_node: str, target_node: str, out: PortSpec, into: PortSpec, live: bool
) -> ResolvedEdge:
    common = common_types(out, into)
    policy = _changed(into.policy or default_policy(common, live=live), edge.change)
    everything = all(into.accepts(kind) for kind in out.types)
    return ResolvedEdge(
        source=(source_node, out.name),
        target=(target_node, into.name),
        policy=policy,
        change=edge.change,
        feedback=into.feedback,
        passes=None if everything else into.types,
        path=edge.path,
        origin=(source_node, out.name),
        aim=(target_node, into.name),
    )


def _changed(policy: Policy, change: PolicyChange | None) -> Policy:
    if change is None:
        return policy
    return policy.with_changes(change.when_full, change.max_duration_ns, change.max_frames)


def _node(end: str) -> str:
    return end.partition(".")[0]


def common_types(out: PortSpec, into: PortSpec) -> tuple[type[Frame], ...]:
    """The classes that can pass: what the output may carry and the input takes."""
    return tuple(
        kind
        for kind in out.types
        if into.accepts(kind) or any(issubclass(wanted, kind) for wanted in into.types)
    )


def _ends(
    edge: EdgeSpec, end: str, direction: str, nodes: Mapping[str, NodeSpec], problems: list[Problem]
) -> list[PortSpec]:
    name, _, port = end.partition(".")
    if name not in nodes:
        problems.append(_unknown("LG301", f"there is no node `{name}`", edge, name, nodes, "nodes"))
        return []
    ports = {
        spec.name: spec for spec in ports_of(nodes[name].processor).values() if spec.direction == direction
    }
    if not port:
        return list(ports.values())
    if named := named_port(port, ports.values()):
        return [named]
    kind = "output" if direction == "out" else "input"
    message = f"`{name}` has no {kind} `{port}`" if ports else f"`{name}` has no {kind}s"
    problem = _unknown("LG302", message, edge, port, ports, f"{kind}s")
    alias = "audio" not in ports and named_port("audio", ports.values())
    if alias and sure(port, [*ports, "audio"]) == "audio":
        problem = replace(problem, hint=f"did you mean `audio`? {problem.hint}", fix=Fix("audio"))
    problems.append(problem)
    return []


def _unknown(
    code: str, message: str, edge: EdgeSpec, name: str, choices: Iterable[str], label: str
) -> Problem:
    names = list(choices)
    certain = sure(name, names)
    hint = did_you_mean(name, names, label=label)
    return Problem(code, message, edge.path, hint=hint, part=name, fix=Fix(certain) if certain else None)


def _misfit(edge: EdgeSpec, outputs: list[PortSpec], inputs: list[PortSpec]) -> Problem:
    def show(ports: list[PortSpec]) -> str:
        return ", ".join(f"{port.name}: {' | '.join(kind.__name__ for kind in port.types)}" for port in ports)

    for ports, node, kind in ((outputs, edge.source, "outputs"), (inputs, edge.target, "inputs")):
        if not ports:
            return Problem(
                "LG303", f"`{node}` has no {kind}", edge.path, hint="is the edge the wrong way round?"
            )
    return Problem(
        "LG303",
        f"nothing that comes out of `{edge.source}` goes into `{edge.target}`",
        edge.path,
        hint=f"out comes {show(outputs)}; in goes {show(inputs)}",
    )


def _closest(pairs: list[tuple[PortSpec, PortSpec]]) -> list[tuple[PortSpec, PortSpec]]:
    """Where a port has a partner of its very own class, partners that fit only by inheritance stand back."""
    exact = [(out, into) for out, into in pairs if set(out.types) & set(into.types)]
    taken = {out.name for out, _ in exact}, {into.name for _, into in exact}
    return exact + [
        (out, into)
        for out, into in pairs
        if (out, into) not in exact and out.name not in taken[0] and into.name not in taken[1]
    ]


def _clash(pairs: list[tuple[PortSpec, PortSpec]]) -> str:
    """Names the choices when a port stands in more than one pair."""
    for index, side in ((0, "output"), (1, "input")):
        names = [pair[index].name for pair in pairs]
        for name in names:
            if names.count(name) > 1:
                others = sorted(pair[1 - index].name for pair in pairs if pair[index].name == name)
                return f"{side} `{name}` fits {', '.join(others)}; name the port"
    return ""

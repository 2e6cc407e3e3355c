"""Is this graph right? Finds every fault at once, and settles the formats of one that is.

Nothing is opened and nothing is started: options, wiring and formats only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..convert import convert_options
from ..errors import Problem
from ..formats import AudioFormat
from ..frames import AudioFrame
from ..policy import default_policy
from ..ports import PortSpec
from ..processor import Processor, ages, ports_of
from .call_files import file_problems
from .declarations import GraphSpec, NodeSpec
from .modules import Modules, file_module, recording
from .names import name_problems
from .negotiate import FormatSolver, PortKey
from .own_faults import own_faults
from .resolve import ResolvedEdge, common_types, resolve_edge
from .silences import silence_problems
from .subgraph import expanded
from .topology import Topology

__all__ = ["CheckResult", "Insertion", "check"]


@dataclass(frozen=True, slots=True)
class Insertion:
    """A resampler that negotiation put into an edge."""

    node: str
    edge: ResolvedEdge
    source: AudioFormat
    target: AudioFormat

    def __str__(self) -> str:
        return f"{self.edge}: resampler inserted, {self.source} to {self.target}"


@dataclass(slots=True)
class CheckResult:
    """What ``check`` found out. Only ``problems`` means anything while one of them is an error."""

    problems: list[Problem] = field(default_factory=list)
    nodes: dict[str, NodeSpec] = field(default_factory=dict)
    edges: list[ResolvedEdge] = field(default_factory=list)
    formats: dict[PortKey, AudioFormat] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    """Node names, every node after those that feed it."""
    inserted: list[Insertion] = field(default_factory=list)
    written: GraphSpec = field(default_factory=GraphSpec)
    """The graph as it was given, before sub-graphs were put in and formats settled."""
    modules: Modules = field(default_factory=dict)
    """The Python files that it names, as they were when it was checked."""

    topology: Topology | None = None
    """What leads where, when there are no errors."""

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if not problem.warning]


def check(
    graph: GraphSpec,
    resampler: type[Processor] | None = None,
    settled: Mapping[PortKey, AudioFormat] | None = None,
) -> CheckResult:
    """Check ``graph``; ``resampler`` is the class to insert where formats differ (default: the registered one).

    ``settled`` are formats of ports that cannot be others, for they are in use.
    """
    result = CheckResult(written=graph.copy())
    with recording() as files:
        graph, result.problems = expanded(graph)
        _check_options(graph, result)
    homes = (file_module(node.processor.__module__) for node in graph.nodes.values())
    result.modules = {file: module for file, module in files.items() if module} | dict(filter(None, homes))
    _check_edges(graph, result)
    _check_wiring(result)
    if not result.errors:
        result.problems += silence_problems(result.nodes, result.edges)
        result.edges = _aging(result.edges, result.nodes)
        _negotiate(result, resampler, settled or {})
    if not result.errors:
        classes = {name: result.nodes[name].processor for name in result.order}
        result.topology = Topology(result.edges, classes)
    return result


def _check_options(graph: GraphSpec, result: CheckResult) -> None:
    if not graph.nodes:
        result.problems.append(
            Problem("LG310", "the graph has no nodes", hint="add at least a source and a sink")
        )
    for node in graph.nodes.values():
        options, problems = convert_options(
            node.processor, node.options, path=node.path, base_dir=None, from_yaml=False
        )
        if all(problem.warning for problem in problems):
            problems += own_faults(node, options)
        result.problems += problems
        result.nodes[node.name] = replace(node, options=options)
    if not result.errors:
        result.problems += name_problems(result.nodes.values(), graph.name)
    result.problems += file_problems(result.nodes.values())


def _check_edges(graph: GraphSpec, result: CheckResult) -> None:
    seen: dict[tuple[PortKey, PortKey], ResolvedEdge] = {}
    for spec in graph.edges:
        edges, problems = resolve_edge(spec, result.nodes)
        result.problems += problems
        for edge in edges:
            ends = (edge.source, edge.target)
            if ends in seen:
                result.problems.append(
                    Problem("LG309", f"`{edge}` is there twice", edge.path, hint="remove one of the two")
                )
            seen[ends] = edge
    result.edges = _circles_only(list(seen.values()), result.nodes)


def _circles_only(edges: list[ResolvedEdge], nodes: Mapping[str, NodeSpec]) -> list[ResolvedEdge]:
    """``edges``, of which those into an input with ``only_circles`` are feedback where they close one."""
    unsure = [
        edge
        for edge in edges
        if edge.feedback and ports_of(nodes[edge.target[0]].processor)[edge.target[1]].only_circles
    ]
    if not unsure:
        return edges
    feeds: dict[str, set[str]] = {name: set() for name in nodes}
    for edge in edges:
        feeds[edge.source[0]].add(edge.target[0])

    def leads(start: str, end: str) -> bool:
        seen, waiting = {start}, [start]
        while waiting:
            name = waiting.pop()
            if name == end:
                return True
            waiting += feeds[name] - seen
            seen |= feeds[name]
        return False

    plain = {str(edge) for edge in unsure if not leads(edge.target[0], edge.source[0])}
    return [replace(edge, feedback=False) if str(edge) in plain else edge for edge in edges]


def _check_wiring(result: CheckResult) -> None:
    into = {edge.target for edge in result.edges}
    out_of = {edge.source[0] for edge in result.edges}
    # An edge that could not be read would make its node look unconnected: one fault, one message.
    unread = any(problem.code.startswith(("LG13", "LG30")) for problem in result.problems)
    for name, node in result.nodes.items():
        ports = ports_of(node.processor).values()
        for port in ports:
            if port.direction == "in" and port.required and (name, port.name) not in into and not unread:
                kinds = " or ".join(kind.__name__ for kind in port.types)
                result.problems.append(
                    Problem(
                        "LG305",
                        f"nothing is connected to the input `{name}.{port.name}`",
                        node.path,
                        hint=f"it needs {kinds} from another node",
                    )
                )
        outputs = [port for port in ports if port.direction == "out"]
        if (
            outputs
            and name not in out_of
            and not any(port.direction == "in" for port in ports)
            and not unread
        ):
            result.problems.append(
                Problem(
                    "LG308",
                    f"nothing listens to `{name}`",
                    node.path,
                    hint="connect an output of it",
                    warning=True,
                )
            )
    result.order, cycle = _topological(list(result.nodes), result.edges)
    if cycle:
        names = " -> ".join([*cycle, cycle[0]])
        path = next(
            (e.path for e in result.edges if e.source[0] == cycle[-1] and e.target[0] == cycle[0]), ()
        )
        result.problems.append(
            Problem(
                "LG306",
                f"the graph runs in a circle: {names}",
                path or result.nodes[cycle[0]].path,
                hint="only an input declared as feedback may close one (tool results do)",
            )
        )


def _topological(names: Sequence[str], edges: Sequence[ResolvedEdge]) -> tuple[list[str], list[str]]:
    """All names with sources first, and one cycle if there is any. Feedback edges do not count."""
    feeds: dict[str, set[str]] = {name: set() for name in names}
    for edge in edges:
        if not edge.feedback:
            feeds[edge.target[0]].add(edge.source[0])
    order: list[str] = []
    left = dict(feeds)
    while left:
        ready = [name for name, sources in left.items() if not sources & left.keys()]
        if not ready:
            return order, _find_cycle(left)
        order += ready
        for name in ready:
            del left[name]
    return order, []


def _find_cycle(feeds: Mapping[str, set[str]]) -> list[str]:
    name = next(iter(feeds))
    walked: list[str] = []
    while name not in walked:
        walked.append(name)
        name = min(feeds[name] & feeds.keys())
    return list(reversed(walked[walked.index(name) :]))


def _aging(edges: list[ResolvedEdge], nodes: Mapping[str, NodeSpec]) -> list[ResolvedEdge]:
    """Sound from a microphone ages behind all that only pass it on: give its edges that policy.

    Each edge for itself: what else goes into the same input does not matter.
    """
    aging: set[PortKey] = {
        (name, port.name)
        for name, node in nodes.items()
        if ages(node.processor)
        for port in ports_of(node.processor).values()
        if port.direction == "out"
    }
    found = True
    while found:
        found = False
        fed = {edge.target for edge in edges if edge.source in aging and _carries_audio(edge, nodes)}
        for name, node in nodes.items():
            if ages(node.processor) is not None:
                continue
            ports = ports_of(node.processor).values()
            for port in ports:
                if port.direction != "out" or not port.carries_audio or (name, port.name) in aging:
                    continue
                if any((name, model) in fed for model in _passed_on(port, ports, node.options)):
                    aging.add((name, port.name))
                    found = True
    return [
        edge.with_default(default_policy((AudioFrame,), live=True))
        if edge.source in aging and _carries_audio(edge, nodes) and not _fixed(edge, nodes)
        else edge
        for edge in edges
    ]


def _passed_on(port: PortSpec, ports: Iterable[PortSpec], options: Mapping[str, Any]) -> list[str]:
    """The inputs whose sound may come out of ``port``.

    One whose rate no input has makes sound of its own. An input that takes any rate has that one as well, unless the
    box takes something else than sound, which it may be made of.
    """
    if port.like:
        return [port.like]
    made = port.rates(options)
    inputs = [one for one in ports if one.direction == "in"]
    hears_only = all(one.carries_audio for one in inputs)

    def fits(taken: tuple[int, ...] | None) -> bool:
        return made is None or (hears_only if taken is None else not {*made}.isdisjoint(taken))

    return [one.name for one in inputs if one.carries_audio and fits(one.rates(options))]


def _carries_audio(edge: ResolvedEdge, nodes: Mapping[str, NodeSpec]) -> bool:
    return ports_of(nodes[edge.source[0]].processor)[edge.source[1]].carries_audio


def _fixed(edge: ResolvedEdge, nodes: Mapping[str, NodeSpec]) -> bool:
    return ports_of(nodes[edge.target[0]].processor)[edge.target[1]].policy is not None


def _negotiate(
    result: CheckResult, resampler: type[Processor] | None, settled: Mapping[PortKey, AudioFormat]
) -> None:
    solver = FormatSolver()
    for name, node in result.nodes.items():
        solver.add_node(name, ports_of(node.processor).values(), node.options, settled)
    misfits = [edge for edge in result.edges if not solver.join(edge.source, edge.target)]
    for edge in misfits:
        ends = f"{solver.describe(edge.source)} and {solver.describe(edge.target)}"
        box = resampler or _registered_resampler()
        # A box for audio lets nothing else through.
        if box is None or _carries_more(edge, result.nodes) or not _insert(result, solver, edge, box):
            message = f"`{edge}` has no audio format in common: {ends}"
            result.problems.append(
                Problem("LG401", message, edge.path, hint="put a box between that converts one to the other")
            )
    result.formats = solver.formats()
    result.inserted = [
        replace(item, source=result.formats[item.edge.source], target=result.formats[item.edge.target])
        for item in result.inserted
    ]


def _carries_more(edge: ResolvedEdge, nodes: Mapping[str, NodeSpec]) -> bool:
    source, target = (ports_of(nodes[node].processor)[port] for node, port in (edge.source, edge.target))
    return any(not issubclass(kind, AudioFrame) for kind in common_types(source, target))


def _insert(result: CheckResult, solver: FormatSolver, edge: ResolvedEdge, box: type[Processor]) -> bool:
    """Put ``box`` into ``edge``; ``False`` when that does not help, for a rate is all that it changes."""
    stem = name = f"{edge.source[0]}_to_{edge.target[0]}_resampler"
    for number in itertools.count(2):
        if name not in result.nodes:
            break
        name = f"{stem}_{number}"
    ports = ports_of(box)
    entry = next(port for port in ports.values() if port.direction == "in" and port.carries_audio)
    leave = next(port for port in ports.values() if port.direction == "out" and port.carries_audio)
    solver.add_node(name, ports.values(), {})
    if not (solver.join(edge.source, (name, entry.name)) and solver.join((name, leave.name), edge.target)):
        return False
    result.nodes[name] = NodeSpec(name, box, {}, path=edge.path)
    at = result.edges.index(edge)
    # The policy stays where the sound arrives: in front of the resampler nothing waits.
    result.edges[at : at + 1] = [
        replace(edge, target=(name, entry.name), change=None, feedback=False, passes=(AudioFrame,)),
        replace(edge, source=(name, leave.name), passes=None),
    ]
    result.order.insert(result.order.index(edge.source[0]) + 1, name)
    unsettled = AudioFormat(0, 0)
    result.inserted.append(Insertion(name, edge, unsettled, unsettled))
    return True


def _registered_resampler() -> type[Processor] | None:
    from .registry import find

    return find("resampler")

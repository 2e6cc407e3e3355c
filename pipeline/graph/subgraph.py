"""Sub-graphs: parts of a graph with ports of their own, used like a processor.

::

    class Front(SubGraph):
        \"\"\"Speech only, at an even loudness.\"\"\"

        audio: In[AudioFrame]
        out: Out[AudioFrame]

        def __init__(self, *, threshold: Annotated[float, Range(0, 1)] = 0.5, db: float = 0) -> None:
            self.threshold, self.db = threshold, db

        def build(self, graph: Graph) -> None:
            gate = graph.add(VadGate, threshold=self.threshold)
            volume = graph.add(Gain, db=self.db)
            graph.connect(gate.out, volume.audio)
            self.audio, self.out = gate.audio, volume.out

    front = graph.add(Front, threshold=0.6)         # or `use: mypkg.front:Front` in an agent file
    graph.connect(mic.out, front.audio)

Nothing of a sub-graph is left when a call runs: its nodes are called ``front/vad_gate`` and ``front/gain``, edges lead
to the ports inside. ``templates`` of agent files come down to the same (``lead_inside``).

Codes: LG135 a sub-graph exposes a port wrongly, LG131 one that holds itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..convert import convert_options
from ..errors import ConfigError, Problem, from_signal, told
from ..ports import PortSpec
from ..processor import Processor, ports_of
from .declarations import EdgeSpec, GraphSpec, NodeSpec
from .handles import PortHandle
from .own_faults import own_faults
from .resolve import resolve_edge

if TYPE_CHECKING:
    from .graph import Graph

__all__ = ["Exposed", "Gathered", "SubGraph", "expand_subgraphs", "expanded", "lead_inside"]

Exposed = Mapping[str, Mapping[str, Sequence[str]]]
"""For each node that stands for a part of the graph: the ends inside that each of its ports means."""

_DEEPEST = 16


class SubGraph(Processor):
    """Base of parts of a graph that are used like one processor: ports and options as any, and ``build``."""

    composite: ClassVar[bool] = True
    kind: ClassVar[str] = "sub-graph"

    def build(self, graph: Graph) -> None:
        """Add nodes to ``graph``, join them, and set every port of this class to the port inside that it means."""
        raise NotImplementedError(f"{type(self).__qualname__} needs a method build(self, graph)")


class Gathered:
    """Several inputs inside that are one to the outside: what ``Graph.gather`` gives."""

    def __init__(self, members: Sequence[PortHandle]) -> None:
        self.members = tuple(members)


def lead_inside(graph: GraphSpec, exposed: Exposed) -> list[Problem]:
    """Lead the edges of every node in ``exposed`` to the ports inside, and take those nodes away.

    Returns what is wrong with those edges; they are left out.
    """
    edges: list[EdgeSpec] = []
    problems: list[Problem] = []
    for edge in graph.edges:
        if not {_node(edge.source), _node(edge.target)} & exposed.keys():
            edges.append(edge)
            continue
        resolved, found = resolve_edge(edge, graph.nodes)
        problems += found
        edges += [
            EdgeSpec(source, target, edge.change, edge.path)
            for pair in resolved
            for source in _ends(exposed, *pair.source)
            for target in _ends(exposed, *pair.target)
        ]
    graph.edges = edges
    for name in exposed:
        graph.nodes.pop(name, None)
    return problems


def expanded(graph: GraphSpec) -> tuple[GraphSpec, list[Problem]]:
    """A copy of ``graph`` with the nodes of every sub-graph in its place, and what is wrong with those."""
    if not any(issubclass(node.processor, SubGraph) for node in graph.nodes.values()):
        return graph, []
    made = GraphSpec(graph.name)
    made.nodes, made.edges = dict(graph.nodes), list(graph.edges)
    return made, expand_subgraphs(made)


def expand_subgraphs(graph: GraphSpec) -> list[Problem]:
    """Put the nodes of every sub-graph of ``graph`` in its place, until none is left; returns what is wrong."""
    problems: list[Problem] = []
    exposed: dict[str, dict[str, list[str]]] = {}
    _expand(graph, list(graph.nodes), exposed, problems, ())
    return problems + lead_inside(graph, exposed)


def _expand(
    graph: GraphSpec,
    names: Iterable[str],
    exposed: dict[str, dict[str, list[str]]],
    problems: list[Problem],
    inside_of: tuple[type, ...],
) -> None:
    """Expand those of ``names`` that are sub-graphs."""
    for name in names:
        node = graph.nodes[name]
        if not issubclass(node.processor, SubGraph):
            continue
        exposed[name] = {}
        chain = (*inside_of, node.processor)
        if node.processor in inside_of or len(chain) > _DEEPEST:
            shown = " -> ".join(kind.__name__ for kind in chain)
            problems.append(Problem("LG131", f"a sub-graph holds itself: {shown}", node.path))
            continue
        built = _built(node, problems)
        if built is None:
            continue
        inner, box = built
        for port in ports_of(node.processor).values():
            ends = _exposed(node, port, getattr(box, port.name), inner, problems)
            exposed[name][port.name] = [f"{name}/{end}" for end in ends]
        for spec in inner.nodes.values():
            # What is said of the whole holds for each part that does not say otherwise.
            on_error = node.on_error if spec.on_error == "end_call" else spec.on_error
            graph.insert(replace(spec, name=f"{name}/{spec.name}", on_error=on_error, path=node.path))
        for edge in inner.edges:
            graph.edges.append(
                replace(edge, source=f"{name}/{edge.source}", target=f"{name}/{edge.target}", path=node.path)
            )
        _expand(graph, [f"{name}/{part}" for part in inner.nodes], exposed, problems, chain)


def _built(node: NodeSpec, problems: list[Problem]) -> tuple[Graph, Any] | None:
    """The inside of a sub-graph, and the instance that was told its ports; ``None`` when that is wrong."""
    from .graph import Graph

    options, found = convert_options(
        node.processor, node.options, path=node.path, base_dir=None, from_yaml=False
    )
    if all(problem.warning for problem in found):
        found += own_faults(node, options)
    problems += found
    if not all(problem.warning for problem in found):
        return None
    inner = Graph(node.name)
    try:
        box: Any = node.processor(**options)
        box.build(inner)
    except ConfigError as error:
        problems += [replace(problem, path=node.path) for problem in error.problems]
        return None
    except BaseException as error:
        if from_signal(error):
            raise
        # Foreign code runs here: whatever it raises is a fault of that sub-graph, told with its name.
        message = f"`{node.name}` was not built: {told(error)}"
        problems.append(Problem("LG221", message, node.path))
        return None
    return inner, box


def _exposed(
    node: NodeSpec, port: PortSpec, given: object, inner: Graph, problems: list[Problem]
) -> list[str]:
    """The ends inside that ``port`` of a sub-graph means."""
    members = given.members if isinstance(given, Gathered) else (given,)
    found: list[str] = []
    for member in members:
        wrong = ""
        if not isinstance(member, PortHandle):
            wrong = f"its build sets self.{port.name} to no port inside"
        elif member.graph is not inner:
            wrong = f"self.{port.name} is a port of another graph"
        elif member.spec.direction != port.direction:
            wrong = (
                f"self.{port.name} is an {member.spec.direction}put inside, an {port.direction}put outside"
            )
        else:
            found.append(str(member))
        if wrong:
            hint = f"self.{port.name} = node.port, with what graph.add gave for the node"
            problems.append(Problem("LG135", f"`{node.name}`: {wrong}", node.path, hint=hint))
    return found


def _ends(exposed: Exposed, node: str, port: str) -> list[str]:
    if node not in exposed:
        return [f"{node}.{port}"]
    return [
        found
        for end in exposed[node].get(port, ())
        for found in _ends(exposed, _node(end), end.partition(".")[2])
    ]


def _node(end: str) -> str:
    return end.partition(".")[0]

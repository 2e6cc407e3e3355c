"""What an agent has that its tests can name: nodes and ports, microphones, loudspeakers and tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..language.form_checks import Shape
from ..pipeline.convert import Steps
from ..pipeline.frames import Frame
from ..pipeline.graph.declarations import EdgeSpec
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.inputs import InputSpec
from ..pipeline.graph.resolve import named_port, resolve_edge
from ..pipeline.ports import PortSpec
from ..pipeline.processor import ports_of
from ..pipeline.spelling import did_you_mean, sure

__all__ = ["Scene"]


@dataclass(frozen=True, slots=True)
class Scene:
    """An agent as its tests see it; without a ``graph`` (it has faults of its own) every name is taken for right."""

    graph: Graph | None = None
    microphones: tuple[str, ...] = ()
    """Nodes into which a caller speaks."""
    loudspeakers: tuple[str, ...] = ()
    """Nodes at which a caller listens."""
    services: tuple[str, ...] = ()
    """Nodes that hold a connection to a model."""
    tools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The functions of each node that runs some."""
    open_routers: tuple[str, ...] = ()
    """Those of them that ask servers which others there are."""
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    personas: tuple[str, ...] = ()
    """Those who speak in the call, where several do."""
    """What a caller can bring along."""
    voices: tuple[str, ...] = ()
    """Who can speak for a caller; empty when that is not known."""

    def only(self, names: tuple[str, ...], given: str, what: str, path: Steps, shape: Shape) -> str:
        """The one of ``names`` that is meant: the ``given`` one, or the only one there is. A fault otherwise."""
        if self.graph is None:
            return given
        if given:
            if given not in names:
                hint = did_you_mean(given, names, label=f"{what}s") or f"the agent has no {what}"
                shape.fault("LG507", f"there is no {what} `{given}`", path, hint, fix=sure(given, names))
            return given
        if len(names) == 1:
            return names[0]
        if names:
            message = f"the agent has several {what}s"
            shape.fault("LG508", message, path, f"name one of {', '.join(names)}")
        else:
            shape.fault("LG508", f"the agent has no {what}", path)
        return ""

    def places(self, written: str, path: Steps, shape: Shape) -> tuple[str, ...]:
        """The ports (``node.port``) that ``written`` means: one, or all of a node's. Faults otherwise."""
        if self.graph is None:
            return (written,)
        node, _, port = written.partition(".")
        if not self._known(node, path, shape):
            return ()
        ports = ports_of(self.graph.nodes[node].processor)
        if not port:
            return tuple(f"{node}.{name}" for name in ports)
        if named := named_port(port, ports.values()):
            return (f"{node}.{named.name}",)
        hint = did_you_mean(port, ports, label="ports")
        shape.fault(
            "LG507", f"`{node}` has no port `{port}`", path, hint, fix=_within(node, sure(port, ports))
        )
        return ()

    def input_for(self, written: str, kind: type[Frame], path: Steps, shape: Shape) -> str:
        """The input (``node.port``) that takes frames of ``kind`` at ``written``, or the only one of all nodes."""
        if self.graph is None:
            return written
        if written and not self._known(written.partition(".")[0], path, shape):
            return ""
        found = [
            f"{node}.{port.name}"
            for node, spec in self.graph.nodes.items()
            for port in ports_of(spec.processor).values()
            if port.direction == "in"
            and _takes(port, kind, exactly=not written)
            and written in ("", node, f"{node}.{port.name}")
        ]
        if len(found) == 1:
            return found[0]
        name = kind.__name__
        if found:
            shape.fault("LG508", f"several inputs take a {name}", path, f"name one of {', '.join(found)}")
        elif written:
            shape.fault("LG507", f"no input of `{written}` takes a {name}", path, self._inputs(written))
        else:
            shape.fault("LG508", f"no input takes a {name}", path, "say which with `to: node.port`")
        return ""

    def router_of(self, node: str, tool: str, path: Steps, shape: Shape) -> str:
        """The node whose ``tool`` is meant. A fault when there is none, or no telling which."""
        if self.graph is None:
            return node
        if node and node not in self.tools:
            hint = did_you_mean(node, self.tools, label="nodes with tools") or "the agent has no tools"
            shape.fault("LG507", f"`{node}` runs no tools", path, hint, key=True)
            return ""
        names = [node] if node else [name for name, tools in self.tools.items() if tool in tools]
        if len(names) == 1 and tool in self.tools[names[0]]:
            return names[0]
        if not names or node in self.open_routers:
            asking = [name for name in self.open_routers if node in ("", name)]
            if len(asking) == 1:
                return asking[0]
        if len(names) > 1:
            hint = f"write {' or '.join(f'`{name}.{tool}`' for name in names)}"
            shape.fault("LG508", f"several nodes have a tool `{tool}`", path, hint, key=True)
            return ""
        known = self.tools[node] if node else [one for tools in self.tools.values() for one in tools]
        hint = did_you_mean(tool, known, label="tools") or "the agent has no tools"
        certain = sure(tool, known)
        fix = None if certain is None else _within(node, certain)
        shape.fault("LG507", f"there is no tool `{tool}`", path, hint, key=True, fix=fix)
        return ""

    def sources_of(self, place: str) -> tuple[str, ...]:
        """The outputs from which frames come to ``place``: it itself, when it is one."""
        assert self.graph is not None
        node, _, port = place.partition(".")
        if ports_of(self.graph.nodes[node].processor)[port].direction == "out":
            return (place,)
        edges = [edge for spec in self.graph.edges for edge in _resolved(spec, self.graph)]
        return tuple(".".join(edge[0]) for edge in edges if edge[1] == (node, port))

    def _known(self, node: str, path: Steps, shape: Shape) -> bool:
        assert self.graph is not None
        if node in self.graph.nodes:
            return True
        hint = did_you_mean(node, self.graph.nodes, label="nodes")
        shape.fault("LG507", f"there is no node `{node[:60]}`", path, hint)
        return False

    def _inputs(self, written: str) -> str:
        assert self.graph is not None
        ports = ports_of(self.graph.nodes[written.partition(".")[0]].processor).values()
        shown = [
            f"{port.name}: {' | '.join(kind.__name__ for kind in port.types)}"
            for port in ports
            if port.direction == "in"
        ]
        return f"its inputs: {', '.join(shown)}" if shown else "it has no inputs"


def _takes(port: PortSpec, kind: type[Frame], *, exactly: bool) -> bool:
    return kind in port.types if exactly else port.accepts(kind)


def _within(node: str, name: str | None) -> str | None:
    return f"{node}.{name}" if name and node else name


def _resolved(edge: EdgeSpec, graph: Graph) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    return [(found.source, found.target) for found in resolve_edge(edge, graph.nodes)[0]]

"""Handles: what ``Graph.add`` gives for a node, and the ports of it as attributes.

::

    gate = graph.add(VadGate, threshold=0.6)
    graph.connect(gate.speech, live.speech)

For static tools a handle *is* the processor, so that a port that is not there, or one that carries something else, is
seen before the program runs. What it really is knows the node's name and its ports and nothing more: a processor
comes to life in a call only, where ``call.processor(gate)`` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..frames import Frame
from ..ports import PortSpec
from ..processor import Processor, ports_of
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from .declarations import GraphSpec

__all__ = [
    "Gives",
    "MayGive",
    "MayTake",
    "NodeHandle",
    "PortHandle",
    "Takes",
    "end_name",
    "end_of",
    "node_name",
]

_Given = TypeVar("_Given", bound=Frame, covariant=True)
_Taken = TypeVar("_Taken", bound=Frame, contravariant=True)


class Gives(Protocol[_Given]):
    """For static tools: an output, as what carries nothing but these frames."""

    def _given(self) -> _Given: ...


class MayGive(Protocol[_Taken]):
    """For static tools: an output, as what may carry these frames among others."""

    def _may_give(self, frame: _Taken) -> None: ...


class Takes(Protocol[_Taken]):
    """For static tools: an input, as what takes all of these frames."""

    def _takes(self, frame: _Taken) -> None: ...


class MayTake(Protocol[_Given]):
    """For static tools: an input, as what takes no others than these frames."""

    def _may_take(self) -> _Given: ...


class PortHandle:
    """One port of a node of a graph."""

    __slots__ = ("graph", "node", "spec")

    def __init__(self, graph: GraphSpec, node: str, spec: PortSpec) -> None:
        self.graph = graph
        self.node = node
        self.spec = spec

    def __str__(self) -> str:
        return f"{self.node}.{self.spec.name}"

    def __repr__(self) -> str:
        kinds = " | ".join(kind.__name__ for kind in self.spec.types)
        return f"<{self.spec.direction}put {self} of {kinds}>"


class NodeHandle:
    """A node of a graph: its ports are its attributes, ``str`` gives its name."""

    __slots__ = ("_graph", "_name", "_ports", "_processor")

    def __init__(self, graph: GraphSpec, name: str, processor: type[Processor]) -> None:
        self._graph = graph
        self._name = name
        self._processor = processor
        self._ports: Mapping[str, PortSpec] = ports_of(processor)

    def __getattr__(self, name: str) -> PortHandle:
        ports: Mapping[str, PortSpec] = object.__getattribute__(self, "_ports")
        if name in ports:
            return PortHandle(self._graph, self._name, ports[name])
        kind = self._processor.__name__
        if hasattr(self._processor, name) and not name.startswith("__"):
            raise AttributeError(
                f"{self._name!r} is a node of a graph, and {name!r} belongs to the running {kind}: "
                f"call.processor({self._name}) gives that in a call"
            )
        hint = did_you_mean(name, ports, label="ports")
        raise AttributeError(
            f"the {kind} {self._name!r} has no port {name!r}" + (f"; {hint}" if hint else "")
        )

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self._ports]

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<node {self._name!r}: {self._processor.__name__}>"


def end_of(end: Any, graph: GraphSpec) -> str:
    """``node`` or ``node.port`` for a name or a handle.

    Raises ``ValueError`` for a handle of another graph, ``TypeError`` for anything else.
    """
    if isinstance(end, str):
        return end
    if isinstance(end, NodeHandle | PortHandle):
        home = end.graph if isinstance(end, PortHandle) else end._graph
        if home is not graph:
            raise ValueError(f"{end!r} is of another graph")
        return str(end)
    if isinstance(end, type):
        raise TypeError(f"{end.__name__} is a class: connect what graph.add({end.__name__}) gave for it")
    raise TypeError(
        f"{end!r} is no end of an edge: a handle that graph.add gave, one of its ports, or a name"
    )


def end_name(end: Any) -> str:
    """``node`` or ``node.port`` for a name or a handle, whatever graph it is of."""
    if isinstance(end, str):
        return end
    if isinstance(end, NodeHandle | PortHandle):
        return str(end)
    raise TypeError(
        f"{end!r} is no port: a name such as 'live.out', or a port of a handle that graph.add gave"
    )


def node_name(node: Any) -> str:
    """The name of a node, for a name or a handle."""
    if isinstance(node, str):
        return node
    if isinstance(node, NodeHandle):
        return str(node)
    raise TypeError(f"{node!r} is no node: a name, or a handle that graph.add gave")

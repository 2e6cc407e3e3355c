"""What a graph consists of before anybody checks it: nodes with their options, and edges by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from ..errors import ProcessorError
from ..policy import WhenFull

if TYPE_CHECKING:
    from ..processor import Processor

__all__ = ["EdgeSpec", "ErrorPolicy", "GraphSpec", "NodeSpec", "OnError", "PolicyChange"]

OnError = Literal["end_call", "skip_frame", "restart"]
ErrorPolicy = OnError | Callable[[ProcessorError], OnError]
"""What a fault of a node means: always the same, or what a function says of it, whose ``__cause__`` was raised."""


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
    on_error: ErrorPolicy = "end_call"
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """One edge. ``source`` and ``target`` are ``node`` or ``node.port``."""

    source: str
    target: str
    change: PolicyChange | None = None
    path: tuple[str | int, ...] = ()


class GraphSpec:
    """Nodes by name and edges in order, as they were written."""

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self.nodes: dict[str, NodeSpec] = {}
        self.edges: list[EdgeSpec] = []

    def copy(self) -> Self:
        """Another graph with the same nodes and edges."""
        made = type(self)(self.name)
        made.nodes, made.edges = dict(self.nodes), list(self.edges)
        return made

    def insert(self, node: NodeSpec) -> None:
        """Add a node that is already described. ``ValueError`` when the name is taken, or holds a dot."""
        if not node.name or "." in node.name:
            raise ValueError(f"{node.name!r} is no name for a node: a dot parts node and port")
        if node.name in self.nodes:
            raise ValueError(f"the graph has a node {node.name!r} already")
        self.nodes[node.name] = node

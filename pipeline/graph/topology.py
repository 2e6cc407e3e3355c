"""The shape of a checked graph: what leads where. The same for every call, so it is worked out once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from ..ports import EdgeEnd
from ..processor import Processor, ports_of
from .hops import is_queue
from .negotiate import PortKey
from .resolve import ResolvedEdge, edge_ends

__all__ = ["Topology"]


class Topology:
    """``edges`` between nodes of these ``classes``, which come sources first. Edges are told by their places."""

    def __init__(self, edges: Sequence[ResolvedEdge], classes: Mapping[str, type[Processor]]) -> None:
        self._edges = tuple(edges)
        self._classes = dict(classes)
        self._behind: dict[PortKey, tuple[int, ...]] = {}

    @cached_property
    def leaving(self) -> dict[PortKey, tuple[int, ...]]:
        """The edges from each output that has some."""
        leaving: dict[PortKey, tuple[int, ...]] = {}
        for place, edge in enumerate(self._edges):
            leaving[edge.source] = (*leaving.get(edge.source, ()), place)
        return leaving

    @cached_property
    def entering(self) -> dict[PortKey, tuple[int, ...]]:
        """The edges into each input that has some."""
        entering: dict[PortKey, tuple[int, ...]] = {}
        for place, edge in enumerate(self._edges):
            entering[edge.target] = (*entering.get(edge.target, ()), place)
        return entering

    @cached_property
    def ends(self) -> tuple[EdgeEnd, ...]:
        """What the node that each edge enters calls it."""
        ends: dict[int, EdgeEnd] = {}
        for port, places in self.entering.items():
            if len(places) == 1:
                ends[places[0]] = EdgeEnd(self._edges[places[0]].origin[0], 0)
            else:
                ends.update(zip(places, edge_ends(self._edges, port, "in"), strict=True))
        return tuple(ends[place] for place in range(len(self._edges)))

    @cached_property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The nodes in the order of their start, each after all that it feeds; those of a level can start together."""
        level: dict[str, int] = {}
        feeds: dict[str, list[str]] = {}
        for edge in self._edges:
            if not edge.feedback:
                feeds.setdefault(edge.source[0], []).append(edge.target[0])
        levels: list[list[str]] = []
        for name in reversed(self._classes):
            at = level[name] = max((level[target] + 1 for target in feeds.get(name, ())), default=0)
            if at == len(levels):
                levels.append([])
            levels[at].append(name)
        return tuple(tuple(names) for names in levels)

    @cached_property
    def feeders(self) -> dict[str, tuple[str, ...]]:
        """By node with a feedback input: every node from which a frame may still come to it."""
        sources: dict[str, set[str]] = {}
        for edge in self._edges:
            sources.setdefault(edge.target[0], set()).add(edge.source[0])
        found: dict[str, tuple[str, ...]] = {}
        for edge in self._edges:
            name = edge.target[0]
            if not edge.feedback or name in found:
                continue
            seen: dict[str, None] = {}
            ahead = [name]
            while ahead:
                for source in sources.get(ahead.pop(), ()):
                    if source not in seen:
                        seen[source] = None
                        ahead.append(source)
            seen.pop(name, None)
            found[name] = tuple(seen)
        return found

    def blocking(self, port: PortKey) -> tuple[int, ...]:
        """The edges with a blocking queue that a frame from ``port`` can reach through nodes without one."""
        found = self._behind.get(port)
        if found is None:
            behind: dict[int, None] = {}
            for place in self.leaving.get(port, ()):
                edge = self._edges[place]
                target = edge.target[0]
                if is_queue(edge, self._classes[target]):
                    if edge.policy.when_full == "block":
                        behind[place] = None
                    continue
                for spec in ports_of(self._classes[target]).values():
                    if spec.direction == "out":
                        behind.update(dict.fromkeys(self.blocking((target, spec.name))))
            # Edges without a queue make no circle, so that this comes to an end: a feedback edge is a queue.
            found = self._behind[port] = tuple(behind)
        return found

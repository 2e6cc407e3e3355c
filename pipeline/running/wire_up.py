"""Builds the running nodes of a call from its plan and joins them."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from ..errors import ConfigError, Problem, from_signal
from ..graph.check import CheckResult
from ..graph.negotiate import PortKey
from ..graph.resolve import edge_ends
from ..graph.specs import NodeSpec
from ..ports import In, Out
from ..processor import Processor, ports_of
from .context import CallContext
from .edges import QueuedEdge, Voided
from .inlets import Inlet
from .node import NodeRuntime, Reports
from .outlets import Outlet
from .pace import Pace
from .taps import Taps

__all__ = ["Wiring", "make_processor"]


def make_processor(spec: NodeSpec, checked: CheckResult, context: CallContext) -> Processor:
    """A fresh processor for one call: constructed from its options, ports bound, not started.

    Raises ``ConfigError`` when its constructor refuses the options.
    """
    try:
        processor = spec.processor(**spec.options)
    except BaseException as error:
        if from_signal(error):
            raise
        # A constructor may know more than types and ranges; its refusal is one of the configuration.
        problem = Problem("LG221", f"{spec.name} refused its options: {error}", spec.path)
        raise ConfigError([problem]) from error
    for port in ports_of(spec.processor).values():
        declared = getattr(spec.processor, port.name)
        bound = declared.bind(port, checked.formats.get((spec.name, port.name)))
        if port.many:
            bound.edges = edge_ends(checked.edges, (spec.name, port.name), port.direction)
        setattr(processor, port.name, bound)
    processor.call = context.at(spec.name)
    processor.name = spec.name
    processor.log = logging.LoggerAdapter(context.log, {"node": spec.name, "call": context.id})
    return processor


class Wiring:
    """All nodes of one call, joined by their edges."""

    def __init__(
        self, checked: CheckResult, context: CallContext, reports: Reports, taps: Taps | None = None
    ) -> None:
        self._taps = taps or Taps()
        self._taps.changed = self._tapped
        self.voided = Voided()
        self._checked = checked
        self._context = context
        self.nodes: dict[str, NodeRuntime] = {}
        pace = Pace(context.id, context.clock, context.events)
        for name in checked.order:
            spec = checked.nodes[name]
            processor = make_processor(spec, checked, context)
            self.nodes[name] = NodeRuntime(spec, processor, self.voided, context.clock, pace, reports)
        self._behind: dict[PortKey, tuple[QueuedEdge, ...]] = {}
        self._leaving: dict[PortKey, list[Inlet]] = {}
        for edge in checked.edges:
            inlet = self.nodes[edge.target[0]].entry(edge)
            self._leaving.setdefault(edge.source, []).append(inlet)
        self._fed = {edge.target for edge in checked.edges}
        for node in self.nodes.values():
            for port in ports_of(type(node.processor)).values():
                if port.direction == "in":
                    ends = edge_ends(checked.edges, (node.name, port.name), "in")
                    inlets = [inlet for inlet in node.inlets if inlet.port == port.name]
                    for inlet, end in zip(inlets, ends, strict=True):
                        inlet.end = end
        for node in self.nodes.values():
            self.join(node)

    def replace(self, node: NodeRuntime) -> Processor:
        """Give ``node`` a fresh processor, wired like the one before; it is not started."""
        node.adopt(make_processor(node.spec, self._checked, self._context))
        self.join(node)
        return node.processor

    def join(self, node: NodeRuntime) -> None:
        """Tie the ports of ``node``'s processor to its edges."""
        outlets = []
        for port in ports_of(type(node.processor)).values():
            bound: Any = getattr(node.processor, port.name)
            key = (node.name, port.name)
            if port.direction == "in":
                bound.connected = key in self._fed
                continue
            outlet = self._outlet(node, bound, key)
            bound.wire(outlet)
            outlets.append(outlet)
        node.tie(outlets)

    def levels(self) -> list[list[NodeRuntime]]:
        """The nodes in the order of their start: each after all that it feeds; lists hold what can start together."""
        level: dict[str, int] = {}
        feeds: dict[str, list[str]] = {}
        for edge in self._checked.edges:
            if not edge.feedback:
                feeds.setdefault(edge.source[0], []).append(edge.target[0])
        levels: list[list[NodeRuntime]] = []
        for name, node in reversed(self.nodes.items()):
            at = level[name] = max((level[target] + 1 for target in feeds.get(name, ())), default=0)
            if at == len(levels):
                levels.append([])
            levels[at].append(node)
        return levels

    def feeders(self) -> dict[str, list[NodeRuntime]]:
        """By node with a feedback input: every node from which a frame may still come to it."""
        sources: dict[str, set[str]] = {}
        for edge in self._checked.edges:
            sources.setdefault(edge.target[0], set()).add(edge.source[0])
        found: dict[str, list[NodeRuntime]] = {}
        for edge in self._checked.edges:
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
            found[name] = [self.nodes[source] for source in seen]
        return found

    def _outlet(self, node: NodeRuntime, port: Out[Any], key: PortKey) -> Outlet:
        inlets = self._leaving.get(key, [])
        # Peers are asked for by name when needed: a restarted peer has new port objects.
        return Outlet(
            node,
            port,
            [*(inlet.push for inlet in inlets), *self._taps.of(key)],
            [inlet.stats for inlet in inlets],
            self._blocking(key),
            [partial(self._input, inlet.edge.target) for inlet in inlets],
        )

    def _tapped(self, port: PortKey) -> None:
        """Who looks at ``port`` is another."""
        node = self.nodes.get(port[0])
        if node is not None and node.outlets and not node.ended and not node.closed:
            self.join(node)

    def _input(self, key: PortKey) -> In[Any]:
        return self.nodes[key[0]].input(key[1])

    def _blocking(self, port: PortKey) -> tuple[QueuedEdge, ...]:
        """The blocking queues that a frame from ``port`` can reach through inline nodes."""
        found = self._behind.get(port)
        if found is None:
            queues: dict[QueuedEdge, None] = {}
            for inlet in self._leaving.get(port, ()):
                target, queue = inlet.edge.target[0], inlet.queue
                if queue is None:
                    for spec in ports_of(type(self.nodes[target].processor)).values():
                        if spec.direction == "out":
                            queues.update(dict.fromkeys(self._blocking((target, spec.name))))
                elif queue.policy.when_full == "block":
                    queues[queue] = None
            # Inline edges make no circle, so that this comes to an end: a feedback edge is a queue.
            found = self._behind[port] = tuple(queues)
        return found

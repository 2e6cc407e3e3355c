"""Builds the running nodes of a call from its plan and joins them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import ConfigError, Problem, from_signal, told
from ..graph.check import CheckResult
from ..graph.declarations import NodeSpec
from ..graph.negotiate import PortKey
from ..graph.resolve import ResolvedEdge, edge_ends
from ..ports import In, Out
from ..processor import Processor, ports_of
from .admission import Sealed
from .context import CallContext
from .edges import QueuedEdge, Voided
from .inlets import Inlet
from .node import NodeRuntime
from .outlets import Outlet
from .pace import Pace
from .reports import Reports
from .taps import Taps

__all__ = ["Layout", "Wiring", "make_processor"]


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
        why = told(error).removeprefix("ValueError: ")
        problem = Problem("LG221", f"{spec.name} refused its options: {why}", spec.path)
        raise ConfigError([problem]) from error
    for port in ports_of(spec.processor).values():
        declared = getattr(spec.processor, port.name)
        setattr(processor, port.name, declared.bind(port, checked.formats.get((spec.name, port.name))))
    processor.call = context.at(spec.name)
    processor.name = spec.name
    return processor


class Layout:
    """Which inlets the outputs of nodes lead to, as one checked graph has it. ``inlets`` are those of its edges."""

    def __init__(
        self, checked: CheckResult, nodes: Mapping[str, NodeRuntime], inlets: Sequence[Inlet]
    ) -> None:
        assert checked.topology is not None
        self.checked = checked
        self.nodes = nodes
        self.inlets = tuple(inlets)
        self.topology = checked.topology

    def leaving(self, port: PortKey) -> list[Inlet]:
        """What a frame from ``port`` enters."""
        return [self.inlets[place] for place in self.topology.leaving.get(port, ())]

    def name_inlets(self, nodes: Iterable[NodeRuntime]) -> None:
        """Tell the inlets of ``nodes`` what their processors call them."""
        wanted = {node.name for node in nodes}
        for inlet, end in zip(self.inlets, self.topology.ends, strict=True):
            if inlet.edge.target[0] in wanted:
                inlet.end = end

    def levels(self) -> list[list[NodeRuntime]]:
        """The nodes in the order of their start; lists hold what can start together."""
        return [[self.nodes[name] for name in level] for level in self.topology.levels]

    def feeders(self, name: str) -> list[NodeRuntime]:
        """Every node from which a frame may come round to a feedback input of this one."""
        return [self.nodes[feeder] for feeder in self.topology.feeders.get(name, ())]

    def input(self, key: PortKey) -> In[Any]:
        """A bound input. Peers are asked for by name when needed: a restarted peer has new port objects."""
        return self.nodes[key[0]].input(key[1])

    def blocking(self, port: PortKey) -> tuple[QueuedEdge, ...]:
        """The blocking queues that a frame from ``port`` can reach through inline nodes."""
        queues = [self.inlets[place].queue for place in self.topology.blocking(port)]
        return tuple(queue for queue in queues if queue is not None)


class Wiring:
    """All nodes of one call, joined by their edges."""

    def __init__(
        self, checked: CheckResult, context: CallContext, reports: Reports, taps: Taps | None = None
    ) -> None:
        self.voided = Voided()
        self._taps = taps or Taps()
        self._taps.changed = self._tapped
        self._context = context
        self._reports = reports
        self._sealed = Sealed()
        self._pace = Pace(context.id, context.clock, context.events)
        self.nodes: dict[str, NodeRuntime] = {
            name: self.make(checked.nodes[name], checked) for name in checked.order
        }
        """By name, sources first; a change of the call changes this very dictionary."""
        inlets = [self._entry(edge) for edge in checked.edges]
        self.layout = Layout(checked, self.nodes, inlets)
        self.layout.name_inlets(self.nodes.values())
        for node in self.nodes.values():
            self.join(node)

    def make(self, spec: NodeSpec, checked: CheckResult) -> NodeRuntime:
        """A node with a fresh processor, joined to nothing. Raises ``ConfigError``."""
        processor = make_processor(spec, checked, self._context)
        return NodeRuntime(
            spec, processor, self.voided, self._context.clock, self._pace, self._sealed, self._reports
        )

    def _entry(self, edge: ResolvedEdge) -> Inlet:
        intake = self.nodes[edge.target[0]].intake
        inlet = intake.make(edge)
        intake.admit(inlet)
        return inlet

    def exchange(self, layout: Layout) -> None:
        """From now on the call's nodes and edges are those of ``layout``; whoever holds ``nodes`` sees it."""
        self.nodes.clear()
        self.nodes.update(layout.nodes)
        self.layout = layout

    def replace(self, node: NodeRuntime) -> Processor:
        """Give ``node`` a fresh processor, wired like the one before; it is not started."""
        node.adopt(make_processor(node.spec, self.layout.checked, self._context))
        self.join(node)
        return node.processor

    def join(self, node: NodeRuntime, layout: Layout | None = None) -> None:
        """Tie the ports of ``node``'s processor to its edges, as ``layout`` or the call's own has them."""
        layout = layout or self.layout
        outlets = []
        for port in ports_of(type(node.processor)).values():
            bound: Any = getattr(node.processor, port.name)
            key = (node.name, port.name)
            if port.many:
                bound.edges = edge_ends(layout.checked.edges, key, port.direction)
            if port.direction == "in":
                bound.connected = key in layout.topology.entering
                continue
            outlet = self._outlet(node, bound, key, layout)
            bound.wire(outlet)
            outlets.append(outlet)
        node.tie(outlets)

    def _outlet(self, node: NodeRuntime, port: Out[Any], key: PortKey, layout: Layout) -> Outlet:
        return Outlet(
            node, port, layout.leaving(key), self._taps.of(key), partial(layout.blocking, key), layout
        )

    def _tapped(self, port: PortKey) -> None:
        """Who looks at ``port`` is another."""
        node = self.nodes.get(port[0])
        if node is not None and node.outlets and not node.ended and not node.closed:
            self.join(node)

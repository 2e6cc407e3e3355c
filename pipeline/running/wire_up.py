"""Builds the running nodes of a call from its plan and joins them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import ConfigError, Problem, ProcessorError
from ..frames import Frame
from ..graph.check import CheckResult
from ..graph.negotiate import PortKey
from ..graph.specs import NodeSpec
from ..ports import In, Out
from ..processor import Processor, ports_of
from .context import CallContext
from .edges import QueuedEdge, Voided
from .node import NodeRuntime

__all__ = ["Wiring", "make_processor"]

Push = Callable[[Frame], None]


def make_processor(spec: NodeSpec, checked: CheckResult, context: CallContext) -> Processor:
    """A fresh processor for one call: constructed from its options, ports bound, not started.

    Raises ``ConfigError`` when its constructor refuses the options.
    """
    try:
        processor = spec.processor(**spec.options)
    except Exception as error:
        # A constructor may know more than types and ranges; its refusal is one of the configuration.
        problem = Problem("LG221", f"{spec.name} refused its options: {error}", spec.path)
        raise ConfigError([problem]) from error
    for port in ports_of(spec.processor).values():
        declared = getattr(spec.processor, port.name)
        setattr(processor, port.name, declared.bind(port, checked.formats.get((spec.name, port.name))))
    processor.call = context.at(spec.name)
    processor.name = spec.name
    processor.log = logging.LoggerAdapter(context.log, {"node": spec.name, "call": context.id})
    return processor


class Wiring:
    """All nodes of one call, joined by their edges."""

    def __init__(
        self,
        checked: CheckResult,
        context: CallContext,
        on_fault: Callable[[NodeRuntime, ProcessorError], None],
        on_ended: Callable[[NodeRuntime], None],
    ) -> None:
        self.voided = Voided()
        self._checked = checked
        self._context = context
        self.nodes: dict[str, NodeRuntime] = {}
        now_ns = context.clock.now_ns
        for name in checked.order:
            spec = checked.nodes[name]
            processor = make_processor(spec, checked, context)
            self.nodes[name] = NodeRuntime(spec, processor, self.voided, now_ns, on_fault, on_ended)
        self._reach: dict[PortKey, tuple[QueuedEdge, ...]] = {}
        self._entries: dict[PortKey, list[tuple[Push, QueuedEdge | None, PortKey]]] = {}
        for edge in checked.edges:
            push, queue = self.nodes[edge.target[0]].entry(edge)
            self._entries.setdefault(edge.source, []).append((push, queue, edge.target))
        self._fed = {edge.target for edge in checked.edges}
        for node in self.nodes.values():
            self.join(node)

    def replace(self, node: NodeRuntime) -> Processor:
        """Give ``node`` a fresh processor, wired like the one before; it is not started."""
        node.adopt(make_processor(node.spec, self._checked, self._context))
        self.join(node)
        return node.processor

    def join(self, node: NodeRuntime) -> None:
        """Tie the ports of ``node``'s processor to its edges."""
        reach: dict[QueuedEdge, None] = {}
        for port in ports_of(type(node.processor)).values():
            bound: Any = getattr(node.processor, port.name)
            if port.direction == "in":
                bound.connected = (node.name, port.name) in self._fed
                continue
            entries = self._entries.get((node.name, port.name), [])
            behind = self._blocking((node.name, port.name))
            reach.update(dict.fromkeys(behind))
            self._tie(bound, entries, behind)
        node.set_behind(reach)

    def _tie(
        self,
        output: Out[Any],
        entries: list[tuple[Push, QueuedEdge | None, PortKey]],
        behind: tuple[QueuedEdge, ...],
    ) -> None:
        # Peers are asked for by name when needed: a restarted peer has new port objects.
        output.wire(
            tuple(push for push, _, _ in entries),
            behind,
            tuple(partial(self._input, target) for _, _, target in entries),
        )

    def _input(self, key: PortKey) -> In[Any]:
        return self.nodes[key[0]].input(key[1])

    def _blocking(self, port: PortKey) -> tuple[QueuedEdge, ...]:
        """The blocking queues that a frame from ``port`` can reach through inline nodes."""
        found = self._reach.get(port)
        if found is None:
            queues: dict[QueuedEdge, None] = {}
            for _, queue, target in self._entries.get(port, []):
                if queue is None:
                    specs = ports_of(type(self.nodes[target[0]].processor)).values()
                    outputs = [(target[0], spec.name) for spec in specs if spec.direction == "out"]
                    queues.update(
                        dict.fromkeys(queue for output in outputs for queue in self._blocking(output))
                    )
                elif queue.policy.when_full == "block":
                    queues[queue] = None
            # Inline edges make no circle, so that this comes to an end: a feedback edge is a queue.
            found = self._reach[port] = tuple(queues)
        return found

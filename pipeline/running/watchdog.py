"""Names the node that holds a call up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from ..clock import Clock
from ..events import EdgeStalled, EventBus
from ..units import MS, SECOND, format_duration
from .edges import QueuedEdge
from .node import NodeRuntime
from .strand import ring_of

__all__ = ["Watchdog"]

logger = logging.getLogger("livegraph.call")


class Watchdog:
    """Logs and publishes, once per frame, that a node has been at one frame for ``stall_ns``.

    What a node spends waiting for room behind it is not its own time, unless all wait for each other.
    """

    def __init__(
        self, call_id: str, nodes: Mapping[str, NodeRuntime], stall_ns: int, clock: Clock, events: EventBus
    ) -> None:
        self._call_id = call_id
        self._nodes = nodes
        self._stall_ns = stall_ns
        self._clock = clock
        self._events = events
        self._own: dict[str, tuple[int, int]] = {}
        """By node: the frame it is at (by when it was taken up), and from when on its own time counts."""
        self._named: dict[str, int] = {}
        self._rings: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look from now on, a few times within ``stall_ns``."""
        period_ns = max(self._stall_ns // 4, 250 * MS)
        self._timer = asyncio.get_running_loop().call_later(period_ns / SECOND, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self.start()
        now_ns = self._clock.now_ns()
        for node in self._nodes.values():
            if node.busy_since_ns is not None:
                self._judge(node, node.busy_since_ns, now_ns)

    def _judge(self, node: NodeRuntime, since_ns: int, now_ns: int) -> None:
        if node.strand.waits_for is not None:
            self._own[node.name] = (since_ns, now_ns)
            self._name_ring(node)
            return
        frame_ns, from_ns = self._own.get(node.name, (since_ns, since_ns))
        age_ns = now_ns - (from_ns if frame_ns == since_ns else since_ns)
        if age_ns < self._stall_ns or self._named.get(node.name) == since_ns:
            return
        self._named[node.name] = since_ns
        logger.warning(
            "%s: %s has been at one frame for %s", self._call_id, node.name, format_duration(self._stall_ns)
        )
        if self._events.wants(EdgeStalled):
            edge = max(node.intake.queues, key=QueuedEdge.age_ns).name
            self._events.publish(EdgeStalled(time_ns=now_ns, edge=edge, node=node.name, age_ns=age_ns))

    def _name_ring(self, node: NodeRuntime) -> None:
        ring = [strand.name for strand in ring_of(node.strand)]
        if ring and not self._rings.intersection(ring):
            self._rings.update(ring)
            names = " -> ".join([*ring, ring[0]])
            logger.error("%s: these wait for each other, and for ever: %s", self._call_id, names)

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

__all__ = ["watch"]

logger = logging.getLogger("livegraph.call")


async def watch(
    call_id: str, nodes: Mapping[str, NodeRuntime], stall_ns: int, clock: Clock, events: EventBus
) -> None:
    """Log and publish, once per frame, that a node has been at one frame for ``stall_ns``. Runs until cancelled.

    What a node spends waiting for room behind it is not its own time, unless all wait for each other.
    """
    # By node: the frame it is at (by when it was taken up), and from when on its own time counts.
    own: dict[str, tuple[int, int]] = {}
    named: dict[str, int] = {}
    rings: set[str] = set()
    period_ns = max(stall_ns // 4, 250 * MS)
    while True:
        await asyncio.sleep(period_ns / SECOND)
        now_ns = clock.now_ns()
        for node in nodes.values():
            since_ns = node.busy_since_ns
            if since_ns is None:
                continue
            if node.strand.waits_for is not None:
                own[node.name] = (since_ns, now_ns)
                ring = [strand.name for strand in ring_of(node.strand)]
                if ring and not rings.intersection(ring):
                    rings.update(ring)
                    names = " -> ".join([*ring, ring[0]])
                    logger.error("%s: these wait for each other, and for ever: %s", call_id, names)
                continue
            frame_ns, from_ns = own.get(node.name, (since_ns, since_ns))
            age_ns = now_ns - (from_ns if frame_ns == since_ns else since_ns)
            if age_ns < stall_ns or named.get(node.name) == since_ns:
                continue
            named[node.name] = since_ns
            logger.warning(
                "%s: %s has been at one frame for %s", call_id, node.name, format_duration(stall_ns)
            )
            if events.wants(EdgeStalled):
                edge = max(node.edges, key=QueuedEdge.age_ns).name
                events.publish(EdgeStalled(time_ns=now_ns, edge=edge, node=node.name, age_ns=age_ns))

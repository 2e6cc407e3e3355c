"""The inputs of one node: where every edge into it enters, and the queues that its worker serves."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from ..graph.hops import is_queue
from ..graph.resolve import ResolvedEdge
from ..processor import Processor
from .edges import EdgeStats, QueuedEdge, refuse_overflow
from .inlets import Inlet

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Intake"]


class Intake:
    """Inlets and queues of ``node``, in the order in which they were opened."""

    __slots__ = ("_node", "_order", "_wake", "inlets", "queues")

    def __init__(self, node: NodeRuntime) -> None:
        self._node = node
        self._order = itertools.count()
        """Numbers the frames of all queues, which are served in order of arrival."""
        self._wake: asyncio.Future[None] | None = None
        self.inlets: list[Inlet] = []
        self.queues: list[QueuedEdge] = []

    @property
    def stats(self) -> dict[str, EdgeStats]:
        """Counters of every edge, by the edge's name."""
        return {str(inlet.edge): inlet.stats for inlet in self.inlets}

    @property
    def has_forward(self) -> bool:
        """Whether edges lead in that are no feedback."""
        return any(not inlet.edge.feedback for inlet in self.inlets)

    @property
    def has_feedback(self) -> bool:
        """Whether frames may come back to the node around a loop."""
        return any(inlet.edge.feedback for inlet in self.inlets)

    @property
    def holds_frames(self) -> bool:
        """Whether frames wait in a queue."""
        return any(queue.stats.held for queue in self.queues)

    def make(self, edge: ResolvedEdge) -> Inlet:
        """What ``edge`` enters by, once it is admitted."""
        node = self._node
        queue = None
        if is_queue(edge, type(node.processor)):
            queue = QueuedEdge(
                str(edge), edge.policy, self._notice, node.now_ns, self._order, refuse_overflow
            )
            queue.reader = node.strand
        return Inlet(node, edge, queue)

    def admit(self, inlet: Inlet) -> None:
        """Count ``inlet`` among the inputs of the node."""
        if not inlet.edge.feedback:
            self._node.ending.opened()
        self.inlets.append(inlet)
        if inlet.queue is not None:
            self.queues.append(inlet.queue)
        self._node.attention = True

    def forget_ended(self) -> None:
        """Let go of inlets by which nothing will come any more."""
        self.inlets = [
            inlet
            for inlet in self.inlets
            if not inlet.over or (inlet.queue is not None and inlet.queue.stats.held)
        ]
        self.queues = [inlet.queue for inlet in self.inlets if inlet.queue is not None]
        self._node.attention = True

    def open(self, processor: Processor) -> None:
        """Give frames to the handlers of ``processor``."""
        for inlet in self.inlets:
            inlet.take_by(processor)

    def refuse(self) -> None:
        """Lose what comes without a queue, and keep what waits in one."""
        for inlet in self.inlets:
            inlet.handler = inlet.refuse

    def close(self) -> None:
        """Nothing goes in any more, and whoever waits for room is let go."""
        self.refuse()
        for queue in self.queues:
            queue.close()

    def flush(self, turn: int) -> None:
        """Empty the queues of what the cut of ``turn`` makes void."""
        for queue in self.queues:
            if queue.stats.held:
                queue.flush(turn)

    def frames_come(self) -> asyncio.Future[None]:
        """What is done when a frame has come into one of the empty queues: for the worker, which awaits it at once."""
        wake = self._wake = asyncio.get_running_loop().create_future()
        return wake

    def _notice(self) -> None:
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)

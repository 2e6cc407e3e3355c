"""Where frames enter a node: inside the sender's step, or by a queue that the node's worker serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..frames import EndFrame, Frame
from ..graph.resolve import ResolvedEdge
from ..ports import EdgeEnd
from ..processor import ports_of
from .edges import EdgeStats, QueuedEdge
from .outlets import Push, inherited
from .pace import EVERY

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Inlet"]


class Inlet:
    """The end of one edge at a node. ``handler`` takes its frames: the processor's, or ``refuse``."""

    __slots__ = ("edge", "end", "handler", "many", "media", "over", "port", "push", "queue", "stats")

    def __init__(self, node: NodeRuntime, edge: ResolvedEdge, queue: QueuedEdge | None) -> None:
        self.edge = edge
        self.end = EdgeEnd(edge.origin[0], 0)
        """What the processor calls it."""
        self.over = False
        """Whether nothing follows on it."""
        self.port = edge.target[1]
        self.queue = queue
        self.stats = queue.stats if queue is not None else EdgeStats()
        self.handler: Callable[[Any], Any] = self.refuse
        spec = ports_of(type(node.processor))[self.port]
        self.many = spec.many
        """Whether the handler is told which edge a frame came by."""
        self.media = spec.carries_audio
        """Whether sound comes in, so that the node can be slower than real time."""
        self.push: Push = (
            _inline(node, self, edge.passes) if queue is None else _queued(node, queue, edge.passes)
        )

    def take_by(self, handler: Callable[..., Any]) -> None:
        """Give frames to ``handler``, the processor's for this port."""
        if self.many:
            end = self.end
            self.handler = lambda frame: handler(frame, end)
        else:
            self.handler = handler

    def end_now(self, now_ns: int) -> None:
        """Nothing follows on this edge, which is taken out of a running call."""
        self.push(EndFrame(time_ns=now_ns))

    def refuse(self, frame: Frame) -> None:
        """Lose a frame that the processor cannot take: it failed, is being replaced, has ended or stopped."""
        self.stats.dropped += 1


def _queued(node: NodeRuntime, queue: QueuedEdge, passes: tuple[type[Frame], ...] | None) -> Push:
    voided, stats, enter = node.voided, queue.stats, queue.push

    def push(frame: Frame) -> None:
        turn = frame.turn
        if turn and turn is not voided.valid and voided.covers(frame):
            stats.stale += 1
        elif passes is None or frame.marker or isinstance(frame, passes):
            enter(frame)

    return push


def _inline(node: NodeRuntime, inlet: Inlet, passes: tuple[type[Frame], ...] | None) -> Push:
    if passes is None and not inlet.media:
        return _inline_anything(node, inlet)
    voided, stats, routes, pace = node.voided, inlet.stats, node.routes, node.pace
    media, left = inlet.media, 1

    def push(frame: Frame) -> None:
        nonlocal left
        turn = frame.turn
        if turn and turn is not voided.valid and voided.covers(frame):
            stats.stale += 1
            return
        if frame.marker:
            stats.passed += 1
            node.take_marker_inline(inlet, frame)
            return
        if passes is not None and not isinstance(frame, passes):
            return
        stats.passed += 1
        node.answering = frame
        try:
            left -= 1
            if media and (not left or pace.measuring):
                left = left or EVERY
                result = pace.timed(node, inlet.handler, frame)
            else:
                result = inlet.handler(frame)
            if result is not None:
                onward = routes.get(type(result))
                if onward is None:
                    node.answer(result)
                elif result is frame or ((result.turn or not turn) and (result.time_ns or not frame.time_ns)):
                    onward(result)
                else:
                    onward(inherited(result, frame, node))
        except BaseException as error:
            node.answering = None
            node.blame(error, inlet.port)
            return
        node.answering = None

    return push


def _inline_anything(node: NodeRuntime, inlet: Inlet) -> Push:
    # The hot path of the engine, the same without the checks that this edge does not need: one call here, one to the
    # handler, one to hand its result on.
    voided, stats, routes = node.voided, inlet.stats, node.routes

    def push(frame: Frame) -> None:
        turn = frame.turn
        if turn and turn is not voided.valid and voided.covers(frame):
            stats.stale += 1
            return
        stats.passed += 1
        if frame.marker:
            node.take_marker_inline(inlet, frame)
            return
        node.answering = frame
        try:
            result = inlet.handler(frame)
            if result is not None:
                onward = routes.get(type(result))
                if onward is None:
                    node.answer(result)
                elif result is frame or ((result.turn or not turn) and (result.time_ns or not frame.time_ns)):
                    onward(result)
                else:
                    onward(inherited(result, frame, node))
        except BaseException as error:
            node.answering = None
            node.blame(error, inlet.port)
            return
        node.answering = None

    return push

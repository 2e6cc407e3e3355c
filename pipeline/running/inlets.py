"""Where frames enter a node: inside the sender's step, or by a queue that the node's worker serves."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, ParamSpec

from ..frames import EndFrame, Frame
from ..graph.resolve import ResolvedEdge
from ..ports import EdgeEnd
from ..processor import Processor, ports_of
from .admission import Admission
from .edges import EdgeStats, QueuedEdge
from .results import inherited

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Inlet", "Push"]

P = ParamSpec("P")
Push = Callable[[Frame], None]

_UNNAMED = EdgeEnd("", 0)


class Inlet:
    """The end of one edge at a node. ``handler`` takes its frames: the processor's, or ``refuse``.

    Whoever sends asks once for each class of frames which ``way`` they take, so that what follows from the class is not
    looked at again for every frame.
    """

    __slots__ = (
        "_handler",
        "_node",
        "edge",
        "end",
        "handler",
        "many",
        "media",
        "over",
        "port",
        "queue",
        "stats",
    )

    def __init__(self, node: NodeRuntime, edge: ResolvedEdge, queue: QueuedEdge | None) -> None:
        self.edge = edge
        self.end = _UNNAMED
        """What the processor calls it."""
        self.over = False
        """Whether nothing follows on it."""
        self.port = edge.target[1]
        self.queue = queue
        self.stats = queue.stats if queue is not None else EdgeStats()
        self.handler: Callable[[Any], Any] = self.refuse
        spec = ports_of(type(node.processor))[self.port]
        self._handler = spec.handler
        self.many = spec.many
        """Whether the handler is told which edge a frame came by."""
        self.media = spec.carries_audio
        """Whether sound comes in, so that the node can be slower than real time."""
        self._node = node

    def way(self, kind: type[Frame], sender: Admission | None) -> Push | None:
        """What takes frames of this class; ``None`` where the edge does not let them pass.

        For sound, ``sender`` is what looks at it, unless that was done already.
        """
        passes = self.edge.passes
        if not (passes is None or kind.marker or issubclass(kind, passes)):
            return None
        if self.queue is not None:
            return _queued(self._node, self.queue, sender)
        if kind.marker:
            return self._take_marker
        return _inline(self._node, self, None) if sender is None else _inline_sound(self._node, self, sender)

    def push(self, frame: Frame) -> None:
        """Take ``frame``, which was looked at."""
        way = self.way(type(frame), None)
        if way is not None:
            way(frame)

    def take_by(self, processor: Processor) -> None:
        """Give frames to the handler of ``processor`` for this port."""
        handler: Callable[..., Any] = getattr(processor, self._handler)
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

    def _take_marker(self, frame: Frame) -> None:
        """A marker that comes without a queue."""
        turn = frame.turn
        voided = self._node.voided
        if turn and turn is not voided.valid and voided.covers(frame):
            self.stats.stale += 1
            return
        self.stats.passed += 1
        self._node.take_marker_inline(self, frame)


def _queued(node: NodeRuntime, queue: QueuedEdge, sender: Admission | None) -> Push:
    voided, sealed, stats, enter = node.voided, node.sealed, queue.stats, queue.push
    look, rate = (None, 0) if sender is None else (sender.check_sound, sender.mono_rate)

    def push(frame: Any) -> None:
        if look is not None and (frame.samples is not sealed.samples or frame.rate != rate):
            look(frame)
        turn = frame.turn
        if turn and turn is not voided.valid and voided.covers(frame):
            stats.stale += 1
        else:
            enter(frame)

    return push


def _inline(node: NodeRuntime, inlet: Inlet, sender: Admission | None) -> Push:
    # The hot path of the engine: one call here, one to the handler, one to hand its result on.
    voided, sealed, stats, routes, pace = node.voided, node.sealed, inlet.stats, node.routes, node.pace
    look, rate = (None, 0) if sender is None else (sender.check_sound, sender.mono_rate)

    def push(frame: Any) -> None:
        if look is not None and (frame.samples is not sealed.samples or frame.rate != rate):
            look(frame)
        turn = frame.turn
        if turn and turn is not voided.valid and voided.covers(frame):
            stats.stale += 1
            return
        stats.passed += 1
        node.answering = frame
        try:
            result = pace.timed(node, inlet.handler, frame) if pace.measuring else inlet.handler(frame)
            if result is not None:
                onward = routes.get(type(result))
                if onward is None:
                    node.answer(result)
                elif (
                    result is frame
                    or not (turn or frame.time_ns)
                    or (result.time_ns and (result.turn or not turn))
                ):
                    onward(result)
                else:
                    onward(inherited(result, frame))
        except BaseException as error:
            node.answering = None
            node.blame(error, inlet.port)
            return
        node.answering = None

    return push


def _own_code(function: Callable[P, Push]) -> Callable[P, Push]:
    """``function`` again, with code of its own for what it returns.

    Python fits the code of a closure to the classes that it meets, for all closures of that code at once, and one that
    meets two in turns fits neither.
    """
    assert isinstance(function, FunctionType)
    code = function.__code__
    within = tuple(one.replace() if isinstance(one, CodeType) else one for one in code.co_consts)
    own = code.replace(co_consts=within)
    return FunctionType(own, function.__globals__, function.__name__, function.__defaults__)


_inline_sound = _own_code(_inline)
"""The same for sound, which is most of what flows."""

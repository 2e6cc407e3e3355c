"""Where frames leave a node: looked at against the node's own port, completed, and handed to every edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ..errors import as_fault, from_signal
from ..frames import AudioFrame, EndFrame, Frame, VideoFrame
from ..graph.hops import works_async
from ..ports import In, Out, Room, Step
from .admission import Admission
from .edges import QueuedEdge
from .inlets import Inlet, Push
from .results import inherited
from .strand import current_strand

if TYPE_CHECKING:
    from .node import NodeRuntime
    from .wire_up import Layout

__all__ = ["Outlet"]

_PLENTY = 1 << 62


class Outlet:
    """One output of a node in a call.

    What the port does not declare is refused, see ``admission``; what a handler sends while it is at a frame inherits
    turn and time of that. Once the node has ended or stopped nothing follows on its streams.
    """

    __slots__ = (
        "_admission",
        "_find_behind",
        "_found",
        "_inlets",
        "_layout",
        "_node",
        "_taps",
        "_thread",
        "_waits",
        "_ways_to",
        "closed",
        "port",
        "step",
        "ways",
    )

    def __init__(
        self,
        node: NodeRuntime,
        port: Out[Any],
        inlets: Sequence[Inlet],
        taps: tuple[Push, ...],
        behind: Callable[[], tuple[QueuedEdge, ...]],
        layout: Layout,
    ) -> None:
        self.port = port
        self.closed = False
        """Whether the node has ended or stopped: nothing follows on its streams."""
        self._node = node
        self._inlets = inlets
        self._taps = taps
        self._find_behind = behind
        self._found: tuple[QueuedEdge, ...] | None = None
        self._layout = layout
        self._thread = get_ident()
        """That of the call's loop."""
        self._waits = works_async(type(node.processor))
        # While an async handler waits, whoever sends a frame that it is at may be somebody else.
        self.step: Step = _AtNothing if self._waits else node
        self._admission: Admission | None = None
        self._ways_to: dict[tuple[int, type], Push] = {}
        self.ways: dict[type, Push] = {}
        """What takes frames, by class."""

    @property
    def connected(self) -> bool:
        """Whether there is an edge."""
        return bool(self._inlets)

    @property
    def targets(self) -> Sequence[Callable[[], In[Any]]]:
        """What gives the inputs at the edges' ends."""
        return [partial(self._layout.input, inlet.edge.target) for inlet in self._inlets]

    @property
    def _behind(self) -> tuple[QueuedEdge, ...]:
        """The blocking queues that a frame from here can reach."""
        if self._found is None:
            self._found = self._find_behind()
        return self._found

    @property
    def _sender(self) -> Admission:
        """What may leave here. A call starts with many outputs: what is made for the first frame is made then."""
        if self._admission is None:
            self._admission = Admission(self.port, self._node.sealed, self._node.pace)
        return self._admission

    def way(self, frame: Frame) -> Push:
        """What hands frames of this one's class to every edge that lets them pass, and to whoever looks.

        Raises ``TypeError`` when the port does not send them.
        """
        way = self.ways.get(type(frame))
        return self._make_way(frame) if way is None else way

    def end(self, now_ns: int) -> None:
        """Say that nothing follows, and see to it."""
        frame = EndFrame(time_ns=now_ns)
        self.way(frame)(frame)
        self.close()

    def close(self) -> None:
        """Let nothing out any more."""
        self.closed = True
        self.ways.clear()

    def refuse(self, frame: Frame) -> None:
        """What takes frames once the node has ended or stopped."""
        for inlet in self._inlets:
            inlet.stats.passed += 1
            inlet.stats.dropped += 1

    def emit(self, frame: Frame) -> None:
        """Hand ``frame`` to every edge. Raises ``TypeError`` and ``ValueError`` for what the port does not send."""
        node = self._node
        answered = node.answering
        if get_ident() != self._thread:
            raise self._wrong_thread()
        way = self.ways.get(type(frame)) or self._make_way(frame)
        if (
            answered is not None
            and answered is not frame
            and ((answered.turn and not frame.turn) or (answered.time_ns and not frame.time_ns))
            and node.is_answering
        ):
            frame = inherited(frame, answered)
        way(frame)
        if node.pace.step_measured:
            node.pace.end_step()

    def blame(self, error: BaseException) -> None:
        """The node is at fault: it sent what cannot go out, and nobody is there to be told by an exception."""
        if from_signal(error):
            raise error
        node = self._node
        # Of one that has failed, and handed over thousands of frames before, the first fault tells enough.
        if not node.muted:
            node.reports.failed(node, as_fault(node.name, error), skippable=True)

    def emit_to(self, index: int, frame: Frame) -> None:
        """Hand ``frame`` to the edge of this index alone."""
        if self.closed:
            stats = self._inlets[index].stats
            stats.passed += 1
            stats.dropped += 1
            return
        if get_ident() != self._thread:
            raise self._wrong_thread()
        key = index, type(frame)
        way = self._ways_to.get(key)
        if way is None:
            way = self._ways_to[key] = self._make_way_by((self._inlets[index],), frame)
        node = self._node
        answered = node.answering
        if answered is not None and answered is not frame and node.is_answering:
            frame = inherited(frame, answered)
        way(frame)

    def crowded(self) -> bool:
        """Whether whoever sends has to wait for room."""
        if not self._behind:
            return False
        strand = current_strand.get()
        if strand is not None:
            return bool(strand.filled)
        return any(edge.full for edge in self._behind)

    async def room(self) -> None:
        """Return when there is room: for a strand in what it filled, for anybody else behind this port."""
        strand = current_strand.get()
        if strand is not None:
            await strand.room()
            return
        for edge in self._behind:
            await edge.room()

    def left(self) -> Room:
        """What fits into the fullest of the queues behind."""
        rooms = [edge.left for edge in self._behind]
        return Room(
            min((room.frames for room in rooms), default=_PLENTY),
            min((room.duration_ns for room in rooms), default=_PLENTY),
        )

    def _make_way(self, frame: Frame) -> Push:
        if self.closed:
            return self.refuse
        way = self.ways[type(frame)] = self._make_way_by(self._inlets, frame)
        return way

    def _make_way_by(self, inlets: Iterable[Inlet], frame: Frame) -> Push:
        """What hands frames of this one's class to some of the edges, and to whoever looks."""
        kind = type(frame)
        if kind not in self.port.spec.types:
            self._sender.check(frame)
        if issubclass(kind, AudioFrame):
            # Edges look at the sound that they take; where there is none it is looked at here.
            sender = self._sender
            ways = _ways_of(inlets, kind, sender) or [sender.check]
        elif issubclass(kind, VideoFrame):
            ways = [self._sender.check, *_ways_of(inlets, kind, None)]
        else:
            ways = _ways_of(inlets, kind, None)
        ways += self._taps
        return ways[0] if len(ways) == 1 else _to_all(tuple(ways))

    def _wrong_thread(self) -> RuntimeError:
        return RuntimeError(
            f"{self._node.name}: `emit` of {self._sender.name} was called in another thread than the call's; use "
            f"self.{self.port.spec.name}.emit_threadsafe(frame) there"
        )


class _AtNothing:
    answering = None


def _ways_of(inlets: Iterable[Inlet], kind: type[Frame], sender: Admission | None) -> list[Push]:
    return [way for inlet in inlets if (way := inlet.way(kind, sender)) is not None]


def _to_all(pushes: tuple[Push, ...]) -> Push:
    def hand_on(frame: Frame) -> None:
        for push in pushes:
            push(frame)

    return hand_on

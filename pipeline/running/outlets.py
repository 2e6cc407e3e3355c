"""Where frames leave a node: looked at against the node's own port, completed, and handed to every edge."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ..frames import AudioFrame, EndFrame, Frame, VideoFrame
from ..graph.hops import works_async
from ..ports import In, Out, Room
from .edges import QueuedEdge
from .strand import current_strand

if TYPE_CHECKING:
    from .inlets import Inlet
    from .node import NodeRuntime
    from .wire_up import Layout

__all__ = ["Outlet", "Push", "inherited"]

Push = Callable[[Frame], None]

_ARRAY = np.ndarray
_INT16 = np.dtype(np.int16)
_PLENTY = 1 << 62
_UINT8 = np.dtype(np.uint8)


class Outlet:
    """One output of a node in a call.

    ``emit`` is what the port's ``emit`` becomes while the call runs. It refuses what the port does not declare, so that
    a fault is told where it is made and not where it hurts, and makes the samples read-only, for every branch gets the
    same array.
    """

    def __init__(
        self,
        node: NodeRuntime,
        port: Out[Any],
        pushes: tuple[Push, ...],
        inlets: Sequence[Inlet],
        behind: tuple[QueuedEdge, ...],
        layout: Layout,
    ) -> None:
        self.port = port
        self.pushes = pushes
        self._node = node
        self._inlets = inlets
        self._behind = behind
        self._layout = layout
        self._thread = threading.get_ident()
        self._plain: set[type] = set()
        """Classes whose frames need no look at what they hold."""
        self._hand_on = _to_all(pushes)
        # A call starts with many outputs, and most frames leave by what a handler returns.
        self.emit: Push = self._first

    @property
    def connected(self) -> bool:
        """Whether there is an edge."""
        return bool(self._inlets)

    @property
    def targets(self) -> Sequence[Callable[[], In[Any]]]:
        """What gives the inputs at the edges' ends."""
        return [partial(self._layout.input, inlet.edge.target) for inlet in self._inlets]

    def route(self, kind: type[Frame]) -> Push:
        """What takes frames of this class once it is known that the port takes them."""
        if kind in self._plain:
            return self._hand_on
        return self._audio_route() if kind is AudioFrame else self.emit

    def end(self, now_ns: int) -> None:
        """Say that nothing follows, and see to it."""
        frame = EndFrame(time_ns=now_ns)
        for push in self.pushes:
            push(frame)
        self.close()

    def close(self) -> None:
        """Let nothing out any more."""
        self.emit = vars(self.port)["emit"] = self.refuse

    def refuse(self, frame: Frame) -> None:
        """What ``emit`` is once the node has ended or stopped: nothing follows on its streams."""
        for inlet in self._inlets:
            inlet.stats.passed += 1
            inlet.stats.dropped += 1

    def emit_to(self, index: int, frame: Frame) -> None:
        """Hand ``frame`` to the edge of this index alone."""
        if self.emit == self.refuse:
            stats = self._inlets[index].stats
            stats.passed += 1
            stats.dropped += 1
            return
        if threading.get_ident() != self._thread:
            raise self._wrong_thread()
        self.admit(frame)
        answered = self._node.answering
        if answered is not None and answered is not frame:
            frame = inherited(frame, answered, self._node)
        self.pushes[index](frame)

    def admit(self, frame: Frame) -> None:
        """Raise ``TypeError`` or ``ValueError`` unless ``frame`` is what the port declares."""
        kind = type(frame)
        if not issubclass(kind, Frame):
            raise TypeError(f"{self._name} was given a {kind.__name__}, which is no frame")
        if not frame.marker and not self.port.spec.accepts(kind):
            takes = " or ".join(one.__name__ for one in self.port.spec.types)
            raise TypeError(f"{self._name} sends {takes}, and was given a {kind.__name__}")
        if isinstance(frame, AudioFrame):
            self._admit_audio(frame)
        elif isinstance(frame, VideoFrame):
            self._admit_video(frame)
        else:
            self._plain.add(kind)

    def crowded(self) -> bool:
        """Whether whoever sends has to wait for room."""
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

    @property
    def _name(self) -> str:
        return f"the output {self.port.spec.name}"

    def _admit_audio(self, frame: AudioFrame) -> None:
        samples: Any = frame.samples
        if not isinstance(samples, np.ndarray):
            raise TypeError(
                f"{self._name}: samples are a numpy array of int16, got a {type(samples).__name__}"
            )
        if samples.dtype is not _INT16 and samples.dtype != _INT16:
            raise ValueError(f"{self._name}: samples are int16, got {samples.dtype}")
        ndim = samples.ndim
        channels = 1 if ndim == 1 else samples.shape[1] if ndim == 2 else 0
        if not channels:
            raise ValueError(
                f"{self._name}: samples have the shape (samples,) or (samples, channels), got {samples.shape}"
            )
        agreed = getattr(self.port, "format", None)
        if agreed is not None and (frame.rate != agreed.rate or channels != agreed.channels):
            raise ValueError(
                f"{self._name} carries audio of {agreed} in this graph, got {frame.rate} Hz with {channels} channel(s)"
            )
        if samples.flags.writeable:
            samples.setflags(write=False)

    def _admit_video(self, frame: VideoFrame) -> None:
        pixels: Any = frame.pixels
        if (
            not isinstance(pixels, np.ndarray)
            or pixels.dtype != _UINT8
            or pixels.ndim != 3
            or pixels.shape[2] != 3
        ):
            got = (
                f"{pixels.dtype} of {pixels.shape}"
                if isinstance(pixels, np.ndarray)
                else type(pixels).__name__
            )
            raise ValueError(f"{self._name}: pixels are uint8 of the shape (height, width, 3), got {got}")
        if pixels.flags.writeable:
            pixels.setflags(write=False)

    def _first(self, frame: Frame) -> None:
        """What ``emit`` is before the first frame."""
        if self.emit == self._first:
            self.emit = self._make_emit()
            here = vars(self.port)
            if here.get("emit") == self._first:
                here["emit"] = self.emit
        self.emit(frame)

    def _make_emit(self) -> Push:
        # On the way of every frame that is sent by name: names bound here cost less than attributes.
        node, hand_on, plain, admit = self._node, self._hand_on, self._plain, self.admit
        here, ident = self._thread, threading.get_ident
        waits = works_async(type(node.processor))
        agreed = getattr(self.port, "format", None)
        rate, ndim = (agreed.rate, 1) if agreed is not None and agreed.channels == 1 else (0, 0)

        def emit(frame: Frame) -> None:
            answered = node.answering
            if frame is answered and not waits and type(frame) in plain:
                # What came goes on, as most of it does.
                hand_on(frame)
                return
            # Inside a plain handler there is no other thread: nothing runs but its step.
            if (answered is None or waits) and ident() != here:
                raise self._wrong_thread()
            kind = type(frame)
            if kind not in plain:
                if kind is AudioFrame:
                    samples = frame.samples  # type: ignore[attr-defined]  # mypy does not follow `kind`
                    if (
                        type(samples) is not _ARRAY
                        or samples.dtype is not _INT16
                        or samples.ndim != ndim
                        or frame.rate != rate  # type: ignore[attr-defined]
                        or samples.flags.writeable
                    ):
                        admit(frame)
                else:
                    admit(frame)
            if (
                answered is not None
                and answered is not frame
                and ((answered.turn and not frame.turn) or (answered.time_ns and not frame.time_ns))
            ):
                frame = inherited(frame, answered, node)
            hand_on(frame)

        return emit

    def _audio_route(self) -> Push:
        # Sound that a plain handler returned: in the call's thread, and with its turn and its time already.
        hand_on, admit = self._hand_on, self.admit
        agreed = getattr(self.port, "format", None)
        agreed_rate, ndim = (agreed.rate, 1) if agreed is not None and agreed.channels == 1 else (0, 0)
        seen: Any = None
        rate = 0

        def route(frame: Any) -> None:
            nonlocal seen, rate
            samples = frame.samples
            # Samples that went out here a moment ago are what they were: they are read-only.
            if samples is not seen or frame.rate != rate:
                if (
                    type(samples) is not _ARRAY
                    or samples.dtype is not _INT16
                    or samples.ndim != ndim
                    or frame.rate != agreed_rate
                    or samples.flags.writeable
                ):
                    admit(frame)
                seen, rate = samples, frame.rate
            hand_on(frame)

        return route

    def _wrong_thread(self) -> RuntimeError:
        return RuntimeError(
            f"{self._node.name}: `emit` of {self._name} was called in another thread than the call's; use "
            f"self.{self.port.spec.name}.emit_threadsafe(frame) there"
        )


def _to_all(pushes: tuple[Push, ...]) -> Push:
    if len(pushes) == 1:
        return pushes[0]

    def hand_on(frame: Frame) -> None:
        for push in pushes:
            push(frame)

    return hand_on


def inherited(frame: Frame, answered: Frame, node: NodeRuntime) -> Frame:
    """``frame`` with the turn and the time of the frame that it answers, where it leaves them at 0."""
    if not node.is_answering:
        return frame
    turn = frame.turn or answered.turn
    time_ns = frame.time_ns or answered.time_ns
    return msgspec.structs.replace(frame, turn=turn, time_ns=time_ns)

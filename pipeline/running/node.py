"""One node of a running call: a processor with its ports bound, its place among the others, and how it fares.

An edge into a plain method is a function call inside the sender's step. An edge into an ``async`` handler,
a feedback edge, or one that the graph gave a policy, is a queue that the node's worker serves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from ..clock import Clock
from ..errors import as_fault, from_signal
from ..frames import EndFrame, Frame, InterruptFrame, Marker, is_cut
from ..graph.declarations import NodeSpec
from ..ports import In
from ..processor import Processor
from .admission import Sealed
from .background import Background
from .between import BetweenFrames
from .edges import QueueOverflowError, Voided
from .ending import Ending
from .inlets import Inlet, Push
from .intake import Intake
from .outlets import Outlet
from .pace import Pace
from .reports import Reports
from .results import WrongResultError, send_result
from .strand import Strand, current_strand
from .tasks import is_cancelled, loop_runs

__all__ = ["NodeRuntime"]

_PLACES = {"run": "run", "timer": "what a timer calls"}
"""Code of a processor that is no ``on_`` something."""


class NodeRuntime:
    """A processor instance in its place. Frames come by ``intake``, its worker is in ``worker``, what it sends in
    ``outlets``."""

    # On the way of every frame: slots are found faster than so many attributes would be.
    __slots__ = (
        "_background",
        "_clock",
        "_over",
        "answering",
        "attention",
        "begun",
        "between",
        "busy_since_ns",
        "closed",
        "ended",
        "ending",
        "intake",
        "leaving",
        "muted",
        "name",
        "now_ns",
        "outlets",
        "owes_stop",
        "pace",
        "processor",
        "reports",
        "routes",
        "sealed",
        "spec",
        "strand",
        "voided",
        "working",
    )

    def __init__(
        self,
        spec: NodeSpec,
        processor: Processor,
        voided: Voided,
        clock: Clock,
        pace: Pace,
        sealed: Sealed,
        reports: Reports,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.processor = processor
        self.voided = voided
        self.now_ns = now_ns = pace.now_ns
        self.pace = pace
        self.sealed = sealed
        self.reports = reports
        self.outlets: dict[str, Outlet] = {}
        self.routes: dict[type, Push] = {}
        """What takes frames of a class that a handler returned."""
        self.answering: Frame | None = None
        """The frame that a handler is at."""
        self.busy_since_ns: int | None = None
        """When the worker took up the frame that it is at."""
        self.working = 0
        """Work under way outside of handlers that frames will come of."""
        self.begun = False
        """Whether the call runs."""
        self.owes_stop = False
        """Whether the processor's ``start`` was tried and its ``stop`` was not."""
        self.ended = False
        self.muted = False
        """Whether frames do not reach the processor: it failed or is being replaced."""
        self.closed = False
        """Whether the call is over for it."""
        self.attention = False
        """Whether the worker has to look up before its next frame: options, timers or inputs are others."""
        self.leaving = False
        """Whether it was taken out of the graph, and only hands on what it holds."""
        self._over: asyncio.Event | None = None
        self.strand = Strand(spec.name, now_ns)
        """Its worker's."""
        self.ending = Ending(self)
        self.intake = Intake(self)
        self.between = BetweenFrames(self)
        self._clock = clock
        self._background: Background | None = None

    @property
    def has_worker(self) -> bool:
        """Whether the node needs a task that serves its queues."""
        return bool(self.intake.queues)

    @property
    def has_run(self) -> bool:
        """Whether the processor has a ``run`` of its own."""
        return type(self.processor).run is not Processor.run

    @property
    def takes_inputs(self) -> bool:
        """Whether an edge into it makes sense still."""
        return self.serving and not self.ending.inputs_over

    def tie(self, outlets: Iterable[Outlet]) -> None:
        """Take the outputs of the processor that it has now, and let frames in."""
        self.outlets = {outlet.port.spec.name: outlet for outlet in outlets}
        self.processor._host = self.background
        self.routes.clear()
        self.open()

    # Running ---------------------------------------------------------------------------------

    @property
    def serving(self) -> bool:
        """Whether frames reach the processor."""
        return not (self.muted or self.ended or self.closed)

    @property
    def is_idle(self) -> bool:
        """Whether nothing will come of it unless something comes to it."""
        if self.ended or self.closed:
            return True
        if self.muted or self.working or self.busy_since_ns is not None:
            return False
        if self.intake.holds_frames:
            return False
        return not self.has_run or self.processor.at_rest is True

    @property
    def at_work_since_ns(self) -> int | None:
        """When it took up the frame, or the end of its streams, that its code is at; ``None`` when it is at neither."""
        return self.busy_since_ns if self.busy_since_ns is not None else self.ending.telling_since_ns

    @property
    def is_answering(self) -> bool:
        """Whether the code that runs belongs to the handler that is at ``answering``."""
        return self.strand.at is None or asyncio.current_task() is self.strand.task

    def begin(self) -> None:
        """The call runs: a node that nothing feeds and that has no ``run`` has ended already."""
        self.begun = True
        self.between.take_tuning()
        if not self.ending.has_inputs and not self.has_run:
            self.ending.leave()

    async def run(self) -> None:
        """The processor's own ``run``, to its end."""
        Strand(self.name, self.now_ns).enter()
        try:
            await self.processor.run()
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            self.blame(error, "run", skippable=False)
        except BaseException as error:
            self.blame(error, "run", skippable=False)
        if not self.muted:
            if self.intake.has_feedback:
                self.reports.in_a_loop(self, self.finish)
            else:
                self.finish()

    def take_marker_inline(self, inlet: Inlet, frame: Frame) -> None:
        """A marker that came without a queue."""
        try:
            result = self.take_marker(inlet, frame)
            if result is not None:
                self.answer(result)
        except BaseException as error:
            self.blame(error, inlet.port)
        finally:
            self.answering = None

    def take_marker(self, inlet: Inlet, frame: Frame) -> Any:
        """A marker of the stream: what the processor makes of it."""
        if isinstance(frame, EndFrame):
            if not (inlet.edge.feedback or inlet.over or self.ended or self.closed):
                self.ending.input_ended(inlet)
            return None
        if not self.serving:
            inlet.stats.dropped += 1
            return None
        assert isinstance(frame, Marker)
        self.answering = frame
        if self.input(inlet.port).spec.accepts(type(frame)):
            return inlet.handler(frame)
        return self.processor.on_marker(inlet.port, frame)

    def interrupt(self, frame: InterruptFrame) -> None:
        """Empty the queues of what is void, cut work on it short and tell the processor, at once."""
        self.intake.flush(frame.turn)
        if self.muted or self.ended or self.closed or not self.owes_stop:
            return
        strand = self.strand
        if (
            strand.at is not None
            and strand.task is not None
            and not strand.cut
            and is_cut(strand.at, frame.turn)
            and not self.processor.uninterruptible
        ):
            strand.cut = True
            strand.task.cancel()
        try:
            self.processor.on_interrupt(frame)
        except BaseException as error:
            self.blame(error, "interrupt")

    def finish(self) -> None:
        """Nothing more comes from this node: tell those behind it, and hold up nobody before it."""
        if self.ended or self.closed:
            return
        # New edges that wait for the end of a frame are to hear of the end of all.
        self.between.take_deferred()
        for outlet in self.outlets.values():
            outlet.port.emit_late()
        self.ended = True
        self._tell_over()
        self._cancel_background()
        self.intake.close()
        self.answering = None
        for outlet in self.outlets.values():
            outlet.end(self.now_ns())
        self.routes.clear()
        self.reports.ended(self)

    def close(self) -> None:
        """The call is over: nothing goes in or out any more, and whoever waits for room is let go."""
        self.closed = True
        self._tell_over()
        self._cancel_background()
        self.intake.close()
        self.routes.clear()
        for outlet in self.outlets.values():
            outlet.close()

    @property
    def over(self) -> asyncio.Event:
        """Set when it has ended, or the call is over for it."""
        if self._over is None:
            self._over = asyncio.Event()
            if self.ended or self.closed:
                self._over.set()
        return self._over

    def _tell_over(self) -> None:
        if self._over is not None:
            self._over.set()

    def background(self) -> Background:
        """What the processor has going beside its handlers."""
        if self._background is None:
            self._background = Background(self, self._clock)
        return self._background

    def _cancel_background(self) -> None:
        if self._background is not None:
            self._background.cancel()

    def mute(self) -> None:
        """The processor failed: what comes without a queue is lost, what waits in one is kept."""
        self.muted = True
        self.intake.refuse()

    def open(self) -> None:
        """Let frames reach the processor that there is now."""
        if self.serving:
            self.intake.open(self.processor)
        else:
            self.intake.refuse()

    def adopt(self, processor: Processor) -> None:
        """Take a fresh processor, to be tied; ``resume`` when it has started."""
        for outlet in self.outlets.values():
            outlet.close()
        self._cancel_background()
        self.between.forget()
        self.processor = processor

    def resume(self) -> None:
        """Let frames in again; if the inputs ended meanwhile, the fresh processor hears of it now."""
        self.muted = False
        self.open()
        self.between.take_tuning()
        self.ending.tell_again()

    def input(self, name: str) -> In[Any]:
        """The bound input ``name``."""
        port: In[Any] = getattr(self.processor, name)
        return port

    # Faults and results ----------------------------------------------------------------------

    def blame(self, error: BaseException, where: str, *, skippable: bool = True) -> None:
        """Report what code of this node raised in ``on_<where>`` or ``run``, whatever it is.

        To be called while it is handled: what is not the node's is raised again. That is a signal's doing, and a queue
        that overflows, which is the fault of the node whose step it is.
        """
        if from_signal(error):
            raise error
        # The end of its streams is nobody's step but its own, whoever told it of that.
        if isinstance(error, QueueOverflowError) and where not in ("end", "input_end"):
            strand = current_strand.get()
            if strand is None or strand.name != self.name:
                raise error
        if isinstance(error, GeneratorExit) and not loop_runs():
            # The loop is gone and the coroutine is being closed.
            raise error
        if isinstance(error, asyncio.CancelledError):
            place = where if where == "run" else f"on_{where}"
            error = RuntimeError(f"{place} was cancelled from within").with_traceback(error.__traceback__)
        elif isinstance(error, WrongResultError):
            error = error.of(_PLACES.get(where, f"on_{where}"))
        self.reports.failed(self, as_fault(self.name, error), skippable=skippable)

    def answer(self, result: Any) -> None:
        """Send what a handler returned."""
        send_result(self, result)

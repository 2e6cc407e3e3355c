"""One node of a running call: a processor with its ports bound, its place among the others, and how it fares.

An edge into a plain method is a function call inside the sender's step. An edge into an ``async`` handler,
a feedback edge, or one that the graph gave a policy, is a queue that the node's worker serves.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from ..clock import Clock
from ..errors import as_fault, from_signal
from ..events import Tuned
from ..frames import EndFrame, Frame, InterruptFrame, Marker, is_cut
from ..graph.declarations import NodeSpec
from ..graph.hops import is_queue
from ..graph.resolve import ResolvedEdge
from ..options import live_options
from ..ports import In
from ..processor import Processor
from .background import Background
from .edges import EdgeStats, QueuedEdge, QueueOverflowError, Voided, refuse_overflow
from .ending import Ending
from .handlers import handlers_of
from .inlets import Inlet
from .outlets import Outlet, Push
from .pace import Pace
from .reports import Reports
from .results import send_result
from .strand import Strand, current_strand
from .tasks import in_a_task

__all__ = ["NodeRuntime"]


class NodeRuntime:
    """A processor instance in its place. Its worker is in ``worker``, what it sends in ``outlets``."""

    def __init__(
        self,
        spec: NodeSpec,
        processor: Processor,
        voided: Voided,
        clock: Clock,
        pace: Pace,
        reports: Reports,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.processor = processor
        self.voided = voided
        self.now_ns = now_ns = pace.now_ns
        self.pace = pace
        self.inlets: list[Inlet] = []
        self.edges: list[QueuedEdge] = []
        """Queues into this node."""
        self.outlets: dict[str, Outlet] = {}
        self.routes: dict[type, Push] = {}
        """What takes frames of a class that a handler returned."""
        self.answering: Frame | None = None
        """The frame that a handler is at."""
        self.busy_since_ns: int | None = None
        """When the worker took up the frame that it is at."""
        self.working = 0
        """Work under way outside of handlers that frames will come of."""
        self.owes_stop = False
        """Whether the processor's ``start`` was tried and its ``stop`` was not."""
        self.ended = False
        self.muted = False
        """Whether frames do not reach the processor: it failed or is being replaced."""
        self.closed = False
        """Whether the call is over for it."""
        self.strand = Strand(spec.name, now_ns)
        """Its worker's."""
        self.untold: dict[str, None] = {}
        """Options that the processor does not know the values of yet."""
        self.reports = reports
        self.background = Background(self, clock)
        self.deferred: list[Callable[[], Any]] = []
        """What timers have to call as soon as no handler is at a frame."""
        self.attention = False
        """Whether the worker has to look up before its next frame: options, timers or inputs are others."""
        self.leaving = False
        """Whether it was taken out of the graph, and only hands on what it holds."""
        self._over: asyncio.Event | None = None
        self._begun = False
        self.ending = Ending(self)
        self._order = itertools.count()
        self._wake: asyncio.Future[None] | None = None

    # Wiring, before the start ----------------------------------------------------------------

    @property
    def stats(self) -> dict[str, EdgeStats]:
        """Counters of every edge into this node, by the edge's name."""
        return {str(inlet.edge): inlet.stats for inlet in self.inlets}

    @property
    def has_worker(self) -> bool:
        """Whether the node needs a task that serves its queues."""
        return bool(self.edges)

    @property
    def has_run(self) -> bool:
        """Whether the processor has a ``run`` of its own."""
        return type(self.processor).run is not Processor.run

    def entry(self, edge: ResolvedEdge) -> Inlet:
        """Open an input for ``edge``."""
        inlet = self.make_inlet(edge)
        self.admit(inlet)
        return inlet

    def admit(self, inlet: Inlet) -> None:
        """Count ``inlet`` among the inputs of this node."""
        if not inlet.edge.feedback:
            self.ending.opened()
        self.inlets.append(inlet)
        if inlet.queue is not None:
            self.edges.append(inlet.queue)
        self.attention = True

    def make_inlet(self, edge: ResolvedEdge) -> Inlet:
        """What ``edge`` enters by, once it is admitted."""
        queue = None
        if is_queue(edge, type(self.processor)):
            queue = QueuedEdge(
                str(edge), edge.policy, self._notice, self.now_ns, self._order, refuse_overflow
            )
            queue.reader = self.strand
        return Inlet(self, edge, queue)

    @property
    def takes_inputs(self) -> bool:
        """Whether an edge into it makes sense still."""
        return self.serving and not self.ending.inputs_over

    @property
    def forward_inputs(self) -> bool:
        """Whether edges lead into it that are no feedback."""
        return any(not inlet.edge.feedback for inlet in self.inlets)

    def tell_rewired(self) -> None:
        """Its edges are others: a processor that tells them apart may want to know."""
        if type(self.processor).on_rewired is not Processor.on_rewired and self.serving:
            self._call(self.processor.on_rewired)

    def forget_ended_inputs(self) -> None:
        """Let go of inlets by which nothing will come any more."""
        gone = [
            inlet
            for inlet in self.inlets
            if inlet.over and (inlet.queue is None or not inlet.queue.stats.held)
        ]
        self.inlets = [inlet for inlet in self.inlets if inlet not in gone]
        self.edges = [inlet.queue for inlet in self.inlets if inlet.queue is not None]
        self.attention = True

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
        if any(edge.stats.held for edge in self.edges):
            return False
        return not self.has_run or self.processor.at_rest is True

    @property
    def is_answering(self) -> bool:
        """Whether the code that runs belongs to the handler that is at ``answering``."""
        return self.strand.at is None or asyncio.current_task() is self.strand.task

    def begin(self) -> None:
        """The call runs: a node that nothing feeds and that has no ``run`` has ended already."""
        self._begun = True
        self.take_tuning()
        if not self.ending.has_inputs and not self.has_run:
            self.ending.leave()

    async def run(self) -> None:
        """The processor's own ``run``, to its end."""
        Strand(self.name, self.now_ns).enter()
        try:
            await self.processor.run()
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            self.blame(error, "run", skippable=False)
        except BaseException as error:
            self.blame(error, "run", skippable=False)
        if not self.muted:
            if self.ending.comes_round:
                self.reports.in_a_loop(self, self.finish)
            else:
                self.finish()

    def frames_come(self) -> asyncio.Future[None]:
        """What is done when a frame has come into one of the empty queues: for the worker, which awaits it at once."""
        self.reports.idle(self)
        wake = self._wake = asyncio.get_running_loop().create_future()
        return wake

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

    def when_free(self, then: Callable[[], Any]) -> None:
        """Call ``then`` while no handler is at a frame; what it returns is sent."""
        if self.busy_since_ns is not None:
            self.deferred.append(then)
            self.attention = True
        else:
            self._call(then)

    def take_deferred(self) -> None:
        """Call what has waited for the end of a frame."""
        waiting, self.deferred = self.deferred, []
        for then in waiting:
            self._call(then)

    def _call(self, then: Callable[[], Any]) -> None:
        if not self.serving:
            return
        self.answering = None
        try:
            result = then()
            if result is not None:
                self.answer(result)
        except BaseException as error:
            self.blame(error, "timer", skippable=True)

    def interrupt(self, frame: InterruptFrame) -> None:
        """Empty the queues of what is void, cut work on it short and tell the processor, at once."""
        for edge in self.edges:
            if edge.stats.held:
                edge.flush(frame.turn)
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
        self.take_deferred()
        self.ended = True
        self._tell_over()
        self.background.cancel()
        self._shut()
        self.answering = None
        for outlet in self.outlets.values():
            outlet.end(self.now_ns())
        self.routes.clear()
        self.reports.ended(self)

    def close(self) -> None:
        """The call is over: nothing goes in or out any more, and whoever waits for room is let go."""
        self.closed = True
        self._tell_over()
        self.background.cancel()
        self._shut()
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

    def mute(self) -> None:
        """The processor failed: what comes without a queue is lost, what waits in one is kept."""
        self.muted = True
        for inlet in self.inlets:
            inlet.handler = inlet.refuse

    def open(self) -> None:
        """Let frames reach the processor that there is now."""
        handlers = handlers_of(self.processor)
        for inlet in self.inlets:
            if self.serving:
                inlet.take_by(handlers[inlet.port])
            else:
                inlet.handler = inlet.refuse

    def adopt(self, processor: Processor) -> None:
        """Take a fresh processor, to be tied; ``resume`` when it has started."""
        for outlet in self.outlets.values():
            outlet.close()
        self.background.cancel()
        self.deferred.clear()
        self.processor = processor
        self.untold.clear()

    def resume(self) -> None:
        """Let frames in again; if the inputs ended meanwhile, the fresh processor hears of it now."""
        self.muted = False
        self.open()
        self.take_tuning()
        self.ending.tell_again()

    def input(self, name: str) -> In[Any]:
        """The bound input ``name``."""
        port: In[Any] = getattr(self.processor, name)
        return port

    # Options that change ---------------------------------------------------------------------

    def retune(self, spec: NodeSpec, changed: Iterable[str]) -> None:
        """Have the processor told of the ``changed`` options of ``spec`` before its next frame."""
        self.spec = spec
        self.untold.update(dict.fromkeys(changed))
        self.attention = True

    def take_tuning(self) -> None:
        """Tell the processor what has changed, between two frames; ``busy_since_ns`` must be ``None``."""
        if not self.untold or not self._begun or not self.serving:
            return
        names = tuple(self.untold)
        self.untold.clear()
        processor: Any = self.processor
        try:
            processor.on_tune(**live_options(type(processor), self.spec.options))
        except BaseException as error:
            self.blame(error, "tune")
            return
        events = processor.call.events
        if events.wants(Tuned):
            events.publish(Tuned(time_ns=self.now_ns(), node=self.name, options=names))

    # Faults and results ----------------------------------------------------------------------

    def blame(self, error: BaseException, where: str, *, skippable: bool = True) -> None:
        """Report what code of this node raised in ``on_<where>`` or ``run``, whatever it is.

        To be called while it is handled: what is not the node's is raised again. That is a signal's doing, and a queue
        that overflows, which is the fault of the node whose step it is.
        """
        if from_signal(error):
            raise error
        if isinstance(error, QueueOverflowError):
            strand = current_strand.get()
            if strand is None or strand.name != self.name:
                raise error
        if isinstance(error, GeneratorExit) and not in_a_task():
            # The loop is gone and the coroutine is being closed.
            raise error
        if isinstance(error, asyncio.CancelledError):
            place = where if where == "run" else f"on_{where}"
            error = RuntimeError(f"{place} was cancelled from within").with_traceback(error.__traceback__)
        self.reports.failed(self, as_fault(self.name, error), skippable=skippable)

    def answer(self, result: Any) -> None:
        """Send what a handler returned."""
        send_result(self, result)

    def _shut(self) -> None:
        for inlet in self.inlets:
            inlet.handler = inlet.refuse
            if inlet.queue is not None:
                inlet.queue.close()

    def _notice(self) -> None:
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

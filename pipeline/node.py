"""One node of a running call: takes frames to the handlers, one at a time, and frames from them onwards.

An edge into a plain method is a function call inside the sender's step. An edge into an ``async`` handler,
a feedback edge, or one that the graph gave a policy, is a queue that the node's worker task serves.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .edges import EdgeStats, QueuedEdge
from .errors import ProcessorError
from .frames import EndFrame, Frame, InterruptFrame, Marker
from .graph import NodeSpec
from .ports import In, Out
from .processor import Processor, ports_of
from .resolve import ResolvedEdge

__all__ = ["NodeRuntime", "Voided"]

Push = Callable[[Frame], None]


class Voided:
    """The newest interrupted turn of a call: frames of turns up to it are stale wherever they are."""

    __slots__ = ("turn",)

    def __init__(self) -> None:
        self.turn = 0


class NodeRuntime:
    """A processor instance with its ports bound, its mailbox, and its place in the call.

    ``on_fault(node, error)`` and ``on_ended(node)`` report to the call.
    """

    def __init__(
        self,
        spec: NodeSpec,
        processor: Processor,
        voided: Voided,
        now_ns: Callable[[], int],
        on_fault: Callable[[NodeRuntime, ProcessorError], None],
        on_ended: Callable[[NodeRuntime], None],
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.processor = processor
        self.edges: list[QueuedEdge] = []
        """Queues into this node."""
        self.stats: dict[str, EdgeStats] = {}
        """Counters of every edge into this node, by the edge's name."""
        self.busy_since_ns: int | None = None
        """When the worker took up the frame that it is at."""
        self.ended = False
        self.muted = False
        """Whether arriving frames are refused: the node failed or is being replaced."""
        self._voided = voided
        self._now_ns = now_ns
        self._on_fault = on_fault
        self._on_ended = on_ended
        self._open_inputs = 0
        self._mailbox: deque[tuple[QueuedEdge, str]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._routes: dict[type[Frame], Out[Any]] = {}
        self._handlers = self._find_handlers()
        self._pressure: tuple[QueuedEdge, ...] = ()

    # Wiring, before the start ----------------------------------------------------------------

    @property
    def has_worker(self) -> bool:
        """Whether the node needs a task that serves its queues."""
        return bool(self.edges)

    @property
    def has_life(self) -> bool:
        """Whether the processor has a ``run`` of its own."""
        return type(self.processor).run is not Processor.run

    def entry(self, edge: ResolvedEdge) -> tuple[Push, QueuedEdge | None]:
        """Open an input for ``edge``: what its source calls, and the queue behind it if there is one."""
        port = edge.target[1]
        if not edge.feedback:
            self._open_inputs += 1
        if not (edge.queued or edge.feedback or self._is_async()):
            stats = EdgeStats()
            self.stats[str(edge)] = stats
            return self._guard(self._deliver_inline(port), stats, edge, count=True), None
        queue = QueuedEdge(str(edge), edge.policy, lambda entered: self._notice(entered, port), self._now_ns)
        self.edges.append(queue)
        self.stats[str(edge)] = queue.stats
        return self._guard(queue.push, queue.stats, edge, count=False), queue

    def set_pressure(self, edges: Iterable[QueuedEdge]) -> None:
        """The blocking queues that this node's own steps can fill."""
        self._pressure = tuple(edges)

    def _is_async(self) -> bool:
        return any(
            inspect.iscoroutinefunction(getattr(type(self.processor), f"on_{port.name}", None))
            for port in ports_of(type(self.processor)).values()
            if port.direction == "in"
        )

    def _guard(self, push: Push, stats: EdgeStats, edge: ResolvedEdge, *, count: bool) -> Push:
        voided, passes = self._voided, edge.passes

        def guarded(frame: Frame) -> None:
            turn = frame.turn
            if turn and turn <= voided.turn:
                stats.stale += 1
                return
            if passes is not None and not frame.marker and not isinstance(frame, passes):
                return
            if count:
                stats.passed += 1
            push(frame)

        return guarded

    def _deliver_inline(self, port: str) -> Push:
        def deliver(frame: Frame) -> None:
            if self.muted:
                return
            try:
                # Looked up each time: a restarted node has a new processor.
                result = self._handle_marker(port, frame) if frame.marker else self._handlers[port](frame)
                if result is not None:
                    self._emit(result)
            except Exception as error:
                self.fault(error)

        return deliver

    # Running ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """The call runs: a node that nothing feeds and that has no life of its own has ended already."""
        if not self._open_inputs and not self.has_life and not self.has_worker:
            self.finish()

    async def live(self) -> None:
        """The processor's own ``run``, to its end."""
        try:
            await self.processor.run()
        except Exception as error:
            self.fault(error)
        if not self.muted:
            self.finish()

    async def work(self) -> None:
        """Serve the queues in order of arrival until every input has ended."""
        while not self.ended:
            while not self._mailbox:
                self._wake = asyncio.get_running_loop().create_future()
                try:
                    await self._wake
                finally:
                    self._wake = None
            queue, port = self._mailbox.popleft()
            frame = queue.pop()
            if frame is None or self.muted:
                continue
            self.busy_since_ns = self._now_ns()
            try:
                await self._step(port, frame)
            except Exception as error:
                self.fault(error)
            finally:
                self.busy_since_ns = None

    async def _step(self, port: str, frame: Frame) -> None:
        result = self._handle_marker(port, frame) if frame.marker else self._handlers[port](frame)
        if inspect.isawaitable(result):
            result = await result
        if result is not None:
            self._emit(result)
        for edge in self._pressure:
            if edge.full:
                await edge.room()

    def interrupt(self, frame: InterruptFrame) -> None:
        """Empty the queues of what is void and tell the processor, at once."""
        for edge in self.edges:
            edge.flush(frame.turn)
        if self.muted or self.ended:
            return
        try:
            self.processor.on_interrupt(frame)
        except Exception as error:
            self.fault(error)

    def fault(self, error: Exception) -> None:
        """Convert what a handler raised, once, and report it."""
        if not isinstance(error, ProcessorError):
            cause = error
            error = ProcessorError(self.name, f"{type(cause).__name__}: {cause}")
            error.__cause__ = cause
        self._on_fault(self, error)

    def finish(self) -> None:
        """Nothing more comes from this node: tell those behind it."""
        if self.ended:
            return
        self.ended = True
        for output in self._outputs():
            output.emit(EndFrame(time_ns=self._now_ns()))
        self._on_ended(self)

    def adopt(self, processor: Processor) -> None:
        """Go on with a fresh processor whose ports are bound already."""
        self.processor = processor
        self._handlers = self._find_handlers()
        self._routes.clear()

    def _notice(self, queue: QueuedEdge, port: str) -> None:
        self._mailbox.append((queue, port))
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _find_handlers(self) -> dict[str, Callable[[Frame], Any]]:
        ports = ports_of(type(self.processor)).values()
        return {
            port.name: getattr(self.processor, f"on_{port.name}") for port in ports if port.direction == "in"
        }

    def _handle_marker(self, port: str, frame: Frame) -> Any:
        if not isinstance(frame, EndFrame):
            assert isinstance(frame, Marker)
            if self.input(port).spec.accepts(type(frame)):
                return self._handlers[port](frame)
            return self.processor.on_marker(port, frame)
        if self.input(port).spec.feedback:
            return None
        self._open_inputs -= 1
        if self._open_inputs > 0:
            return None
        result = self.processor.on_end()
        if result is not None:
            self._emit(result)
        if not self.has_life:
            self.finish()
        return None

    def _emit(self, result: Frame | Iterable[Frame]) -> None:
        if isinstance(result, Frame):
            self._route(result)
        else:
            for frame in result:
                self._route(frame)

    def _route(self, frame: Frame) -> None:
        kind = type(frame)
        output = self._routes.get(kind)
        if output is None:
            output = self._routes[kind] = self._output_for(kind)
        output.emit(frame)

    def _output_for(self, kind: type[Frame]) -> Out[Any]:
        fitting = [output for output in self._outputs() if output.spec.accepts(kind)]
        if len(fitting) != 1:
            names = ", ".join(output.spec.name for output in fitting) or "none"
            raise TypeError(
                f"a handler returned a {kind.__name__}, and the outputs that take it are: {names}; "
                "send it with self.<output>.emit(frame)"
            )
        return fitting[0]

    def _outputs(self) -> list[Out[Any]]:
        names = [port.name for port in ports_of(type(self.processor)).values() if port.direction == "out"]
        return [getattr(self.processor, name) for name in names]

    def input(self, name: str) -> In[Any]:
        """The bound input ``name``."""
        port: In[Any] = getattr(self.processor, name)
        return port


def pressure_of(edges: tuple[QueuedEdge, ...]) -> Callable[[], Awaitable[None] | None] | None:
    """What ``Out.send`` asks after it pushed: nothing to wait for, or a wait until all have room."""
    if not edges:
        return None

    async def wait() -> None:
        for edge in edges:
            if edge.full:
                await edge.room()

    def pressure() -> Awaitable[None] | None:
        return wait() if any(edge.full for edge in edges) else None

    return pressure

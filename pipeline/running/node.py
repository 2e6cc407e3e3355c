"""One node of a running call: takes frames to the handlers, one at a time, and frames from them onwards.

An edge into a plain method is a function call inside the sender's step. An edge into an ``async`` handler,
a feedback edge, or one that the graph gave a policy, is a queue that the node's worker task serves.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Iterable
from types import AsyncGeneratorType, CoroutineType
from typing import Any

from ..errors import ProcessorError, as_fault
from ..events import Tuned
from ..frames import EndFrame, Frame, InterruptFrame, Marker
from ..graph.resolve import ResolvedEdge
from ..graph.specs import NodeSpec
from ..options import live_options
from ..ports import In, Out
from ..processor import Processor, ports_of
from .edges import EdgeStats, QueuedEdge, Voided

__all__ = ["NodeRuntime"]

Push = Callable[[Frame], None]


class NodeRuntime:
    """A processor instance with its ports bound, its queues, and its place in the call.

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
        self.owes_stop = False
        """Whether the processor's ``start`` was tried and its ``stop`` was not."""
        self.ended = False
        self.muted = False
        """Whether frames do not reach the processor: it failed or is being replaced."""
        self._voided = voided
        self._now_ns = now_ns
        self._on_fault = on_fault
        self._on_ended = on_ended
        self._begun = False
        self._untold: dict[str, None] = {}
        """Options that the processor does not know the values of yet."""
        self._open_inputs = 0
        self._inputs_over = False
        self._order = itertools.count()
        self._queues: list[tuple[QueuedEdge, str]] = []
        self._wake: asyncio.Future[None] | None = None
        self._routes: dict[type, tuple[Push, ...]] = {}
        self._handlers = self._find_handlers()
        self._behind: tuple[QueuedEdge, ...] = ()

    # Wiring, before the start ----------------------------------------------------------------

    @property
    def has_worker(self) -> bool:
        """Whether the node needs a task that serves its queues."""
        return bool(self.edges)

    @property
    def has_life(self) -> bool:
        """Whether the processor has a ``run`` of its own."""
        return type(self.processor).run is not Processor.run

    @property
    def waits_for_room(self) -> bool:
        """Whether something behind this node is full: then it is not the one that holds things up."""
        return any(edge.full for edge in self._behind)

    def entry(self, edge: ResolvedEdge) -> tuple[Push, QueuedEdge | None]:
        """Open an input for ``edge``: what its source calls, and the queue behind it if there is one."""
        port = edge.target[1]
        if not edge.feedback:
            self._open_inputs += 1
        if not (edge.queued or edge.feedback or self._is_async()):
            stats = self.stats[str(edge)] = EdgeStats()
            return self._inline(port, stats, edge.passes), None
        queue = QueuedEdge(str(edge), edge.policy, self._notice, self._now_ns, self._order)
        self.edges.append(queue)
        self._queues.append((queue, port))
        self.stats[str(edge)] = queue.stats
        return self._queued(queue, edge.passes), queue

    def set_behind(self, edges: Iterable[QueuedEdge]) -> None:
        """The blocking queues that this node's own steps can fill."""
        self._behind = tuple(edges)

    def _is_async(self) -> bool:
        handlers = [
            getattr(type(self.processor), f"on_{port.name}", None)
            for port in ports_of(type(self.processor)).values()
            if port.direction == "in"
        ]
        return any(
            inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found) for found in handlers
        )

    def _queued(self, queue: QueuedEdge, passes: tuple[type[Frame], ...] | None) -> Push:
        voided, stats, enter = self._voided, queue.stats, queue.push

        def push(frame: Frame) -> None:
            turn = frame.turn
            if turn and turn is not voided.valid and voided.covers(frame):
                stats.stale += 1
            elif passes is None or frame.marker or isinstance(frame, passes):
                enter(frame)

        return push

    def _inline(self, port: str, stats: EdgeStats, passes: tuple[type[Frame], ...] | None) -> Push:
        # The hot path of the engine: one call here, one to the handler, one to hand its result on.
        voided = self._voided

        def push(frame: Frame) -> None:
            turn = frame.turn
            if turn and turn is not voided.valid and voided.covers(frame):
                stats.stale += 1
                return
            marker = frame.marker
            if passes is not None and not marker and not isinstance(frame, passes):
                return
            stats.passed += 1
            try:
                if marker:
                    result = self._take_marker(port, frame, stats)
                elif self.muted or self.ended:
                    stats.dropped += 1
                    return
                else:
                    # Looked up each time: a restarted node has a new processor.
                    result = self._handlers[port](frame)
                if result is not None:
                    self._emit(result)
            except Exception as error:
                self.fault(error)

        return push

    # Running ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """The call runs: a node that nothing feeds and that has no life of its own has ended already."""
        self._begun = True
        self.take_tuning()
        if not self._open_inputs and not self.has_life:
            self.finish()

    async def live(self) -> None:
        """The processor's own ``run``, to its end."""
        try:
            await self.processor.run()
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            self.fault(RuntimeError("run was cancelled from within"))
        except Exception as error:
            self.fault(error)
        if not self.muted:
            self.finish()

    async def work(self) -> None:
        """Serve the queues in order of arrival until every input has ended."""
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        only = self._queues[0] if len(self._queues) == 1 else None
        # A handler that swallows its cancellation ends with the frame that it is at.
        while not self.ended and not task.cancelling():
            if self._untold:
                self.take_tuning()
            queue, port = only or self._next()
            now_ns = self._now_ns()
            frame = queue.pop(now_ns)
            if frame is None:
                self._wake = loop.create_future()
                try:
                    await self._wake
                finally:
                    self._wake = None
                continue
            self.busy_since_ns = now_ns
            try:
                if frame.marker:
                    result = self._take_marker(port, frame, queue.stats)
                elif self.muted:
                    queue.stats.dropped += 1
                    continue
                else:
                    result = self._handlers[port](frame)
                if result is not None:
                    if isinstance(result, CoroutineType):
                        result = await result
                    if isinstance(result, AsyncGeneratorType):
                        await self._emit_all(result)
                    elif result is not None:
                        self._emit(result)
                for edge in self._behind:
                    if edge.full:
                        await edge.room()
            except asyncio.CancelledError:
                if task.cancelling():
                    raise
                self.fault(RuntimeError(f"on_{port} was cancelled from within"))
            except Exception as error:
                self.fault(error)
            finally:
                self.busy_since_ns = None

    def interrupt(self, frame: InterruptFrame) -> None:
        """Empty the queues of what is void and tell the processor, at once."""
        for edge in self.edges:
            edge.flush(frame.turn)
        if self.muted or self.ended or not self.owes_stop:
            return
        try:
            self.processor.on_interrupt(frame)
        except Exception as error:
            self.fault(error)

    def retune(self, spec: NodeSpec, changed: Iterable[str]) -> None:
        """Have the processor told of the ``changed`` options of ``spec`` before its next frame."""
        self.spec = spec
        self._untold.update(dict.fromkeys(changed))

    def take_tuning(self) -> None:
        """Tell the processor what has changed, between two frames; ``busy_since_ns`` must be ``None``."""
        if not self._untold or not self._begun or self.muted or self.ended:
            return
        names = tuple(self._untold)
        self._untold.clear()
        processor: Any = self.processor
        try:
            processor.on_tune(**live_options(type(processor), self.spec.options))
        except Exception as error:
            self.fault(error)
            return
        events = processor.call.events
        if events.wants(Tuned):
            events.publish(Tuned(time_ns=self._now_ns(), node=self.name, options=names))

    def fault(self, error: Exception) -> None:
        """Convert what a handler raised, once, and report it."""
        self._on_fault(self, as_fault(self.name, error))

    def finish(self) -> None:
        """Nothing more comes from this node: tell those behind it, and hold up nobody before it."""
        if self.ended:
            return
        self.ended = True
        self.close()
        for output in self._outputs():
            output.emit(EndFrame(time_ns=self._now_ns()))
        self._on_ended(self)

    def close(self) -> None:
        """Nobody serves the queues any more: whoever waits for room is let go."""
        for edge in self.edges:
            edge.close()

    def adopt(self, processor: Processor) -> None:
        """Take a fresh processor whose ports are bound already; ``resume`` when it has started."""
        self.processor = processor
        self._untold.clear()
        self._handlers = self._find_handlers()
        self._routes.clear()

    def resume(self) -> None:
        """Let frames in again; if the inputs ended meanwhile, the fresh processor hears of it now."""
        self.muted = False
        self.take_tuning()
        if self._inputs_over:
            self._end_of_inputs()

    def input(self, name: str) -> In[Any]:
        """The bound input ``name``."""
        port: In[Any] = getattr(self.processor, name)
        return port

    # Frames ----------------------------------------------------------------------------------

    def _notice(self) -> None:
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)

    def _next(self) -> tuple[QueuedEdge, str]:
        """The queue with the frame that came first, and its port; any when all are empty."""
        return min(self._queues, key=_arrival)

    def _find_handlers(self) -> dict[str, Callable[[Frame], Any]]:
        ports = ports_of(type(self.processor)).values()
        return {
            port.name: getattr(self.processor, f"on_{port.name}") for port in ports if port.direction == "in"
        }

    def _take_marker(self, port: str, frame: Frame, stats: EdgeStats) -> Any:
        spec = self.input(port).spec
        if isinstance(frame, EndFrame):
            # Counted even while the processor is being replaced: it does not come again.
            if not spec.feedback and not self.ended:
                self._open_inputs -= 1
                if not self._open_inputs:
                    self._inputs_over = True
                    if not self.muted:
                        self._end_of_inputs()
            return None
        if self.muted or self.ended:
            stats.dropped += 1
            return None
        assert isinstance(frame, Marker)
        return (
            self._handlers[port](frame)
            if spec.accepts(type(frame))
            else self.processor.on_marker(port, frame)
        )

    def _end_of_inputs(self) -> None:
        try:
            result = self.processor.on_end()
            if result is not None:
                self._emit(result)
        except Exception as error:
            self.fault(error)
        if not self.has_life and not self.muted:
            self.finish()

    def _emit(self, result: Any) -> None:
        pushes = self._routes.get(type(result))
        if pushes is None and isinstance(result, Frame):
            pushes = self._routes[type(result)] = self._output_for(type(result)).pushes
        if pushes is not None:
            for push in pushes:
                push(result)
        elif isinstance(result, Iterable):
            for frame in result:
                self._emit(frame)
        else:
            if isinstance(result, CoroutineType):
                result.close()
            raise TypeError(
                f"a handler returned a {type(result).__name__}; expected a frame, an iterable of frames or None"
            )

    async def _emit_all(self, made: AsyncGeneratorType[Frame, None]) -> None:
        async for frame in made:
            self._emit(frame)
            for edge in self._behind:
                if edge.full:
                    await edge.room()

    def _output_for(self, kind: type[Frame]) -> Out[Any]:
        outputs = self._outputs()
        fitting = [output for output in outputs if output.spec.accepts(kind)]
        if not fitting and len(outputs) == 1 and kind.marker:
            return outputs[0]
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


def _arrival(entry: tuple[QueuedEdge, str]) -> float:
    return entry[0].arrival


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

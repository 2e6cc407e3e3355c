"""One running plan for one caller.

A call is one ``asyncio.TaskGroup``: everything that it starts ends with it. Start, stop, drain and every wait
have a deadline; cancelling never waits in a queue; a node that hangs is named and left behind::

    async with plan.call() as call:        # started when the body begins, ended when it leaves
        call.events.subscribe(Transcript, print)
        await call.finished()

    await plan.call().run()                # the same, to the end of its streams
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from .check import CheckResult
from .clock import Clock, clock_of_loop
from .context import CallContext
from .conversation import Conversation
from .edges import EdgeStats
from .errors import LivegraphError, ProcessorError, StalledError, StartError
from .events import CallEnded, CallStarted, EdgeStalled, EventBus, NodeFailed
from .frames import InterruptFrame
from .node import NodeRuntime
from .processor import Processor
from .turns import TurnPolicy
from .units import MS, SECOND, format_duration
from .wire_up import Wiring

__all__ = ["Call", "CallLimits"]

logger = logging.getLogger("livegraph.call")

P = TypeVar("P", bound=Processor)

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Deadlines of a call, in nanoseconds."""

    start_ns: int = 15 * SECOND
    """For one node to start."""
    stop_ns: int = 3 * SECOND
    """For one node to stop, and for one task to heed its cancellation."""
    stall_ns: int = 10 * SECOND
    """For one handler to be at one frame before it is named."""
    restarts: int = 3
    """How often a node with ``on_error: restart`` is replaced before the call ends."""


class Call:
    """One call. Made by ``Plan.call``; used once."""

    def __init__(
        self,
        checked: CheckResult,
        turns: TurnPolicy,
        limits: CallLimits,
        resources: Mapping[type, Any],
        clock: Clock | None,
        call_id: str,
    ) -> None:
        self.id = call_id or f"call-{next(_numbers)}"
        self.events = EventBus()
        self.reason = ""
        """Why the call ended; empty while it runs."""
        self._checked = checked
        self._turn_policy = turns
        self._limits = limits
        self._resources = resources
        self._clock = clock
        self._error: LivegraphError | None = None
        self._ending = asyncio.Event()
        self._started = asyncio.Event()
        self._over = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._wiring: Wiring | None = None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._restarts: dict[str, int] = {}
        self._left_behind: set[asyncio.Task[Any]] = set()

    # Life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """The whole call: returns when every stream has ended or ``end`` was called.

        Raises ``ProcessorError`` when a node failed, ``StartError`` when one did not start, ``ConfigError``
        when a constructor refused its options.
        """
        clock = self._clock or clock_of_loop()
        self._clock = clock
        turns = Conversation(clock, self.events, self._turn_policy, self._void)
        context = CallContext(self.id, clock, self.events, turns, self._resources, self.end)
        attempted: list[NodeRuntime] = []
        try:
            self._wiring = Wiring(self._checked, context, self._node_failed, self._node_ended)
            await self._start_nodes(attempted)
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._launch(group)
                await self._ending.wait()
                for task in self._tasks:
                    task.cancel()
        except LivegraphError as error:
            self._error = self._error or error
        finally:
            self._ending.set()
            turns.close()
            await self._stop_nodes(attempted)
            self._close()
        if self._error is not None:
            raise self._error

    async def __aenter__(self) -> Self:
        self._owner = asyncio.create_task(self.run(), name=f"{self.id}")
        waiter = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait({self._owner, waiter}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._owner.cancel()
            await asyncio.wait({self._owner})
            raise
        finally:
            waiter.cancel()
        if not self._started.is_set():
            await self._owner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._owner is not None
        self.end("left")
        try:
            await asyncio.wait({self._owner})
        except asyncio.CancelledError:
            self._owner.cancel()
            await asyncio.wait({self._owner})
            raise
        if error is None:
            await self._owner
        elif not self._owner.cancelled():
            # The body's own error is the one to tell; the call's is marked as seen.
            self._owner.exception()

    async def finished(self) -> None:
        """Return when the call is over, however it ended; errors are raised by whoever runs it."""
        await self._over.wait()

    def end(self, reason: str) -> None:
        """End the call now: sources are cancelled, queues are dropped. Returns at once; the first reason counts."""
        if not self._ending.is_set():
            self.reason = reason
            self._ending.set()

    # What others see ---------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The call's clock; its origin is the start of the call."""
        if self._clock is None:
            raise RuntimeError("the call has not started")
        return self._clock

    def processor(self, node: str, kind: type[P]) -> P:
        """The running processor of a node, which must be a ``kind``.

        Raises ``KeyError`` naming the nodes there are, ``TypeError`` when it is something else.
        """
        nodes = self._wiring.nodes if self._wiring is not None else {}
        if node not in nodes:
            raise KeyError(f"there is no running node {node!r}; there is: {', '.join(nodes) or 'none'}")
        found = nodes[node].processor
        if not isinstance(found, kind):
            raise TypeError(f"{node!r} is a {type(found).__name__}, not a {kind.__name__}")
        return found

    def stats(self) -> dict[str, EdgeStats]:
        """The counters of every edge, by name (``gate.out -> live.audio``)."""
        nodes = self._wiring.nodes.values() if self._wiring is not None else ()
        return {name: stats for node in nodes for name, stats in node.stats.items()}

    # Start and stop ----------------------------------------------------------------------------

    async def _start_nodes(self, attempted: list[NodeRuntime]) -> None:
        assert self._wiring is not None
        for node in reversed(self._wiring.nodes.values()):
            attempted.append(node)
            await self._start(node)

    async def _start(self, node: NodeRuntime) -> None:
        try:
            await self._bounded(node, node.processor.start(), self._limits.start_ns, "start")
        except ProcessorError:
            raise
        except LivegraphError as error:
            raise StartError(node.name, str(error)) from error
        except Exception as error:
            raise StartError(node.name, f"did not start: {type(error).__name__}: {error}") from error

    def _launch(self, group: asyncio.TaskGroup) -> None:
        assert self._wiring is not None
        nodes = list(self._wiring.nodes.values())
        for node in nodes:
            if node.has_worker:
                self._spawn(node, node.work(), "worker")
        for node in nodes:
            if node.has_life:
                self._spawn(node, node.live(), "run")
        self._tasks.append(group.create_task(self._watch(), name=f"{self.id}.watchdog"))
        self._started.set()
        if self.events.wants(CallStarted):
            self.events.publish(CallStarted(time_ns=self.clock.now_ns(), call=self.id))
        for node in nodes:
            node.begin()

    def _spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> None:
        assert self._group is not None
        self._tasks.append(
            self._group.create_task(self._supervise(node, body, what), name=f"{self.id}.{node.name}.{what}")
        )

    async def _supervise(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> None:
        """Run ``body`` in a task of its own, so that one which ignores its cancellation can be left behind."""
        task = asyncio.create_task(body, name=f"{self.id}.{node.name}.{what}.body")
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=self._limits.stop_ns / SECOND)
            self._collect(node, task, what)

    async def _bounded(
        self, node: NodeRuntime, body: Coroutine[Any, Any, None], limit_ns: int, what: str
    ) -> None:
        """Await ``body`` for at most ``limit_ns``; ``StalledError`` when it took longer."""
        task = asyncio.create_task(body, name=f"{self.id}.{node.name}.{what}")
        try:
            await asyncio.wait({task}, timeout=limit_ns / SECOND)
            if task.done():
                return task.result()
            raise StalledError(
                node.name,
                f"did not {what} within {format_duration(limit_ns)}",
                remedy=f"something in its {what}() waits for too long",
            )
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=self._limits.stop_ns / SECOND)
                self._collect(node, task, what)

    def _collect(self, node: NodeRuntime, task: asyncio.Task[None], what: str) -> None:
        if not task.done():
            self._left_behind.add(task)
            task.add_done_callback(self._forget)
            logger.error("%s: %s ignores its cancellation in %s and is left behind", self.id, node.name, what)
            return
        if not task.cancelled() and (error := task.exception()) is not None:
            node.fault(error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()

    async def _stop_nodes(self, attempted: list[NodeRuntime]) -> None:
        for node in reversed(attempted):
            try:
                await self._bounded(node, node.processor.stop(), self._limits.stop_ns, "stop")
            except Exception as error:
                # Every node gets its stop; the first fault is the call's unless it has one already.
                fault = (
                    error
                    if isinstance(error, ProcessorError)
                    else ProcessorError(node.name, f"stop: {error}")
                )
                fault.__cause__ = fault.__cause__ or (None if fault is error else error)
                self._tell(node, fault, fatal=True)
                self._error = self._error or fault

    def _close(self) -> None:
        error = self._error
        if error is not None:
            self.reason = "failed"
            logger.error("%s ended: %s", self.id, error, exc_info=error.__cause__)
        else:
            self.reason = self.reason or "cancelled"
            logger.info("%s ended: %s", self.id, self.reason)
        if self.events.wants(CallEnded):
            text = "" if error is None else str(error)
            now_ns = self.clock.now_ns()
            self.events.publish(CallEnded(time_ns=now_ns, call=self.id, reason=self.reason, error=text))
        self._over.set()

    # What nodes report -------------------------------------------------------------------------

    def _node_ended(self, node: NodeRuntime) -> None:
        assert self._wiring is not None
        if all(other.ended for other in self._wiring.nodes.values()):
            self.end("completed")

    def _node_failed(self, node: NodeRuntime, error: ProcessorError) -> None:
        policy = node.spec.on_error
        if policy == "skip_frame" or self._ending.is_set():
            self._tell(node, error, fatal=False)
            logger.warning("%s: %s (frame skipped)", self.id, error, exc_info=error.__cause__)
            return
        restarts = self._restarts.get(node.name, 0)
        if policy == "restart" and restarts < self._limits.restarts:
            self._restarts[node.name] = restarts + 1
            self._tell(node, error, fatal=False)
            logger.warning("%s: %s (restarting the node)", self.id, error, exc_info=error.__cause__)
            if not node.muted:
                node.muted = True
                self._spawn(node, self._restart(node), "restart")
            return
        node.muted = True
        self._tell(node, error, fatal=True)
        self._error = self._error or error
        self.end("failed")

    async def _restart(self, node: NodeRuntime) -> None:
        """Put a fresh processor in the place of one that failed; frames that arrive meanwhile are lost."""
        assert self._wiring is not None
        try:
            await self._bounded(node, node.processor.stop(), self._limits.stop_ns, "stop")
            self._wiring.replace(node)
            await self._start(node)
        except Exception as error:
            fault = (
                error
                if isinstance(error, ProcessorError)
                else StartError(node.name, f"did not restart: {error}")
            )
            self._error = self._error or fault
            self.end("failed")
            return
        node.muted = False
        if node.has_life:
            self._spawn(node, node.live(), "run")

    def _tell(self, node: NodeRuntime, error: ProcessorError, *, fatal: bool) -> None:
        if self.events.wants(NodeFailed):
            self.events.publish(
                NodeFailed(
                    time_ns=self.clock.now_ns(),
                    node=node.name,
                    message=str(error),
                    remedy=error.remedy,
                    fatal=fatal,
                )
            )

    def _void(self, turn: int) -> None:
        """Every turn up to ``turn`` is stale from now on, wherever its frames are."""
        assert self._wiring is not None
        self._wiring.voided.turn = max(self._wiring.voided.turn, turn)
        frame = InterruptFrame(time_ns=self.clock.now_ns(), turn=turn)
        for node in self._wiring.nodes.values():
            node.interrupt(frame)

    # Watchdog ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Name a node that is at one frame for too long, once per frame."""
        assert self._wiring is not None
        named: dict[str, int] = {}
        period_ns = max(self._limits.stall_ns // 4, 250 * MS)
        while True:
            await asyncio.sleep(period_ns / SECOND)
            now_ns = self.clock.now_ns()
            for node, edge in self._wiring.queues:
                since_ns = node.busy_since_ns
                if (
                    since_ns is None
                    or now_ns - since_ns < self._limits.stall_ns
                    or named.get(node.name) == since_ns
                ):
                    continue
                named[node.name] = since_ns
                logger.warning(
                    "%s: %s has been at one frame for %s",
                    self.id,
                    node.name,
                    format_duration(self._limits.stall_ns),
                )
                if self.events.wants(EdgeStalled):
                    self.events.publish(
                        EdgeStalled(time_ns=now_ns, edge=edge.name, node=node.name, age_ns=now_ns - since_ns)
                    )

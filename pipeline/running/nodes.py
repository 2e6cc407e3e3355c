"""The nodes of one call from their start to their stop, and what replaces one that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

from ..errors import (
    LivegraphError,
    ProcessorError,
    StalledError,
    StartError,
    as_fault,
    from_signal,
    unwrapped,
)
from ..processor import Processor
from ..units import format_duration
from .limits import CallLimits
from .node import NodeRuntime
from .tasks import Overrun, TaskKeeper, settle
from .worker import serve

__all__ = ["Nodes"]

Failed = Callable[[str, ProcessorError], None]


class Nodes:
    """Starts, runs, restarts and stops nodes, each step with its deadline.

    ``failed(node, error)`` is told what cannot be the end of one frame: a stop that failed, a node left behind.
    """

    def __init__(
        self,
        call_id: str,
        nodes: Mapping[str, NodeRuntime],
        limits: CallLimits,
        failed: Failed,
    ) -> None:
        self._call_id = call_id
        self._nodes = nodes
        self._limits = limits
        self._failed = failed
        self._keeper = TaskKeeper(limits.stop_ns)
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        """What runs for each node: its worker and its ``run``."""
        self._restarts: dict[str, int] = {}

    async def start(
        self, levels: Callable[[], Iterable[Iterable[NodeRuntime]]], until: asyncio.Future[None]
    ) -> None:
        """Start all, those of one level together, until ``until`` is done. Raises ``StartError``, ``StalledError``."""
        if all(type(node.processor).start is Processor.start for node in self._nodes.values()):
            for node in self._nodes.values():
                node.owes_stop = True
            return
        for level in levels():
            if until.done():
                return
            slow = []
            for node in level:
                node.owes_stop = True
                if type(node.processor).start is not Processor.start:
                    slow.append(node)
            if len(slow) == 1:
                await self.start_one(slow[0], until)
            elif slow:
                await self._start_together(slow, until)

    async def start_one(self, node: NodeRuntime, until: asyncio.Future[None]) -> None:
        """Start ``node``. Raises ``StartError``, ``StalledError``."""
        node.owes_stop = True
        if type(node.processor).start is Processor.start:
            return
        try:
            await self._within(node, node.processor.start(), self._limits.start_ns, "start", until)
        except (ProcessorError, asyncio.CancelledError):
            raise
        except BaseException as error:
            if from_signal(error):
                raise
            cause = unwrapped(error)
            if isinstance(cause, LivegraphError):
                fault = StartError(node.name, str(cause))
                fault.remedy = getattr(cause, "remedy", "")
                raise fault from cause
            raise StartError(node.name, str(as_fault("", error, "did not start"))[2:]) from cause

    def set_going(self, group: asyncio.TaskGroup, node: NodeRuntime) -> None:
        """Give ``node`` its tasks, in ``group``."""
        self._group = group
        tasks = self._tasks[node.name] = []
        if node.has_worker:
            tasks.append(self._spawn(node, serve(node), "worker"))
        if node.has_run:
            tasks.append(self._spawn(node, node.run(), "run"))

    def cancel(self) -> None:
        """Cancel all that runs for the nodes."""
        for tasks in self._tasks.values():
            for task in tasks:
                task.cancel()

    def may_restart(self, node: NodeRuntime) -> bool:
        """Whether ``node`` can be replaced once more."""
        # One that fails again while it is being replaced is the one that goes.
        running = self._group is not None
        return running and (node.muted or self._restarts.get(node.name, 0) < self._limits.restarts)

    def restart(
        self,
        node: NodeRuntime,
        replace: Callable[[NodeRuntime], object],
        until: asyncio.Future[None],
        done: Callable[[LivegraphError | None], None],
    ) -> None:
        """Put a fresh processor in the place of one that failed, and tell ``done``.

        What waits in queues is kept for it; frames that arrive without a queue meanwhile are lost.
        """
        node.mute()
        self._restarts[node.name] = self._restarts.get(node.name, 0) + 1
        self._spawn(node, self._restart(node, replace, until, done), "restart")

    async def stop(self) -> None:
        """Stop all at once: however many hang, the call is over after one deadline."""
        for node in self._nodes.values():
            node.close()
        stops = []
        for node in self._nodes.values():
            if node.owes_stop and type(node.processor).stop is not Processor.stop:
                stops.append(asyncio.create_task(self._stop(node)))
            node.owes_stop = False
        if stops:
            await settle(stops)

    async def _start_together(self, level: list[NodeRuntime], until: asyncio.Future[None]) -> None:
        starts = [asyncio.create_task(self.start_one(node, until)) for node in level]
        try:
            await asyncio.wait(starts, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            failed = [
                start for start in starts if start.done() and not start.cancelled() and start.exception()
            ]
            for start in starts:
                if not start.done():
                    start.cancel()
            await settle(starts)
            for start in starts:
                if not start.cancelled():
                    start.exception()
        if failed:
            await failed[0]

    async def _restart(
        self,
        node: NodeRuntime,
        replace: Callable[[NodeRuntime], object],
        until: asyncio.Future[None],
        done: Callable[[LivegraphError | None], None],
    ) -> None:
        fault: LivegraphError | None = None
        try:
            for task in self._tasks[node.name]:
                task.cancel()
            await settle(self._tasks[node.name])
            node.owes_stop = False
            await self._within(node, node.processor.stop(), self._limits.stop_ns, "stop")
            replace(node)
            await self.start_one(node, until)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if from_signal(error):
                raise
            fault = as_fault(node.name, error, "did not restart")
        done(fault)
        if not until.done():
            assert self._group is not None
            self.set_going(self._group, node)
            node.resume()

    def _spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        assert self._group is not None
        name = f"{self._call_id}.{node.name}.{what}"
        supervised = self._keeper.supervise(
            body,
            name,
            partial(self._left_behind, node, what),
            partial(node.blame, where=what, skippable=False),
        )
        return self._group.create_task(supervised, name=f"{name}.supervisor")

    async def _stop(self, node: NodeRuntime) -> None:
        try:
            await self._within(node, node.processor.stop(), self._limits.stop_ns, "stop")
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if from_signal(error):
                raise
            # Every node gets its stop, whatever comes of the others'.
            self._failed(node.name, as_fault(node.name, error, "did not stop"))

    async def _within(
        self,
        node: NodeRuntime,
        body: Coroutine[Any, Any, None],
        limit_ns: int,
        what: str,
        until: asyncio.Future[None] | None = None,
    ) -> None:
        """Await ``body`` for at most ``limit_ns``; ``StalledError`` when it took longer."""
        left_behind = partial(self._left_behind, node, what)
        try:
            await self._keeper.within(
                body, limit_ns, f"{self._call_id}.{node.name}.{what}", left_behind, until
            )
        except Overrun as overrun:
            raise StalledError(
                node.name,
                f"did not {what} within {format_duration(limit_ns)}",
                remedy=f"something in its {what}() waits for too long",
            ) from overrun.__cause__

    def _left_behind(self, node: NodeRuntime, what: str) -> None:
        self._failed(
            node.name, StalledError(node.name, f"ignores its cancellation in {what} and is left behind")
        )

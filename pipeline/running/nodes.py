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
from ..units import SECOND, format_duration
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
        self._tasks: dict[NodeRuntime, list[asyncio.Task[None]]] = {}
        """What runs for each node: its worker and its ``run``."""
        self._served: set[NodeRuntime] = set()
        """Nodes with a worker."""
        self._restarts: dict[str, list[int]] = {}
        """When each node was replaced, as far as that still counts."""
        self._waiting: dict[NodeRuntime, dict[Coroutine[Any, Any, None], str]] = {}
        """What nodes spawned before the call ran."""

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
        tasks = self._tasks[node] = []
        if node.has_worker:
            self._served.add(node)
            tasks.append(self._spawn(node, serve(node), "worker"))
        if node.has_run:
            tasks.append(self._spawn(node, node.run(), "run"))
        for body, what in self._waiting.pop(node, {}).items():
            tasks.append(self._spawn(node, body, what))

    def set_serving(self, node: NodeRuntime) -> None:
        """Give ``node`` a worker if it has come to need one."""
        tasks = self._tasks.get(node)
        if tasks is not None and node.has_worker and node.serving and node not in self._served:
            self._served.add(node)
            tasks.append(self._spawn(node, serve(node), "worker"))

    def cancel_one(self, node: NodeRuntime) -> None:
        """Cancel all that runs for one node."""
        for task in self._tasks.get(node, ()):
            task.cancel()

    async def retire(self, nodes: Iterable[NodeRuntime]) -> None:
        """Stop nodes that are no part of the call any more, or never became one."""
        leaving = list(nodes)
        for node in leaving:
            node.close()
            self.cancel_one(node)
        await settle([task for node in leaving for task in self._tasks.get(node, ())])
        stops = []
        for node in leaving:
            self._tasks.pop(node, None)
            self._served.discard(node)
            if node.owes_stop and type(node.processor).stop is not Processor.stop:
                stops.append(asyncio.create_task(self._stop(node)))
            node.owes_stop = False
        if stops:
            await settle(stops)

    def spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> Callable[[], object]:
        """Run ``body`` for ``node`` from now on, or as soon as it is going; returns what cancels it."""
        going = self._tasks.get(node)
        if self._group is None or going is None or node.muted:
            waiting = self._waiting.setdefault(node, {})
            waiting[body] = what

            def cancel() -> None:
                if waiting.pop(body, None) is not None:
                    body.close()

            return cancel
        going[:] = [task for task in going if not task.done()]
        task = self._spawn(node, body, what)
        going.append(task)
        return task.cancel

    def cancel(self) -> None:
        """Cancel all that runs for the nodes."""
        for tasks in self._tasks.values():
            for task in tasks:
                task.cancel()
        self._drop_waiting()

    def may_restart(self, node: NodeRuntime) -> bool:
        """Whether ``node`` can be replaced once more."""
        # One that fails again while it is being replaced is the one that goes.
        return self._group is not None and (node.muted or len(self._recent(node)) < self._limits.restarts)

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
        self._restarts.setdefault(node.name, []).append(node.now_ns())
        self._spawn(node, self._restart(node, replace, until, done), "restart")

    async def stop(self) -> None:
        """Stop all at once: however many hang, the call is over after one deadline."""
        self._drop_waiting()
        self._keeper.close_unbegun()
        for node in self._nodes.values():
            node.close()
        stops = []
        for node in self._nodes.values():
            if node.owes_stop and type(node.processor).stop is not Processor.stop:
                stops.append(asyncio.create_task(self._stop(node)))
            node.owes_stop = False
        if stops:
            await settle(stops)

    def _recent(self, node: NodeRuntime) -> list[int]:
        """When ``node`` was replaced, within the time in which that counts."""
        since_ns = node.now_ns() - self._limits.restart_window_ns
        recent = [when_ns for when_ns in self._restarts.get(node.name, ()) if when_ns > since_ns]
        self._restarts[node.name] = recent
        return recent

    async def _back_off(self, node: NodeRuntime) -> None:
        """Wait before the second replacement and every further one, each time twice as long."""
        before = len(self._restarts[node.name]) - 1
        if before:
            delay_ns = min(self._limits.back_off_ns << (before - 1), self._limits.back_off_max_ns)
            await asyncio.sleep(delay_ns / SECOND)

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
            for task in self._tasks[node]:
                task.cancel()
            await settle(self._tasks[node])
            state = node.processor.snapshot()
            node.owes_stop = False
            await self._within(node, node.processor.stop(), self._limits.stop_ns, "stop")
            await self._back_off(node)
            replace(node)
            await self.start_one(node, until)
            if state is not None:
                node.processor.restore(state)
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

    def _drop_waiting(self) -> None:
        for bodies in self._waiting.values():
            for body in bodies:
                body.close()
        self._waiting.clear()

    def _spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        assert self._group is not None
        name = f"{self._call_id}.{node.name}.{what}"
        self._keeper.expect(body)
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

"""The nodes of one call from their start to their stop, and what replaces one that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import (
    LivegraphError,
    ProcessorError,
    StalledError,
    StartError,
    as_fault,
    from_signal,
    told,
    unwrapped,
)
from ..processor import Processor
from ..units import SECOND, format_duration
from .limits import CallLimits
from .node import NodeRuntime
from .tasks import Overrun, TaskKeeper, is_cancelled, settle
from .worker import serve

__all__ = ["Nodes"]

Failed = Callable[[str, ProcessorError], None]


@dataclass(slots=True, eq=False)
class _Spawned:
    """What a node has going beside its handlers; without a task until the node is going."""

    body: Coroutine[Any, Any, None]
    what: str
    task: asyncio.Task[None] | None = None


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
        self._going = False
        self._tasks: dict[NodeRuntime, dict[asyncio.Task[None], str]] = {}
        """What runs for each node, and what it is: its worker, its ``run``, and what it spawned."""
        self._restarting: dict[asyncio.Task[None], NodeRuntime] = {}
        self._served: set[NodeRuntime] = set()
        """Nodes with a worker."""
        self._restarts: dict[str, list[int]] = {}
        """When each node was replaced, as far as that still counts."""
        self._waiting: dict[NodeRuntime, list[_Spawned]] = {}
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
                fault = StartError(node.name, told(cause))
                fault.remedy = getattr(cause, "remedy", "")
                raise fault from cause
            raise StartError(node.name, str(as_fault("", error, "did not start"))[2:]) from cause

    def set_going(self, node: NodeRuntime) -> None:
        """Give ``node`` its tasks."""
        self._going = True
        self._tasks[node] = {}
        if node.has_worker:
            self._served.add(node)
            self._run(node, serve(node), "worker")
        if node.has_run:
            self._run(node, node.run(), "run")
        for spawned in self._waiting.pop(node, ()):
            spawned.task = self._run(node, spawned.body, spawned.what)

    def set_serving(self, node: NodeRuntime) -> None:
        """Give ``node`` a worker if it has come to need one."""
        if node in self._tasks and node.has_worker and node.serving and node not in self._served:
            self._served.add(node)
            self._run(node, serve(node), "worker")

    def cancel_one(self, node: NodeRuntime) -> None:
        """Cancel all that runs for one node."""
        for task in self._tasks.get(node, ()):
            task.cancel()

    async def retire(self, nodes: Iterable[NodeRuntime]) -> None:
        """Stop nodes that are no part of the call any more, or never became one."""
        leaving = list(nodes)
        for node in leaving:
            node.close()
        await self._wind_up(leaving)
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
        """Run ``body``, which contains its faults, for ``node`` from now on, or as soon as it is going.

        Returns what cancels it.
        """
        spawned = _Spawned(body, what)
        if node not in self._tasks or node.muted:
            self._waiting.setdefault(node, []).append(spawned)
        else:
            spawned.task = self._run(node, body, what)
        return partial(self._cancel_spawned, node, spawned)

    async def wind_up(self) -> None:
        """Cancel all that runs for the nodes, and wait for its end."""
        self._going = False
        self._drop_waiting()
        for task in self._restarting:
            task.cancel()
        await settle(self._restarting)
        await self._wind_up(list(self._tasks))

    def may_restart(self, node: NodeRuntime) -> bool:
        """Whether ``node`` can be replaced once more."""
        # One that fails again while it is being replaced is the one that goes.
        return self._going and (node.muted or len(self._recent(node)) < self._limits.restarts)

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
        restarting = asyncio.create_task(
            self._restart(node, replace, until, done), name=f"{self._call_id}.{node.name}.restart"
        )
        self._restarting[restarting] = node
        restarting.add_done_callback(self._restarting.pop)

    async def stop(self) -> None:
        """Stop all at once: however many hang, the call is over after one deadline."""
        self._drop_waiting()
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
            await self._wind_up([node])
            state = node.processor.snapshot()
            node.owes_stop = False
            await self._within(node, node.processor.stop(), self._limits.stop_ns, "stop")
            await self._back_off(node)
            replace(node)
            await self.start_one(node, until)
            if state is not None:
                node.processor.restore(state)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            cause = RuntimeError("it was cancelled from within").with_traceback(error.__traceback__)
            fault = as_fault(node.name, cause, "did not restart")
        except BaseException as error:
            if from_signal(error):
                raise
            fault = as_fault(node.name, error, "did not restart")
        done(fault)
        if not until.done():
            self.set_going(node)
            node.resume()

    def _drop_waiting(self) -> None:
        for waiting in self._waiting.values():
            for spawned in waiting:
                spawned.body.close()
        self._waiting.clear()

    def _cancel_spawned(self, node: NodeRuntime, spawned: _Spawned) -> None:
        if spawned.task is not None:
            self._keeper.cancel(spawned.task, partial(self._left_behind, node, spawned.what))
        elif spawned in self._waiting.get(node, ()):
            self._waiting[node].remove(spawned)
            spawned.body.close()

    def _run(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        task = asyncio.create_task(body, name=f"{self._call_id}.{node.name}.{what}")
        self._tasks[node][task] = what
        if what not in ("worker", "run"):
            # A node may spawn any number of them.
            task.add_done_callback(self._tasks[node].pop)
        return task

    async def _wind_up(self, nodes: Iterable[NodeRuntime]) -> None:
        await self._keeper.wind_up(
            {
                task: partial(self._left_behind, node, what)
                for node in nodes
                for task, what in self._tasks.get(node, {}).items()
            }
        )

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

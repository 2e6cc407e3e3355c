"""Tasks that run foreign code: bounded in time, whatever that code does with its cancellation."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from ..errors import from_signal
from ..units import SECOND

__all__ = ["Overrun", "TaskKeeper", "close_unbegun", "is_cancelled", "loop_runs", "settle"]

Body = Coroutine[Any, Any, None]


class Overrun(Exception):
    """A body took longer than it may. Chained to what it raised when it was cancelled for that."""


async def settle(tasks: Iterable[asyncio.Task[Any]], limit_ns: int | None = None) -> set[asyncio.Task[Any]]:
    """Wait until ``tasks`` are done, ``limit_ns`` at most; returns those that are not.

    A cancellation of the caller is not lost, but takes effect only then: what is being wound up is wound up.
    """
    loop = asyncio.get_running_loop()
    deadline = None if limit_ns is None else loop.time() + limit_ns / SECOND
    pending = {task for task in tasks if not task.done()}
    cancelled: asyncio.CancelledError | None = None
    while pending:
        left = None if deadline is None else deadline - loop.time()
        if left is not None and left <= 0:
            break
        try:
            _, pending = await asyncio.wait(pending, timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
            pending = {task for task in pending if not task.done()}
    if cancelled is not None:
        raise cancelled
    return pending


def close_unbegun(body: Coroutine[Any, Any, Any]) -> None:
    """Close a coroutine that nobody will await any more, so that Python does not complain of it."""
    if inspect.getcoroutinestate(body) == inspect.CORO_CREATED:
        body.close()


class TaskKeeper:
    """Runs bodies in tasks of their own, so that one which ignores its cancellation can be left behind.

    It is what an ``asyncio.TaskGroup`` would be that has a deadline: ``grace_ns`` is how long a cancelled task may take
    to wind up. Those left behind are held here until they end, so that nobody collects them as garbage.
    """

    def __init__(self, grace_ns: int) -> None:
        self._grace_ns = grace_ns
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def within(
        self,
        body: Body,
        limit_ns: int,
        name: str,
        left_behind: Callable[[], None],
        until: asyncio.Future[None] | None = None,
    ) -> bool:
        """Run ``body`` to its end, for at most ``limit_ns`` and not after ``until`` is done; whether it got there.

        Raises what ``body`` raised, ``Overrun`` when it took longer.
        """
        task = asyncio.create_task(_contained(body), name=name)
        watched: set[asyncio.Future[Any]] = {task} if until is None else {task, until}
        try:
            await asyncio.wait(watched, timeout=limit_ns / SECOND, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not (in_time := task.done()):
                await self._wind_up(task, left_behind)
        error = task.result() if task.done() and not task.cancelled() else None
        if not in_time:
            if until is not None and until.done():
                return False
            raise Overrun(name) from error
        if task.cancelled():
            raise RuntimeError("it was cancelled from within")
        if error is not None:
            raise error
        return True

    async def wind_up(self, tasks: Mapping[asyncio.Task[None], Callable[[], None]]) -> None:
        """Cancel ``tasks`` and give them the grace; of one that takes longer the function beside it is called.

        Raises what is no fault of anybody's: a task contains those of its body.
        """
        for task in tasks:
            task.cancel()
        try:
            await settle(tasks, self._grace_ns)
        finally:
            for task, left_behind in tasks.items():
                if not task.done():
                    self._leave(task, left_behind)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()

    def cancel(self, task: asyncio.Task[None], left_behind: Callable[[], None]) -> None:
        """Cancel ``task`` and return at once; ``left_behind`` is called when it takes longer than the grace."""
        if task.cancel():
            overdue = task.get_loop().call_later(
                self._grace_ns / SECOND, self._leave_overdue, task, left_behind
            )
            task.add_done_callback(lambda _: overdue.cancel())

    def _leave_overdue(self, task: asyncio.Task[Any], left_behind: Callable[[], None]) -> None:
        if not task.done():
            self._leave(task, left_behind)

    def _leave(self, task: asyncio.Task[Any], left_behind: Callable[[], None]) -> None:
        if task not in self._left_behind:
            self._left_behind.add(task)
            task.add_done_callback(self._left_behind.discard)
            left_behind()

    async def _wind_up(self, task: asyncio.Task[Any], left_behind: Callable[[], None]) -> None:
        """Cancel ``task`` and give it the grace; ``left_behind`` is called when it takes longer than that."""
        task.cancel()
        try:
            await settle((task,), self._grace_ns)
        finally:
            self._leave_overdue(task, left_behind)


async def _contained(body: Body) -> BaseException | None:
    """Await ``body``; what it raised is returned, for in a task some exceptions would end the event loop."""
    try:
        await body
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        if from_signal(error) or (isinstance(error, GeneratorExit) and not loop_runs()):
            raise
        return error
    return None


def is_cancelled() -> bool:
    """Whether somebody has cancelled the running task, so that a ``CancelledError`` is no fault of its code."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def loop_runs() -> bool:
    """Whether an event loop runs here, and no coroutine is just being closed after its loop has gone."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

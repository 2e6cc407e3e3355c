"""Threads for work that may never return: one each, and none that keeps a program from ending."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

__all__ = ["DaemonThreads", "outcome_of"]

T = TypeVar("T")


class DaemonThreads(Executor):
    """Runs each call in a daemon thread of its own.

    A function that never returns cannot be stopped. In a pool it would hold a worker that others wait for, and at
    exit the program would wait for it; here it is only a thread that sleeps.
    """

    def __init__(self, name: str = "work") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._alive = 0

    @property
    def alive(self) -> int:
        """Functions that have not returned yet."""
        return self._alive

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start ``function`` now; it sees the context variables of the caller."""
        future: Future[Any] = Future()
        context = contextvars.copy_context()

        def work() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(context.run(function, *args, **kwargs))
            except BaseException as error:
                # Whatever it is, it belongs to whoever waits for the result.
                future.set_exception(error)
            finally:
                self._count(-1)

        self._count(1)
        name = f"{self._name} {getattr(function, '__name__', '')}"
        try:
            threading.Thread(target=work, name=name, daemon=True).start()
        except RuntimeError:  # the system gives no more
            self._count(-1)
            raise
        return future

    def _count(self, change: int) -> None:
        """One more at work, or one less; called in any thread."""
        with self._lock:
            self._alive += change


async def outcome_of(threads: Executor, function: Callable[..., T], *args: Any) -> T:
    """What ``function`` returns, in a thread of ``threads``; raises what it raises, whatever that is.

    A future cannot be given every exception: ``StopIteration`` would leave one of asyncio undone for ever.
    """
    caught = functools.update_wrapper(functools.partial(_caught, function), function)
    made, error = await asyncio.get_running_loop().run_in_executor(threads, caught, *args)
    if error is not None:
        raise error
    return made  # type: ignore[no-any-return]  # what the function made


def _caught(function: Callable[..., Any], *args: Any) -> tuple[Any, BaseException | None]:
    try:
        return function(*args), None
    except BaseException as error:
        return None, error

"""Threads for tools that are plain functions: one each, and none that keeps a program from ending."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

__all__ = ["MOST_THREADS", "ToolThreads"]

MOST_THREADS = 256
"""Of one process."""


class ToolThreads(Executor):
    """Runs each call in a daemon thread of its own.

    A function that never returns cannot be stopped. In a pool it would hold a worker that others wait for, and at
    exit the program would wait for it; here it is only a thread that sleeps.
    """

    _all = 0
    _all_lock = threading.Lock()

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive = 0

    @classmethod
    def full(cls) -> bool:
        """Whether the whole process has as many as it may have: calls of many callers share them."""
        return cls._all >= MOST_THREADS

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
                with self._lock:
                    self._alive -= 1
                with ToolThreads._all_lock:
                    ToolThreads._all -= 1

        with self._lock:
            self._alive += 1
        with ToolThreads._all_lock:
            ToolThreads._all += 1
        threading.Thread(target=work, name=f"tool {getattr(function, '__name__', '')}", daemon=True).start()
        return future

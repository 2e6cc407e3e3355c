"""CPU-heavy work beside the event loop: in threads, or in a pool of processes that all calls of this process share."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .processes import OffloadError, Processes

__all__ = ["OffloadError", "offload", "shared_processes", "shut_pool"]

A = ParamSpec("A")
T = TypeVar("T")

_lock = threading.Lock()
_pool: Processes | None = None


async def offload(function: Callable[A, T], process: bool, *args: A.args, **kwargs: A.kwargs) -> T:
    """What ``function`` returns, run in a thread or in one of the shared processes.

    Cancelled, it does not run if it has not begun; what has begun in a thread runs to its end and its result is
    dropped, a process is ended. Raises what ``function`` raises, ``OffloadError`` when it cannot be sent to a process
    or the process died.
    """
    if process:
        value: T = await shared_processes().run(function, args, kwargs)
        return value
    work = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(None, work)


def shared_processes() -> Processes:
    """The pool of this process: boxes and tools of all calls use the same."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = Processes()
        return _pool


def shut_pool() -> None:
    """End the shared processes, at work or not; the next work starts new ones."""
    with _lock:
        pool = _pool
    if pool is not None:
        pool.close()

"""CPU-heavy work beside the event loop: in threads, or in a pool of processes that all calls of this process share."""

from __future__ import annotations

import asyncio
import atexit
import functools
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from ..errors import LivegraphError

__all__ = ["OffloadError", "offload", "shut_pool"]

A = ParamSpec("A")
T = TypeVar("T")

_lock = threading.Lock()
_pool: ProcessPoolExecutor | None = None


class OffloadError(LivegraphError):
    """Work could not be given to another process, or that died of it."""


async def offload(function: Callable[A, T], process: bool, *args: A.args, **kwargs: A.kwargs) -> T:
    """What ``function`` returns, run in a thread or in one of the shared processes.

    Cancelled, it does not run if it has not begun; what has begun runs to its end and its result is dropped. Raises
    what ``function`` raises, ``OffloadError`` when it cannot be sent to a process or the process died.
    """
    loop = asyncio.get_running_loop()
    work = functools.partial(function, *args, **kwargs)
    if not process:
        return await loop.run_in_executor(None, work)
    name = getattr(function, "__qualname__", repr(function))
    try:
        pickle.dumps(work)
    except Exception as error:
        # What pickle raises depends on the value that it fails at.
        raise OffloadError(
            f"{name} cannot run in a process: {error}; it takes a function of a module, and arguments that pickle"
        ) from error
    try:
        return await loop.run_in_executor(_processes(), work)
    except BrokenProcessPool as error:
        shut_pool()
        raise OffloadError(f"the process that ran {name} died") from error


def shut_pool() -> None:
    """End the shared processes; the next ``offload`` makes new ones. Work that has begun is waited for."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.shutdown(cancel_futures=True)


def _processes() -> ProcessPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            # Not forked: a copy of a process with threads and an event loop is none that works.
            context = multiprocessing.get_context("spawn")
            _pool = ProcessPoolExecutor(max(1, os.cpu_count() or 1), mp_context=context)
            atexit.register(shut_pool)
        return _pool

"""CPU-heavy work beside the event loop: in threads, or in a pool of processes that all calls of this process share."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, cast

from ..units import SECOND, DurationLike, duration_ns, parse_size
from .processes import OffloadError, Processes

__all__ = ["OffloadError", "ProcessLimits", "offload", "shared_processes", "shut_pool"]

A = ParamSpec("A")
T = TypeVar("T")

_lock = threading.Lock()
_pool: Processes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What a piece of work in a process may use; the system enforces it.

    Args:
        memory: bytes beyond what the process has, or a text such as ``500MB`` (on Linux; elsewhere it is not known).
        time: of the clock on the wall, as ``"2s"``, ``ms(300)`` or nanoseconds.

    Raises ``ValueError`` for what is no size or duration.
    """

    memory: int | str | None = None
    time: DurationLike | None = None

    def __post_init__(self) -> None:
        if isinstance(self.memory, str):
            object.__setattr__(self, "memory", parse_size(self.memory))
        if self.time is not None:
            object.__setattr__(self, "time", duration_ns(self.time, "time"))


async def offload(
    function: Callable[A, T], process: bool | ProcessLimits, *args: A.args, **kwargs: A.kwargs
) -> T:
    """What ``function`` returns, run in a thread or in one of the shared processes.

    Cancelled, it does not run if it has not begun; what has begun in a thread runs to its end and its result is
    dropped, a process is ended. Raises what ``function`` raises, ``OffloadError`` when it cannot be sent to a process
    or the process died.
    """
    if process:
        limits = process if isinstance(process, ProcessLimits) else ProcessLimits()
        memory, time_ns = cast("int | None", limits.memory), cast("int | None", limits.time)
        limit_s = None if time_ns is None else time_ns / SECOND
        value: T = await shared_processes().run(function, args, kwargs, memory_bytes=memory, limit_s=limit_s)
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

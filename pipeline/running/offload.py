"""The pool of processes that all calls of this process share, for work that computes or may crash."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from ..units import SECOND, DurationLike, duration_ns, parse_size
from .processes import OffloadError, Processes

__all__ = ["OffloadError", "ProcessLimits", "in_a_process", "shared_processes", "shut_pool"]

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


async def in_a_process(
    process: bool | ProcessLimits, function: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> T:
    """What ``function`` returns, run in one of the shared processes. Cancelled, that is ended.

    Raises what ``function`` raises, ``OffloadError`` when it cannot be sent to a process or the process died.
    """
    limits = process if isinstance(process, ProcessLimits) else ProcessLimits()
    memory, time_ns = cast("int | None", limits.memory), cast("int | None", limits.time)
    limit_s = None if time_ns is None else time_ns / SECOND
    value: T = await shared_processes().run(function, args, kwargs, memory_bytes=memory, limit_s=limit_s)
    return value


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

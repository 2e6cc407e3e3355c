"""Where all time comes from: the system's monotonic clock, or virtual time.

A ``Clock`` counts nanoseconds from its own origin, so a call's time starts at 0. Virtual time is a
property of the event loop: under ``run_virtual`` every timer of asyncio (``sleep``, ``timeout``,
``call_later``) is virtual. The loop jumps to the next timer when nothing is left to do and stands
still while a thread of its executor works, so a minute of conversation takes the seconds of its
computing, and goes the same way each time. Real sockets must not take part: bytes under way in the
kernel look like nothing left to do. Join both ends in memory instead.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Protocol, TypeVar, TypeVarTuple

from .errors import LivegraphError
from .units import SECOND

__all__ = [
    "Clock",
    "SystemClock",
    "VirtualClock",
    "VirtualDeadlockError",
    "VirtualLoop",
    "clock_of_loop",
    "run_virtual",
    "unix_time_ns",
    "work_ns",
]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_DEADLOCK_AFTER_S = 20.0
"""Real seconds that a virtual loop with nothing to do waits for a foreign thread before it gives up."""


class VirtualDeadlockError(LivegraphError):
    """Virtual time has nowhere to go: nothing is ready, no timer is set and no thread works."""


def work_ns() -> int:
    """Real time, for what a computation costs: it is the same on any clock. Never the time of anything in a call."""
    return time.perf_counter_ns()


class Clock(Protocol):
    """Nanoseconds since the clock's origin, and a way to wait on the same time."""

    def now_ns(self) -> int:
        """Nanoseconds since the origin; never goes back."""
        ...

    async def sleep_until_ns(self, when_ns: int) -> None:
        """Return when the clock shows ``when_ns`` or later; at once when it does already."""
        ...


class SystemClock:
    """The monotonic clock of the system, counted from where it was made."""

    __slots__ = ("_origin_ns",)

    def __init__(self) -> None:
        self._origin_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since it was made."""
        return time.monotonic_ns() - self._origin_ns

    async def sleep_until_ns(self, when_ns: int) -> None:
        """Return when it shows ``when_ns`` or later."""
        await asyncio.sleep(max(0, when_ns - self.now_ns()) / SECOND)


class VirtualClock:
    """The time of a ``VirtualLoop``, counted from where it was made."""

    __slots__ = ("_loop", "_origin_ns")

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._origin_ns = loop.virtual_ns

    def now_ns(self) -> int:
        """Virtual nanoseconds since it was made."""
        return self._loop.virtual_ns - self._origin_ns

    async def sleep_until_ns(self, when_ns: int) -> None:
        """Return when it shows ``when_ns`` or later."""
        # The loop keeps time in float seconds; a last rounding step may end a nanosecond early.
        while (left_ns := when_ns - self.now_ns()) > 0:  # noqa: ASYNC110  # the wait is for the time itself
            await asyncio.sleep(left_ns / SECOND)
        await asyncio.sleep(0)


def clock_of_loop() -> Clock:
    """A clock with its origin now: virtual when the running loop is a ``VirtualLoop``."""
    loop = asyncio.get_running_loop()
    return VirtualClock(loop) if isinstance(loop, VirtualLoop) else SystemClock()


def unix_time_ns() -> int:
    """The time of day in nanoseconds since 1970, for protocols that tell it. It may jump: measure with a clock.

    On a ``VirtualLoop`` the day begins with the loop.
    """
    loop = asyncio.get_running_loop()
    return loop.virtual_ns if isinstance(loop, VirtualLoop) else time.time_ns()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time moves only when nothing else can."""

    def __init__(self) -> None:
        # Set before the base class asks for the time.
        self.virtual_ns = 0
        self._threads_busy = 0
        super().__init__(_VirtualSelector(self))
        self._clock_resolution = 1 / SECOND

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.virtual_ns / SECOND

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._threads_busy += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncio's own signature
        """Join the executor's threads in real time: virtual time must not run into the timeout."""
        self._threads_busy += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._threads_busy -= 1

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._threads_busy -= 1

    def _jump(self, seconds: float) -> None:
        self.virtual_ns += max(1, round(seconds * SECOND))


class _VirtualSelector(selectors.DefaultSelector):
    """Never waits for time: it advances the loop's instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._loop._threads_busy:
            return super().select(None)
        if timeout is not None:
            self._loop._jump(timeout)
            return ready
        # No timer at all: only a thread that we do not know of could wake the loop.
        ready = super().select(_DEADLOCK_AFTER_S)
        if not ready:
            waiting = sorted(str(task.get_name()) for task in asyncio.all_tasks(self._loop))
            raise VirtualDeadlockError(
                f"nothing is ready and no timer is set, so virtual time cannot go on; waiting: {', '.join(waiting)}"
            )
        return ready


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on virtual time: returns what ``main`` returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)

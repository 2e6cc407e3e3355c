"""Where all time comes from: the system's monotonic clock, or virtual time.

A ``Clock`` counts nanoseconds from its own origin, so a call's time starts at 0. Virtual time is a
property of the event loop: under ``run_virtual`` every timer of asyncio (``sleep``, ``timeout``,
``call_later``) is virtual. The loop jumps to the next timer when nothing is left to do and stands
still while a thread of its executor works, so a minute of conversation takes the seconds of its
computing, and goes the same way each time. While a real socket is open, time goes as fast as outside and no
faster: what a tool asks a real server for takes as long as it takes, and the run is as slow, and not the
same each time. Join both ends in memory where that can be.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import selectors
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Protocol, TypeVar, TypeVarTuple

from .errors import LivegraphError
from .units import MS, SECOND

__all__ = [
    "Clock",
    "SystemClock",
    "VirtualClock",
    "VirtualDeadlockError",
    "VirtualLoop",
    "clock_of_loop",
    "day_time_ns",
    "run_virtual",
    "stood_still_ns",
    "timer_s",
    "unix_time_ns",
    "work_ns",
]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

logger = logging.getLogger("livegraph.clock")

_OWN_SOCKETS = 1
"""The loop's own, by which threads and signals wake it."""
_DEADLOCK_AFTER_S = 20.0
"""Real seconds that a virtual loop with nothing to do waits for a foreign thread before it gives up."""
_THREAD_LIMIT_S = 60.0
"""Real seconds that virtual time stands still for what runs in a thread of the executor."""
_TOGETHER = 5
"""So many times as long it stands still for threads that come and go, one after the other."""
_ALWAYS_READY_S = 300.0
"""Real seconds in which something is ready all the time, and virtual time never gets on."""
_ROUNDS = 4096
"""How often the loop goes round until it is looked at that."""


class VirtualDeadlockError(LivegraphError):
    """Virtual time cannot go on: nothing is ready and no timer is set, or a thread that it waits for does not end."""


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


def timer_s(delay_ns: int) -> float:
    """A delay for the running loop's ``call_later`` that is not over early, in seconds; at least 0.

    uvloop counts whole milliseconds and rounds to the nearest: who is called early and sets a timer for the rest would
    be called again and again until the time has come. Virtual time is exact.
    """
    if delay_ns <= 0:
        return 0.0
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        return delay_ns / SECOND
    return -(-delay_ns // MS) / 1_000


def stood_still_ns() -> int:
    """Real time for which the running loop's time has stood still until threads were done; 0 where time is real."""
    loop = asyncio.get_running_loop()
    return loop.stood_ns if isinstance(loop, VirtualLoop) else 0


def unix_time_ns() -> int:
    """The time of day in nanoseconds since 1970, for protocols that tell it. It may jump: measure with a clock.

    On a ``VirtualLoop`` the day begins with the loop.
    """
    loop = asyncio.get_running_loop()
    return loop.virtual_ns if isinstance(loop, VirtualLoop) else time.time_ns()


def day_time_ns() -> int:
    """The time of day in nanoseconds since 1970, on any loop: for names of files and for people. It may jump."""
    return time.time_ns()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time moves only when nothing else can.

    ``thread_limit_s`` is for how many real seconds it stands still for what runs in a thread, and five times as long
    for threads that come and go; then ``VirtualDeadlockError`` names them.
    """

    def __init__(self, thread_limit_s: float = _THREAD_LIMIT_S) -> None:
        # Set before the base class asks for the time.
        self.virtual_ns = 0
        self._threads: dict[object, _InThread] = {}
        """What time stands still for."""
        self._at_work: set[_InThread] = set()
        """What runs in a thread now, whether somebody waits for it or not."""
        self._thread_limit_s = thread_limit_s
        self._stands_since_s: float | None = None
        self._stood_here_s = 0.0
        """Real seconds for which it has stood still since virtual time has moved last."""
        self._rounds = 0
        """How often the loop has gone round since then, with something ready each time."""
        self._rounds_since_s = 0.0
        self._given_up = False
        self.stood_ns = 0
        """Real nanoseconds for which it has stood still until a thread was done."""
        self.told_outside = False
        """Whether it was said that real sockets slow virtual time down."""
        super().__init__(_VirtualSelector(self))
        self._clock_resolution = 1 / SECOND

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.virtual_ns / SECOND

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        work: Any = _InThread(func, self._at_work)
        future: asyncio.Future[T] = super().run_in_executor(executor, work, *args)
        self._threads[future] = work
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncio's own signature
        """Join the executor's threads in real time: virtual time must not run into the timeout."""
        if self._given_up:
            # One of them does not end, and that was told.
            executor = getattr(self, "_default_executor", None)
            if executor is not None:
                executor.shutdown(wait=False)
            return
        self._threads[self] = _InThread(self.shutdown_default_executor, self._at_work)
        try:
            await super().shutdown_default_executor()
        finally:
            self._threads.pop(self, None)

    def _thread_done(self, future: asyncio.Future[Any]) -> None:
        self._threads.pop(future, None)
        self._stands_since_s = None

    def _jump(self, seconds: float) -> None:
        self.virtual_ns += max(1, round(seconds * SECOND))
        self._stands_since_s = None
        self._stood_here_s, self._rounds = 0.0, 0

    def _goes_round(self) -> None:
        """Something is ready, or may be. ``VirtualDeadlockError`` when that goes on for ever and no time passes."""
        self._rounds += 1
        if self._rounds % _ROUNDS:
            return
        if self._rounds == _ROUNDS:
            self._rounds_since_s = time.monotonic()
        limit_s = _TOGETHER * self._thread_limit_s if self._threads else _ALWAYS_READY_S
        if time.monotonic() - self._rounds_since_s < limit_s:
            return
        if self._threads:
            raise self._gives_up(limit_s)
        raise VirtualDeadlockError(
            f"virtual time cannot go on: for {limit_s:g} real seconds something was ready all the time; at work: "
            + self._waiting()
        )

    def _patience_s(self) -> float:
        """How long to stand still for threads from now on; ``VirtualDeadlockError`` when it was too long."""
        now_s = time.monotonic()
        if self._stands_since_s is None:
            self._stands_since_s = now_s
        limit_s, together_s = self._thread_limit_s, _TOGETHER * self._thread_limit_s
        alone_s = self._stands_since_s + limit_s - now_s
        if alone_s <= 0:
            raise self._gives_up(limit_s)
        if self._stood_here_s >= together_s:
            raise self._gives_up(together_s)
        return min(alone_s, together_s - self._stood_here_s)

    def _gives_up(self, limit_s: float) -> VirtualDeadlockError:
        # Who joins them at the end of the loop is not what they wait for.
        work = self._at_work or set(self._threads.values())
        names = ", ".join(sorted(map(str, work)))
        # Whoever winds the loop up must not wait for them again.
        self._given_up = True
        self._threads.clear()
        together = limit_s > self._thread_limit_s
        what = (
            "threads, of which one after the other is at work for"
            if together
            else "a thread, which has not ended within"
        )
        return VirtualDeadlockError(f"virtual time stands still for {what} {limit_s:g} real seconds: {names}")

    def _waiting(self) -> str:
        return ", ".join(sorted(task.get_name() for task in asyncio.all_tasks(self)))


class _InThread:
    """A function for a thread of an executor, and that thread's name once it runs there. ``at_work`` holds it then."""

    def __init__(self, function: Callable[..., Any], at_work: set[_InThread]) -> None:
        self._function = function
        self._at_work = at_work
        self._thread = ""
        self.__name__ = getattr(function, "__name__", "")

    def __call__(self, *args: Any) -> Any:
        self._thread = threading.current_thread().name
        self._at_work.add(self)
        try:
            return self._function(*args)
        finally:
            self._at_work.discard(self)

    def __reduce__(self) -> tuple[Callable[[T], T], tuple[Any]]:
        # An executor of processes sends the function alone.
        return _itself, (self._function,)

    def __str__(self) -> str:
        function: Any = self._function
        while isinstance(function, functools.partial) and not hasattr(function, "__qualname__"):
            # asyncio.to_thread runs its function in a copy of the context.
            in_context = getattr(function.func, "__name__", "") == "run" and function.args
            function = function.args[0] if in_context else function.func
        name = getattr(function, "__qualname__", repr(function))
        return f"{name} (thread {self._thread})" if self._thread else name


def _itself(function: T) -> T:
    return function


class _VirtualSelector(selectors.DefaultSelector):
    """Never waits for time: it advances the loop's instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        loop = self._loop
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            loop._goes_round()
            return ready
        if loop._threads:
            since_ns = time.monotonic_ns()
            ready = super().select(loop._patience_s())
            stood_ns = time.monotonic_ns() - since_ns
            loop.stood_ns += stood_ns
            loop._stood_here_s += stood_ns / SECOND
            return ready
        outside = len(self.get_map()) > _OWN_SOCKETS
        if timeout is not None and outside:
            # Somebody talks to the world outside, whose time is real: ours goes on with it, and no faster.
            return self._wait_outside(timeout)
        if timeout is not None:
            loop._jump(timeout)
            return ready
        # No timer at all: only a thread that we do not know of could wake the loop, or somebody outside.
        limit_s = max(_DEADLOCK_AFTER_S, loop._thread_limit_s) if outside else _DEADLOCK_AFTER_S
        ready = super().select(limit_s)
        if not ready:
            silent = f", no socket has said anything for {limit_s:g} real seconds" if outside else ""
            raise VirtualDeadlockError(
                f"nothing is ready and no timer is set{silent}, so virtual time cannot go on; "
                f"waiting: {loop._waiting()}"
            )
        return ready

    def _wait_outside(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a socket in real time, ``timeout`` at most, and let virtual time pass as much."""
        if not self._loop.told_outside:
            self._loop.told_outside = True
            logger.info("virtual time goes no faster than real time while sockets are open")
        before_ns = time.monotonic_ns()
        ready = super().select(timeout)
        passed_s = (time.monotonic_ns() - before_ns) / SECOND
        self._loop._jump(min(timeout, passed_s) if ready else timeout)
        return ready


def run_virtual(main: Coroutine[Any, Any, T], *, thread_limit_s: float = _THREAD_LIMIT_S) -> T:
    """``asyncio.run`` on virtual time: returns what ``main`` returns.

    Raises ``VirtualDeadlockError`` when nothing can wake the loop any more, and when a thread of its executor lives for
    longer than ``thread_limit_s`` real seconds while nothing else goes on.
    """
    with asyncio.Runner(loop_factory=functools.partial(VirtualLoop, thread_limit_s)) as runner:
        return runner.run(main)

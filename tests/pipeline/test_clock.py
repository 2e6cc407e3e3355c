"""Virtual time moves only when nothing else can, and takes no real time doing so."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from livegraph.pipeline import clock as clock_module
from livegraph.pipeline.clock import SystemClock, VirtualDeadlockError, clock_of_loop, run_virtual


def test_an_hour_of_sleep_takes_no_real_time() -> None:
    """Timers jump: an hour passes on the clock, and not on the wall."""

    async def main() -> int:
        clock = clock_of_loop()
        await asyncio.sleep(3600)
        return clock.now_ns()

    began = time.monotonic()
    assert run_virtual(main()) == 3600 * 10**9
    assert time.monotonic() - began < 60


def test_time_stands_still_while_a_thread_works() -> None:
    """A timer does not fire during work in the executor, however long that takes."""
    order: list[str] = []

    async def main() -> int:
        clock = clock_of_loop()
        asyncio.get_running_loop().call_later(1e-6, order.append, "timer")
        await asyncio.to_thread(lambda: (time.sleep(0.05), order.append("thread")))
        now_ns = clock.now_ns()
        await asyncio.sleep(1)
        return now_ns

    # The timer may fire before the thread was started, never while it runs.
    assert run_virtual(main()) <= 1_000
    assert sorted(order) == ["thread", "timer"]


def test_sleep_until_never_ends_early() -> None:
    """Float seconds inside asyncio do not cost a nanosecond."""

    async def main() -> None:
        clock = clock_of_loop()
        for when_ns in (1, 999_999_999, 10**9 + 1, 86_400 * 10**9 + 7):
            await clock.sleep_until_ns(when_ns)
            assert clock.now_ns() >= when_ns

    run_virtual(main())


def test_timers_fire_in_order_and_at_their_time() -> None:
    """Two sleepers wake at their own times, in order."""

    async def main() -> list[tuple[str, int]]:
        clock = clock_of_loop()
        woken: list[tuple[str, int]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append((name, round(clock.now_ns() / 1e6)))

        async with asyncio.TaskGroup() as group:
            group.create_task(sleeper("late", 0.3))
            group.create_task(sleeper("early", 0.1))
        return woken

    assert run_virtual(main()) == [("early", 100), ("late", 300)]


def test_a_deadlock_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ready, no timer, no thread: an error that names the waiting task instead of a hang."""
    monkeypatch.setattr(clock_module, "_DEADLOCK_AFTER_S", 0.01)

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("the-one-that-waits")
        await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlockError, match="the-one-that-waits"):
        run_virtual(main())


def test_the_system_clock_starts_at_zero_and_never_goes_back() -> None:
    """A call's time counts from the clock's making."""
    clock = SystemClock()
    first, second = clock.now_ns(), clock.now_ns()
    assert 0 <= first <= second < 60 * 10**9


def test_a_thread_that_does_not_end_is_named() -> None:
    """Time stands still for it no longer than the limit, in real seconds; then the function and the thread are told."""
    release = threading.Event()

    def hangs() -> None:
        release.wait()

    async def main() -> None:
        asyncio.get_running_loop().call_later(3600, print)
        await asyncio.to_thread(hangs)

    began = time.monotonic()
    try:
        with pytest.raises(
            VirtualDeadlockError, match=r"within 0.3 real seconds: .*hangs \(thread asyncio_0\)"
        ):
            run_virtual(main(), thread_limit_s=0.3)
    finally:
        release.set()
    assert time.monotonic() - began < 30

"""Virtual time moves only when nothing else can, and takes no real time doing so."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from livegraph.pipeline import clock as clock_module
from livegraph.pipeline.clock import SystemClock, VirtualDeadlockError, clock_of_loop, run_virtual
from livegraph.pipeline.running.threads import DaemonThreads, outcome_of


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


class Hangs:
    """A function that ends when the test does."""

    def __init__(self) -> None:
        self.over, self.begun = threading.Event(), threading.Event()

    def hang(self) -> None:
        self.begun.set()
        self.over.wait(60)


Program = Callable[[Hangs], Coroutine[Any, Any, object]]


async def one_after_the_other(_: Hangs) -> None:
    async with asyncio.timeout(5):
        while True:
            await asyncio.to_thread(time.sleep, 0.01)


async def one_hangs_and_others_come_and_go(held: Hangs) -> None:
    hanging = asyncio.create_task(asyncio.to_thread(held.hang))
    async with asyncio.timeout(5):
        while not hanging.done():
            await asyncio.to_thread(time.sleep, 0.01)


async def it_is_asked_again_and_again(held: Hangs) -> None:
    hanging = asyncio.create_task(asyncio.to_thread(held.hang))
    async with asyncio.timeout(5):
        while not hanging.done():
            await asyncio.sleep(0)


async def nobody_waits_for_it_any_more(held: Hangs) -> None:
    hanging = asyncio.create_task(asyncio.to_thread(held.hang))
    while not held.begun.is_set():
        await asyncio.sleep(0)
    hanging.cancel()
    # Time goes on; at its end the loop joins its threads.
    await asyncio.sleep(3600)


async def it_waits_for_the_loop(_: Hangs) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(asyncio.sleep(1), loop).result(30))


async def a_socket_talks_meanwhile(held: Hangs) -> None:
    loop, (near, far) = asyncio.get_running_loop(), socket.socketpair()

    def chat() -> None:
        while not held.over.wait(0.01):
            far.send(b"x")

    async def listen() -> None:
        while True:
            await loop.sock_recv(near, 10)

    near.setblocking(False)
    talker = threading.Thread(target=chat)
    talker.start()
    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(5):
            await asyncio.to_thread(held.hang)
    finally:
        held.over.set()
        listening.cancel()
        talker.join()
        near.close()
        far.close()


async def it_has_a_pool_of_its_own(held: Hangs) -> None:
    pool = ThreadPoolExecutor(1, "mine")
    try:
        async with asyncio.timeout(5):
            await asyncio.get_running_loop().run_in_executor(pool, held.hang)
    finally:
        pool.shutdown(wait=False)


async def it_is_the_work_of_a_box(held: Hangs) -> None:
    async with asyncio.timeout(5):
        await outcome_of(DaemonThreads("box offloads"), held.hang)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (one_after_the_other, r"real seconds: sleep \(thread asyncio_"),
        (
            one_hangs_and_others_come_and_go,
            r"real seconds: Hangs.hang \(thread asyncio_",
        ),
        (it_is_asked_again_and_again, r"real seconds: Hangs.hang \(thread asyncio_0\)"),
        (nobody_waits_for_it_any_more, r"within 0.2 real seconds: Hangs.hang \(thread asyncio_0\)"),
        (it_waits_for_the_loop, r"within 0.2 real seconds: .*<lambda> \(thread asyncio_0\)"),
        (a_socket_talks_meanwhile, r"within 0.2 real seconds: Hangs.hang \(thread asyncio_0\)"),
        (it_has_a_pool_of_its_own, r"within 0.2 real seconds: Hangs.hang \(thread mine_0\)"),
        (it_is_the_work_of_a_box, r"within 0.2 real seconds: Hangs.hang \(thread box offloads hang\)"),
    ],
)
def test_however_a_thread_holds_time_up_it_is_named(program: Program, told: str) -> None:
    """Alone, beside others, waited for or not, wherever it runs: no program stands still without an end."""
    held = Hangs()
    try:
        with pytest.raises(VirtualDeadlockError, match=told):
            run_virtual(program(held), thread_limit_s=0.2)
    finally:
        held.over.set()


def test_threads_one_after_the_other_may_take_long_while_time_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What counts is how long it stands still at one moment."""
    monkeypatch.setattr(clock_module, "_TOGETHER", 0.2)

    async def main() -> float:
        for _ in range(22):
            await asyncio.to_thread(time.sleep, 0.05)
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert run_virtual(main(), thread_limit_s=5) >= 22


def test_a_loop_that_is_never_at_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks again and again lets no time pass, so the timer that he waits for never comes."""
    monkeypatch.setattr(clock_module, "_ALWAYS_READY_S", 0.2)

    async def main() -> None:
        over: list[bool] = []
        asyncio.get_running_loop().call_later(1, over.append, True)
        while not over:
            await asyncio.sleep(0)

    with pytest.raises(VirtualDeadlockError, match="something was ready all the time; at work: Task-"):
        run_virtual(main())


def test_a_socket_that_never_says_anything_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no timer ends the waiting for it."""
    monkeypatch.setattr(clock_module, "_DEADLOCK_AFTER_S", 0.01)
    near, far = socket.socketpair()
    near.setblocking(False)

    async def main() -> None:
        await asyncio.get_running_loop().sock_recv(near, 1)

    with near, far, pytest.raises(VirtualDeadlockError, match="no socket has said anything"):
        run_virtual(main(), thread_limit_s=0.05)


def test_an_executor_may_carry_work_elsewhere() -> None:
    """What it is given pickles as the function itself."""

    class Elsewhere(ThreadPoolExecutor):
        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            sent = pickle.loads(pickle.dumps(function))
            assert sent is divmod
            return super().submit(sent, *args, **kwargs)

    async def main() -> object:
        with Elsewhere(1) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, divmod, 7, 2)

    assert run_virtual(main()) == (3, 1)

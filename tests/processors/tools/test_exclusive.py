"""What a tool holds alone is free again in bounded time, however its call ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from livegraph.pipeline import run_virtual
from livegraph.processors.tools import tool
from livegraph.processors.tools.holding import Held
from livegraph.testing import no_tasks_left
from support.tool_calls import Model, with_tools

_LET_GO = threading.Event()


@pytest.fixture(autouse=True)
def _threads_end() -> Any:
    _LET_GO.clear()
    yield
    _LET_GO.set()


@tool(exclusive="diary", timeout="1m")
async def read() -> str:
    """The one that comes after."""
    return "read"


async def _deaf() -> None:
    while not _LET_GO.is_set():
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            continue


@tool(exclusive="diary", timeout="2s", name="hang")
async def ignores_its_cancellation() -> None:
    await _deaf()


@tool(exclusive="diary", timeout="2s", name="hang")
async def never_cleans_up() -> AsyncIterator[int]:
    try:
        await asyncio.sleep(60)
        yield 1
    finally:
        await _deaf()


@tool(exclusive="diary", name="hang")
def in_a_thread() -> None:
    """It does not begin."""


@tool(exclusive="diary", timeout="2s", name="hang")
async def is_in_time() -> None:
    await asyncio.sleep(1.9)


HANGING = [ignores_its_cancellation, never_cleans_up]


@pytest.mark.parametrize("hang", HANGING, ids=lambda hang: hang.__name__)
def test_who_hangs_is_answered_for_and_loses_what_it_holds(
    hang: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The model has its answer within 3 s of the deadline, the next one the resource 30 s later."""

    async def main() -> None:
        async with with_tools(hang, read).plan().call() as call:
            model, clock = call.processor("model", Model), call.clock
            model.ask("hang", "1")
            assert await model.answer() == {"error": "hang did not answer within 2s"}
            assert clock.now_ns() <= 5e9
            model.ask("read", "2")
            assert await model.answer() == {"output": "read"}
            assert 30e9 <= clock.now_ns() <= 36e9
            assert "tool hang has not returned 30s after its call: diary is free" in caplog.text
            model.ask("read", "3")
            assert await model.answer() == {"output": "read"}
            _LET_GO.set()
            await asyncio.sleep(10)
            model.ask("read", "4")
            assert await model.answer() == {"output": "read"}, "its late end gives up nothing a second time"

    run_virtual(main())


def test_a_caller_who_is_lost_holds_nothing() -> None:
    async def main() -> None:
        graph = with_tools(is_in_time, read)
        async with no_tasks_left(), graph.plan().call() as other:
            async with graph.plan().call() as lost:
                lost.processor("model", Model).ask("hang", "1")
                await asyncio.sleep(0.1)
            model = other.processor("model", Model)
            model.ask("read", "2")
            assert await model.answer() == {"output": "read"}
            assert other.clock.now_ns() < 1e9

    run_virtual(main())


def test_a_thread_that_goes_on_loses_it_too() -> None:
    """Sooner where it returns; what was given up is given up once."""

    async def main() -> list[tuple[str, float]]:
        told: list[tuple[str, float]] = []
        loop = asyncio.get_running_loop()
        for returns_after_s in (10, 40):
            held = Held(lambda: told.append(("overdue", loop.time() % 100)))
            held.free = lambda: told.append(("free", loop.time() % 100))
            leave = held.keep()
            held.close()
            await asyncio.sleep(returns_after_s)
            leave()
            await asyncio.sleep(100 - returns_after_s)
        return told

    assert run_virtual(main()) == [("free", 10), ("overdue", 30), ("free", 30)]


@pytest.mark.parametrize("threads", ["none to be had", "slow to start"])
def test_what_never_begins_holds_nothing(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread can be had for it, or its caller is lost before its thread begins."""
    held_back: list[threading.Thread] = []
    start = threading.Thread.start

    def start_later(thread: threading.Thread) -> None:
        if not thread.name.startswith("tool"):
            start(thread)
        elif threads == "none to be had":
            raise RuntimeError("can't start new thread")
        else:
            held_back.append(thread)

    async def main() -> None:
        graph = with_tools(in_a_thread, read)
        async with graph.plan().call() as other:
            monkeypatch.setattr(threading.Thread, "start", start_later)
            async with graph.plan().call() as lost:
                model = lost.processor("model", Model)
                model.ask("hang", "1")
                if threads == "none to be had":
                    assert await model.answer() == {"error": "hang failed (RuntimeError)"}
                for _ in range(20):
                    await asyncio.sleep(0)
            monkeypatch.undo()
            for thread in held_back:
                thread.start()
            model = other.processor("model", Model)
            model.ask("read", "2")
            assert await model.answer() == {"output": "read"}
            assert other.clock.now_ns() < 10e9

    run_virtual(main())
    assert bool(held_back) is (threads == "slow to start")

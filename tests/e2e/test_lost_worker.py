"""A page in a real browser whose worker dies is told so within seconds, and calls again at once."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from livegraph.cli.web import WebServer
from livegraph.server.app import make_pool_app
from livegraph.server.pool import ProcessPool, WorkerSetup
from support.browser import chromium
from support.pool_agents import SOURCE, agents
from support.pool_callers import until
from support.speech import arrange, recorded

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_page_whose_worker_is_killed_is_told_and_calls_again(tmp_path: Path) -> None:
    """``kill -9`` of the process that has the call: the page says within 5 s that it is lost, and offers the button;
    the next call is answered, by another process."""
    microphone = arrange(tmp_path / "caller.wav", recorded("numbers"), 90.0)

    async def run() -> None:
        setup = WorkerSetup(source=SOURCE, report="full")
        pool = ProcessPool(setup, agents(), workers=1, spares=1, max_calls=4)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listening = asyncio.Event()
            server = WebServer(make_pool_app(pool), listening.set, grace_s=1)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await asyncio.wait_for(listening.wait(), 120)
                await until(lambda: pool._ready, 120)
                async with chromium(microphone=microphone) as browser:
                    page = await browser.open(f"http://127.0.0.1:{listener.getsockname()[1]}/")
                    await page.page.locator("#call").click()
                    await page.wait_until_heard()
                    (worker,) = pool.workers
                    killed = time.monotonic()
                    os.kill(worker["pid"], signal.SIGKILL)
                    await page.page.locator("#state[data-state=ended]").wait_for(timeout=15_000)
                    assert time.monotonic() - killed < 5
                    await until(
                        lambda: [w["pid"] for w in pool.workers] not in ([worker["pid"]], [], [0]), 20
                    )
                    await page.page.locator("#call").click()
                    await until(lambda: pool.active == 1 and not pool.pending, 20)
                    (call,) = await pool.calls()
                    assert call["state"] == "running"
                    await page.page.locator("#hangup").click()
                    await until(lambda: pool.active == 0, 20)
            finally:
                server.should_exit = True
                await serving

    asyncio.run(run())

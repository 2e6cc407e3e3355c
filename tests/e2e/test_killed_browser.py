"""A browser that dies in the middle of a call says goodbye to nobody: the server finds out by itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Error

from livegraph.pipeline import Graph
from livegraph.server.calls import ServedAgent
from livegraph.testing.leaks import no_tasks_left, open_files
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.browser import chromium
from support.speech import arrange, recorded
from support.web import serving
from support.webrtc import Caller

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def echo() -> ServedAgent:
    """Says back what it hears."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.chain("mic", "ear")
    return ServedAgent("echo", graph.plan())


def kill_browsers() -> None:
    """Kill every Chromium that descends from this process, at once."""
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name():
            process.send_signal(signal.SIGKILL)


async def within(seconds: float, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.mark.leaks
def test_a_killed_browser(tmp_path: Path) -> None:
    """With a real browser and the server's own settings the call ends within seconds, and nothing of it is left."""
    microphone = arrange(tmp_path / "caller.wav", recorded("numbers"), 60.0)

    async def run() -> None:
        async with serving([echo()]) as web:
            # What is loaded once and stays is loaded by the first call.
            caller = Caller()
            await web.call(caller)
            await caller.hang_up()
            await web.until_free()
            files = len(open_files())
            async with no_tasks_left():
                # The browser is not there any more when it is asked for the last time.
                with pytest.raises(Error):
                    async with chromium(microphone=microphone) as browser:
                        page = await browser.open(f"http://127.0.0.1:{web.port}/")
                        await page.page.locator("#call").click()
                        await page.wait_until_heard()
                        assert web.desk.active == 1
                        kill_browsers()
                        await within(12, lambda: not web.desk.active)
                        await page.page.title()
            assert len(open_files()) <= files
            text = (await web.ask("GET", "/metrics")).body.decode()
            assert 'livegraph_calls_total{agent="echo",reason="lost"} 1.0' in text

    asyncio.run(run())

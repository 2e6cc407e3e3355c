"""The server goes and comes again under an open page, and two pages call side by side: no page is left that lies."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from support.browser import chromium
from support.clients import echo
from support.eventually import eventually
from support.speech import arrange, recorded
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@asynccontextmanager
async def server_at(port: int, folder: Path) -> AsyncIterator[None]:
    """``livegraph run`` at this port while the block lasts; then it is killed, and says goodbye to nobody."""
    agent = folder / "echo.yaml"
    agent.write_text("version: 1\npipeline: [webrtc_in, webrtc_out]\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from livegraph.cli import main; main()", "run", agent, "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listens, "server", within_s=60)
        yield
    finally:
        process.kill()
        await process.wait()


async def is_state(page: Page, *states: str) -> None:
    """Wait until the page shows one of these states."""

    async def there() -> bool:
        return await page.locator("#state").get_attribute("data-state") in states

    await eventually(there, f"state of {states}", within_s=60)


def test_a_page_outlives_its_server(tmp_path: Path) -> None:
    """Idle, in a call over a peer connection, in one over a WebSocket: the call that is gone is told to be lost, within
    the time that a page hopes for, and calling again works as soon as the server is there."""
    microphone = arrange(tmp_path / "caller.wav", *[recorded("numbers")] * 8)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def run() -> None:
        async with chromium(microphone=microphone) as browser:
            address = f"http://127.0.0.1:{port}/"
            async with server_at(port, tmp_path):
                by_socket = (await browser.open(f"{address}?transport=websocket")).page
                in_call = (await browser.open(address)).page
                idle = (await browser.open(address)).page
                for page in (by_socket, in_call):
                    await page.click("#call")
                    await is_state(page, "listening")
            await is_state(by_socket, "ended")
            await is_state(in_call, "reconnecting")
            await idle.click("#call")
            await expect(idle.locator("#problem")).to_have_attribute("data-problem", "server_unreachable")
            async with server_at(port, tmp_path):
                await is_state(in_call, "ended")
                for page in (by_socket, in_call):
                    await expect(page.locator("#problem")).to_have_attribute("data-problem", "lost")
                for page in (by_socket, in_call, idle):
                    await page.click("#call")
                    await is_state(page, "listening")
                    await expect(page.locator("#problem")).to_be_hidden()

    asyncio.run(run())


def test_two_pages_of_one_browser_have_a_call_each(tmp_path: Path) -> None:
    """What they remember is shared, their calls are not: one is reloaded, goes on with its own and knows how it stands;
    a page opened from it, with a copy of what it had kept for that, has none; one hangs up, the other stays."""
    microphone = arrange(tmp_path / "caller.wav", *[recorded("numbers")] * 8)

    async def run() -> None:
        async with serving([echo()]) as web, chromium(microphone=microphone) as browser:
            address = f"http://127.0.0.1:{web.port}/"
            one = (await browser.open(address)).page
            two = await one.context.new_page()
            await two.goto(address)
            for page in (one, two):
                await page.click("#call")
                await is_state(page, "listening")
            ids = [call["id"] for call in web.desk.calls()]
            assert len(ids) == 2

            async with one.expect_popup() as opening:
                await one.evaluate("void window.open(location.href)")
            copy = await opening.value
            await expect(copy.locator("#title")).to_have_text("Echo")
            await is_state(copy, "idle")
            await one.reload()
            await is_state(one, "listening")
            assert [call["id"] for call in web.desk.calls()] == ids
            assert await one.evaluate("sessionStorage.length") == 0
            # A copy of the token, as of a page that was duplicated just then: it is good once.
            await one.evaluate(
                "addEventListener('pagehide', () => "
                "localStorage.setItem('copy', sessionStorage.getItem('livegraph.call')))"
            )
            await one.reload()
            await is_state(one, "listening")
            await copy.evaluate("sessionStorage.setItem('livegraph.call', localStorage.getItem('copy'))")
            await copy.reload()
            await expect(copy.locator("#problem")).to_have_attribute("data-problem", "lost")
            await is_state(copy, "idle")
            assert [call["id"] for call in web.desk.calls()] == ids

            await one.click("#hangup")
            await is_state(one, "ended")
            await is_state(two, "listening")
            assert web.desk.active == 1

    asyncio.run(run())

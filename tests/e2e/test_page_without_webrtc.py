"""A network that lets neither UDP nor its stand-in through: the page calls over a WebSocket, by itself, and says so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from livegraph.server.access.grant import Grant
from livegraph.transports.webrtc import network
from support.browser import TestPage, chromium
from support.clients import echo
from support.eventually import eventually
from support.speech import arrange, recorded
from support.storyteller import storyteller
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

UNTIL_IMPATIENT_MS = 6_500


@pytest.fixture
def nothing_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers name no address of the server's, as good as a firewall that lets nothing through to any."""
    monkeypatch.setattr(network, "candidates", lambda places, *, tcp: ())


async def call_in_vain(page: TestPage) -> None:
    """Press the button, and let the time pass after which the page gives up on a peer connection.

    Not before the page has taken the answer and has the connection's track: the first that is heard is that one then.
    """
    await page.page.clock.install()
    await page.page.locator("#call").click()

    async def answered() -> bool:
        return bool(await page.page.evaluate("__heard.take(0) !== null"))

    await eventually(answered, "track of the peer connection")
    await page.page.clock.fast_forward(UNTIL_IMPATIENT_MS)


@pytest.mark.usefixtures("nothing_gets_through")
def test_the_page_calls_over_a_websocket_where_nothing_else_gets_through(tmp_path: Path) -> None:
    """It is heard, hears its own voice back, and says what carries the call. The try that reached nobody has used up
    neither the place nor the ticket: a ticket is for one call, and the next one with it is refused."""
    microphone = arrange(tmp_path / "caller.wav", *[recorded("numbers")] * 8)

    async def once(request: object) -> Grant:
        return Grant(identity="ann", once="ticket-1", expires_s=4e9)

    async def run() -> None:
        async with (
            serving([echo()], max_calls=1, authorize=once) as web,
            chromium(microphone=microphone) as browser,
        ):
            page = await browser.open(f"http://127.0.0.1:{web.port}/")
            await call_in_vain(page)
            # The first track is the peer connection's, which carries nothing.
            await page.wait_until_heard(track=1)
            await expect(page.page.locator("#way")).to_be_visible()
            assert "WebSocket" in str(await page.page.locator("#way").get_attribute("title"))
            (call,) = web.desk.calls()
            assert call["transport"] == "websocket"
            await expect(page.page.locator("#mute")).to_be_visible()
            await expect(page.page.locator("#pictures")).to_be_hidden()

            async def marked() -> Any:
                return web.desk.calls()[0]["round_trip_ms"] is not None

            await eventually(marked, "mark that came back")
            await page.page.locator("#hangup").click()
            await web.until_free()
            await expect(page.page.locator("#way")).to_be_hidden()

            # What was found out once is not tried again at once: nothing is offered.
            offers: list[str] = []
            page.page.on("request", lambda request: offers.append(request.url))
            await page.page.locator("#call").click()
            await expect(page.page.locator("#problem")).to_have_attribute("data-problem", "ticket_used")
            assert [url for url in offers if "/api/offer" in url] == []
            assert page.errors == []

    asyncio.run(run())


def test_who_speaks_over_the_agent_stops_it_without_webrtc_too(tmp_path: Path) -> None:
    """A browser that has none at all: what the page had not played of the story is never heard."""
    microphone = arrange(tmp_path / "quiet.wav", 1.0)

    async def run() -> None:
        async with serving([storyteller()]) as web, chromium(microphone=microphone) as browser:
            page = await browser.open(f"http://127.0.0.1:{web.port}/", speak=True)
            await page.page.add_init_script("delete window.RTCPeerConnection;")
            await page.page.reload()
            state = page.page.locator("#state")
            await page.page.locator("#call").click()
            await expect(page.page.locator("#way")).to_have_text("WebSocket", timeout=15_000)
            await page.page.fill("#text", "Tell me a story.")
            await page.page.keyboard.press("Enter")
            await page.wait_until_heard(seconds=1.0)
            await expect(state).to_have_attribute("data-state", "speaking")
            told_s = 0.0
            await page.say(recorded("go_forward"))
            async with asyncio.timeout(30):
                while await state.get_attribute("data-state") == "speaking":
                    await asyncio.sleep(0.05)
            # From some moment on there is nothing of it any more, though most of it was still to come.
            async with asyncio.timeout(30):
                while (loud_s := (await page.heard()).loud_seconds()) > told_s:
                    told_s = loud_s
                    await asyncio.sleep(1)
            assert 0.5 < told_s < 25
            assert await page.page.locator("#transcript li[data-role=user] .text").all_text_contents() == [
                "Tell me a story."
            ]
            assert await page.page.locator("#problem").inner_text() == ""
            await page.page.locator("#hangup").click()
            await web.until_free()
            assert page.errors == []

    asyncio.run(run())

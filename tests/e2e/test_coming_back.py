"""A page in a real browser does not lose its call: not by being reloaded, and not by a network that changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from livegraph.pipeline import Graph
from livegraph.pipeline.events import MuteChanged
from livegraph.server.calls import Arrival, ServedAgent
from livegraph.transports.webrtc.network import LOOPBACK
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.browser import chromium
from support.speech import arrange, recorded
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def echo() -> ServedAgent:
    """Says back what it hears."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn, resume_within="30s")
    graph.add("ear", WebRTCOut)
    graph.chain("mic", "ear")
    return ServedAgent("echo", graph.plan())


async def eventually(condition: object, within_s: float = 20.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.05)


def test_a_page_keeps_its_call(tmp_path: Path) -> None:
    """On loopback alone: a restart of ICE when the network changes, another connection when the first breaks, and
    the same call after a reload; the agent knows throughout whether the person is muted."""
    microphone = arrange(tmp_path / "caller.wav", recorded("numbers"), 60.0)

    muted: list[bool] = []

    def watch(_: object, arrival: Arrival) -> None:
        arrival.subscribe(MuteChanged, lambda event: muted.append(event.muted))

    async def run() -> None:
        async with (
            serving([echo()], media_hosts=LOOPBACK, on_call=watch) as web,
            chromium(microphone=microphone) as browser,
        ):
            page = await browser.open(f"http://127.0.0.1:{web.port}/")
            await page.page.locator("#call").click()
            await page.wait_until_heard()
            (call,) = web.desk.calls()
            line = web.desk.find(call["id"])
            peer = line.leg.peer
            assert peer.remote_address

            first = peer.answer.sdp
            await page.page.evaluate("window.dispatchEvent(new Event('online'))")
            await eventually(lambda: peer.answer.sdp != first)
            await asyncio.sleep(1)
            assert peer.state == "connected"
            assert [each["id"] for each in web.desk.calls()] == [call["id"]]

            # The association is gone, and nobody has said goodbye.
            token = peer.resume_token
            link = peer._link
            assert link is not None
            await link.close()
            # Muted while nothing gets through: the agent is told as soon as something does.
            await page.page.wait_for_function(
                "document.querySelector('#state').dataset.state === 'reconnecting'"
            )
            await page.page.locator("#mute").click()
            await eventually(lambda: peer.resume_token != token and peer._link is not link)
            await eventually(lambda: peer.state == "connected")
            assert await page.page.locator("#state").get_attribute("data-state") != "ended"

            await eventually(lambda: muted == [True])

            token, link = peer.resume_token, peer._link
            await page.page.reload()
            await eventually(lambda: peer.resume_token != token and peer._link is not link)
            await eventually(lambda: peer.state == "connected")
            await page.wait_until_heard()
            # A page that was reloaded listens again, and the agent knows.
            await eventually(lambda: muted == [True, False])
            assert [each["id"] for each in web.desk.calls()] == [call["id"]]
            await page.page.locator("#hangup").click()
            await web.until_free()

    asyncio.run(run())

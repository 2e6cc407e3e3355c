"""A network without UDP: a real browser calls by ICE-TCP, on the same port number."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from livegraph.transports.webrtc import network
from support.browser import chromium
from support.clients import echo
from support.speech import arrange, recorded
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_browser_calls_by_tcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    microphone = arrange(tmp_path / "caller.wav", recorded("numbers"), 60.0)
    everything = network.candidates

    def by_tcp(places: Iterable[tuple[str, int]], *, tcp: bool) -> tuple[str, ...]:
        return tuple(line for line in everything(places, tcp=tcp) if " tcp " in line)

    monkeypatch.setattr(network, "candidates", by_tcp)

    async def run() -> None:
        async with serving([echo()]) as web, chromium(microphone=microphone) as browser:
            page = await browser.open(f"http://127.0.0.1:{web.port}/")
            await page.page.locator("#call").click()
            await page.wait_until_heard()
            (call,) = web.desk.calls()
            statistics = web.desk.find(call["id"]).leg.peer.statistics()
            assert statistics.received_packets > 20 and statistics.lost_packets == 0
            await page.page.locator("#hangup").click()
            await web.until_free()

    asyncio.run(run())

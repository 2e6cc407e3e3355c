"""The WHIP client of npm, ``whip-whep``, in Chromium, unchanged: it calls, is heard, restarts ICE, and ends."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from livegraph.server.access import Tickets
from livegraph.server.gate import by_tokens
from livegraph.server.wall_clock import unix_seconds
from support.browser import chromium
from support.clients import echo
from support.judges import Unavailable
from support.node_packages import install_packages, missing
from support.static_pages import pages
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

VERSION = "1.2.0"
SECRET = b"0123456789abcdef0123456789abcdef"
PAGE = """<!doctype html><meta charset="utf-8"><title>whip-whep</title><link rel="icon" href="data:,">
<script type="module">
import { WHIPClient } from "./whip.js";
window.begin = async (url, token) => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const pc = window.pc = new RTCPeerConnection();
  for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendrecv", streams: [stream] });
  window.whip = new WHIPClient();
  await window.whip.publish(pc, url, token);
};
window.heard = async () => {
  let bytes = 0;
  for (const one of (await window.pc.getStats()).values()) {
    if (one.type === "inbound-rtp") bytes += one.bytesReceived;
  }
  return bytes;
};
window.loaded = true;
</script>
"""


def test_the_client_of_npm_calls(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """With a ticket, from a page of another origin: sound both ways, candidates by PATCH, a restart after which the
    call goes on, DELETE at the end; nothing is an error in the page."""
    try:
        home = install_packages(
            f"whip-whep-{VERSION}",
            request.config.cache.mkdir("node"),  # type: ignore[union-attr]
            f"whip-whep@{VERSION}",
        )
    except Unavailable as why:
        missing(str(why))
    shutil.copy(home / "node_modules" / "whip-whep" / "whip.js", tmp_path / "whip.js")
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    tickets = Tickets(SECRET, unix_seconds)

    async def run() -> None:
        authorize = by_tokens(lambda: None, tickets)
        async with serving([echo()], authorize=authorize) as web, chromium() as browser:
            with pages(tmp_path) as address:
                opened = await browser.open(address)
                page = opened.page
                await page.wait_for_function("window.loaded")
                ticket = tickets.make("studio", agents=["echo"])
                await page.evaluate(
                    "([url, token]) => begin(url, token)", [f"http://127.0.0.1:{web.port}/whip/echo", ticket]
                )
                await page.wait_for_function("pc.connectionState === 'connected'", timeout=20_000)
                await page.wait_for_function("heard().then(bytes => bytes > 2000)", timeout=20_000)
                assert [call["identity"] for call in web.desk.calls()] == ["studio"]
                tag = await page.evaluate("whip.etag")
                await page.evaluate("whip.restart()")
                assert await page.evaluate("whip.etag") != tag
                before = await page.evaluate("heard()")
                await page.wait_for_function(
                    f"heard().then(bytes => bytes > {before} + 2000)", timeout=20_000
                )
                assert await page.evaluate("pc.connectionState") == "connected"
                assert len(web.desk.calls()) == 1
                await page.evaluate("whip.stop()")
                await web.until_free()
                assert opened.errors == []
            assert 'reason="hung_up"} 1.0' in web.desk.metrics.text().decode()

    asyncio.run(run())

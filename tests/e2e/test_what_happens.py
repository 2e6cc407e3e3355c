"""The panel "What happens": the inside of a running call, alive, in a real Chromium before the real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.async_api import expect

from support.browser import chromium
from support.running import livegraph_run

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_the_inside_of_a_call_is_shown_and_can_be_turned() -> None:
    """The graph has every box, its edges count, how the line is is there; a slider tunes the running call, which is an
    event, and what the call then runs with comes back. axe finds nothing wrong with it, in both schemes."""
    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    async def run() -> None:
        async with livegraph_run("voice_agent") as server, chromium() as browser:
            page = (await browser.open(server.address)).page
            await expect(page.locator("#details")).to_be_hidden()  # there is nothing to see before a call
            await page.click("#call")
            await expect(page.locator("#details")).to_be_visible(timeout=20_000)
            await page.click("#details")
            await expect(page.locator("#graph svg")).to_be_visible()
            names = await page.locator("#graph .title").all_text_contents()
            assert {"webrtc_in", "vad_gate", "gemini_live", "webrtc_out"} <= set(names)
            heard = (
                page.locator("#edges tr", has_text="webrtc_in.audio -> vad_gate.audio").locator("td").first
            )
            async with asyncio.timeout(10):
                while int(await heard.inner_text() or "0") < 20:  # fifty frames a second, or a hundred
                    await asyncio.sleep(0.1)
            await expect(page.locator("#graph path[data-flows=true]").first).to_be_attached()
            await expect(page.locator("#figures li", has_text="ms").first).to_be_visible(timeout=15_000)
            for figure in (
                "round trip",
                "jitter",
                "buffer",
                "% up",
                "kb/s up",
                "complexity",
            ):
                await expect(page.locator("#figures li", has_text=figure)).to_be_visible(timeout=15_000)

            slider = page.locator("#options input[type=range]").first
            turned = await slider.get_attribute("id")
            least = await slider.get_attribute("min")
            await slider.fill(str(least))
            await slider.dispatch_event("change")
            await expect(page.locator("#events li", has_text="Tuned").first).to_be_visible()
            await expect(page.locator(f"[id='{turned}']")).to_have_value(str(least))

            await page.evaluate(axe)
            for scheme in ("light", "dark"):
                # What fades from one colour to another has neither.
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of both
                found = await page.evaluate(
                    "axe.run(document).then(r => r.violations.map(v => `${v.id} at ${v.nodes[0].target}`))"
                )
                assert found == [], scheme

            await page.click("#details")
            await expect(page.locator("#inside")).to_be_hidden()
            await page.click("#hangup")
            await expect(page.locator("#details")).to_be_hidden()

    asyncio.run(run())

"""Browsers hold sound back before somebody has clicked: the page is told, and one click is enough, whatever carries the
call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from support.browser import TestBrowser, chromium
from support.eventually import eventually
from support.speech import arrange
from support.storyteller import storyteller
from support.web import Web, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

UNASKED = """addEventListener("DOMContentLoaded", async () => {
  const { Call } = await import("/client.js");
  const asked = new URLSearchParams(location.search);
  const transport = asked.get("way");
  if (asked.has("button")) {
    document.body.innerHTML = '<livegraph-call typing lang="en"></livegraph-call>';
    const widget = document.querySelector("livegraph-call");
    widget.setAttribute("transport", transport);
    void widget.start();
    window.call = widget.call;
  } else {
    window.call = new Call({ transport });
    document.onclick = () => void call.play();
    void call.start({ audio: asked.has("audio") });
  }
  call.on("sound_blocked", () => console.log("blocked"));
  call.on("connected", () => {
    console.log("connected");
    call.send("Tell me a story.");
  });
})"""
"""Calls as soon as the page is there, of its own accord, and says what becomes of it.

Whatever a test asks a page counts as a click to the browser: until it is to be clicked, the page tells by itself.
"""


async def called(browser: TestBrowser, web: Web, query: str, told: list[str]) -> Page:
    """A page that has called by itself, and has told all of ``told``."""
    context = await browser.browser.new_context(permissions=["microphone"])
    await context.add_init_script(UNASKED)
    page = await context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    await page.goto(f"http://127.0.0.1:{web.port}/?{query}")

    async def all_told() -> bool:
        return set(told) <= set(heard)

    await eventually(all_told, f"{told}, only {heard}")
    assert ("blocked" in heard) == ("blocked" in told)
    return page


async def agent_is_heard(page: Page) -> None:
    """Wait until the agent's level moves: its sound comes through what plays it."""

    async def loud() -> bool:
        return bool(await page.evaluate("call.levels.agent > 0.3"))

    await eventually(loud, "sound of the agent")


async def left(page: Page, web: Web) -> None:
    """The page has hung up, and is closed."""
    await page.evaluate("call.hangUp()")
    await web.until_free()
    await page.context.close()


def test_one_click_gives_the_agents_voice(tmp_path: Path) -> None:
    """Without a microphone the browser plays nothing: that is told, the call is there, and the click is all it needs.
    With one the browser plays unasked, and the levels show it. One browser for both ways: each page is new to it."""

    async def run() -> None:
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        async with (
            serving([storyteller()]) as web,
            chromium(microphone=quiet, plays_unasked=False) as browser,
        ):
            for way in ("webrtc", "websocket"):
                page = await called(browser, web, f"way={way}", ["blocked", "connected"])
                await page.mouse.click(5, 5)
                await agent_is_heard(page)
                await left(page, web)

                page = await called(browser, web, f"way={way}&button", ["blocked", "connected"])
                problem = page.locator("livegraph-call").locator("[data-problem=sound_blocked]")
                await expect(problem).to_be_visible()
                await page.locator("livegraph-call").get_by_role("log").click()
                await expect(problem).to_be_hidden()
                await agent_is_heard(page)
                await left(page, web)

                page = await called(browser, web, f"way={way}&audio", ["connected"])
                await agent_is_heard(page)
                await left(page, web)

    asyncio.run(run())

"""Functions of a page as tools: the model asks, the page runs them, and the model hears what came of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from support.browser import chromium
from support.running import livegraph_run

AGENT = """
version: 1
agent:
  instructions: You show people the way.
  tools:
    - page: show_map
      description: Show a city on the map in the page of the caller.
      arguments: {city: {type: text, doc: Which city.}}
simulator:
  brain: ./guide.brain.yaml
"""
BRAIN = """
version: 1
rules:
  - hear: show the map of {city}
    call: {tool: show_map, args: {city: "{city}"}}
    say_result: There it is.
    say_error: I cannot show it.
fallback: Sorry?
"""


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_the_page_shows_what_the_model_asks_for(tmp_path: Path) -> None:
    """In a real browser: typed wish, the function runs in the page with the arguments, its result is answered."""
    agent = tmp_path / "guide.yaml"
    agent.write_text(AGENT, encoding="utf-8")
    (tmp_path / "guide.brain.yaml").write_text(BRAIN, encoding="utf-8")

    async def run() -> None:
        async with livegraph_run(str(agent)) as server, chromium() as browser:
            page = (await browser.open(server.address)).page
            await page.evaluate(
                """async () => {
                    const { Call } = await import("/client.js");
                    window.shown = []; window.uses = [];
                    const tools = { show_map: ({ city }) => { window.shown.push(city); return { shown: city }; } };
                    window.call = new Call({ tools });
                    call.on("tool", (use) => window.uses.push([use.name, use.status]));
                    await call.start({ audio: false });
                    call.send("Show the map of Paris");
                }"""
            )
            async with asyncio.timeout(30):
                while ["show_map", "ok"] not in await page.evaluate("uses"):
                    await asyncio.sleep(0.1)
            assert "paris" in [city.lower() for city in await page.evaluate("shown")]
            await page.evaluate("call.hangUp()")
            await expect(page.locator("#title")).to_be_visible()

    asyncio.run(run())

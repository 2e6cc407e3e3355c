"""An application with Pipecat's client for React, as npm has it, in Chromium against ``livegraph run``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from support.browser import chromium
from support.pipecat_clients import PINNED_REACT, client_site, react_page, write_guide
from support.running import livegraph_run
from support.speech import arrange

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the application."""
    folder = tmp_path_factory.mktemp("react")
    with client_site(request, folder, "pipecat-react", react_page, *PINNED_REACT) as address:
        yield address


def test_an_application_with_react_talks_to_an_agent(site: str, tmp_path: Path) -> None:
    """Its hooks know the state of the call, the words of both sides and the function that ran in the page; the sound of
    the agent is heard by its component; after it has left it calls again."""

    async def run() -> None:
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        async with livegraph_run(write_guide(tmp_path)) as server, chromium(microphone=quiet) as browser:
            shown = await browser.open(f"{site}?start={server.address}start")
            page = shown.page
            state, lines = page.locator("output"), page.locator("li")
            for _ in range(2):
                await page.get_by_role("button", name="Connect").click()
                await expect(state).to_have_text("ready")
                await expect(
                    lines.filter(has_text="Hello Ann, where do you want to go?").last
                ).to_be_visible()
                await expect(page.get_by_text("spoken 0")).to_be_hidden()
                await page.get_by_role("button", name="Mute", exact=True).click()
                await page.get_by_role("button", name="Unmute").click()
                box = page.get_by_label("Message")
                await box.fill("Show the map of Paris")
                await box.press("Enter")
                answer = page.locator("li[data-role=assistant]", has_text="There it is.")
                await expect(answer.last).to_be_visible()
                await expect(page).to_have_title(re.compile("^paris$", re.IGNORECASE))
                tool = page.locator("li[data-role=function_call]")
                await expect(tool.last).to_have_text("show_map: completed")
                await page.get_by_role("button", name="Leave").click()
                await expect(state).to_have_text("disconnected")
            await shown.wait_until_heard()
            assert [each for each in shown.errors if "closed AudioContext" not in each] == []
        assert "Error" not in server.text, server.text

    asyncio.run(run())

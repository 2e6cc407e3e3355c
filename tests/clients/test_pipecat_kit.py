"""An application of the parts of Pipecat's Voice UI Kit, as npm has it, in Chromium against ``livegraph run``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from support.browser import chromium
from support.pipecat_clients import PINNED_REACT, client_site, kit_page, write_guide
from support.running import livegraph_run
from support.speech import arrange

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the application."""
    folder = tmp_path_factory.mktemp("kit")
    with client_site(request, folder, "pipecat-react", kit_page, *PINNED_REACT) as address:
        yield address


def test_the_parts_of_the_voice_ui_kit_make_a_call(site: str, tmp_path: Path) -> None:
    """Its button connects and leaves, its transcript has the agent's words, and the agent is heard."""

    async def run() -> None:
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        async with livegraph_run(write_guide(tmp_path)) as server, chromium(microphone=quiet) as browser:
            shown = await browser.open(f"{site}?start={server.address}start")
            page = shown.page
            await page.get_by_role("button", name="Connect", exact=True).click()
            transcript = page.get_by_label("Conversation")
            await expect(transcript).to_contain_text("Hello Ann, where do you want to go?")
            await shown.wait_until_heard()
            await page.get_by_role("button", name="Disconnect").click()
            await expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
            assert [each for each in shown.errors if "closed AudioContext" not in each] == []
        assert "Error" not in server.text, server.text

    asyncio.run(run())

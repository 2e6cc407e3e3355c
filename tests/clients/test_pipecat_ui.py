"""``livegraph run --ui pipecat``: the page that Pipecat ships, in Chromium, under its own content policy."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from livegraph.server.pipecat import ui
from support.browser import chromium
from support.command import livegraph
from support.judges import Unavailable
from support.node_packages import missing
from support.pipecat_clients import PINNED, bundle
from support.python_packages import install_package
from support.running import livegraph_run
from support.speech import arrange

_HERE = Path(__file__).parent / "pipecat"
_UI = "1.3.0"


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_pipecats_page_talks_to_an_agent(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Connect by its button, read the greeting, type and be answered, see a tool, leave; nothing breaks its policy."""
    cache: Path = request.config.cache.mkdir("node")  # type: ignore[union-attr]
    made = tmp_path / "transport.js"
    try:
        page_package = install_package("pipecat-ai-prebuilt", _UI, cache, "--no-deps")
        bundle("pipecat-pinned", cache, _HERE / "wav_transport.js", made, *PINNED)
    except Unavailable as why:
        missing(str(why))
    transport = made.read_text(encoding="utf-8")
    exchanged: list[str] = []

    async def exchange(route: Route) -> None:
        """The file with the transport becomes the same transport with another media manager."""
        answer = await route.fetch()
        text = await answer.text()
        if "restart_pc" in text:
            exchanged.append(route.request.url)
            text = transport
        await route.fulfill(response=answer, body=text)

    async def run() -> None:
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        environ = {"PYTHONPATH": str(page_package)}
        async with (
            livegraph_run("voice_agent", "--ui", "pipecat", environ=environ) as server,
            chromium(microphone=quiet) as browser,
        ):
            # Not as other tests open pages: here the content policy counts.
            context = await browser.browser.new_context(permissions=["microphone", "camera"])
            page = await context.new_page()
            errors: list[str] = []
            page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(error.message))
            await page.route(re.compile(r"/assets/index\.module-.*\.js$"), exchange)
            await page.goto(server.address)
            await expect(page).to_have_title("Pipecat UI")
            connect = page.get_by_role("button", name=re.compile("^Connect$", re.IGNORECASE))
            await expect(connect).to_be_enabled(timeout=20_000)
            await expect(page.get_by_text("initialized", exact=True)).to_be_visible(timeout=20_000)
            await connect.click()
            talk = page.get_by_role("tabpanel", name="Conversation")
            await expect(talk.get_by_text("How can I help you?")).to_be_visible(timeout=30_000)
            box = talk.get_by_role("textbox", name="Message")
            await expect(box).to_be_enabled(timeout=20_000)
            await box.fill("What time is it in Tokyo?")
            await box.press("Enter")
            await expect(talk.get_by_text(re.compile("It is .* in Tokyo"))).to_be_visible(timeout=30_000)
            await expect(talk.get_by_text("What time is it in Tokyo?")).to_have_count(1)
            await page.get_by_role("button", name=re.compile("^Disconnect$", re.IGNORECASE)).click()
            await expect(connect).to_be_visible(timeout=20_000)
            assert exchanged
            assert [error for error in errors if "closed AudioContext" not in error] == []
            assert "'unsafe-eval'" not in ui._POLICY
        assert "Error" not in server.text, server.text

    asyncio.run(run())


def test_without_its_package_it_is_said_how_to_get_it() -> None:
    """And nothing is served."""
    done = livegraph("run", "voice_agent", "--ui", "pipecat", "--port", "0")
    assert done.returncode == 78, done.stderr
    assert "pip install 'livegraph[pipecat-ui]'" in done.stderr


def test_there_may_be_no_page() -> None:
    """``--ui none`` leaves the signalling; another word is a mistake."""
    done = livegraph("run", "voice_agent", "--ui", "fancy", "--port", "0")
    assert done.returncode == 2, done.stderr
    assert "--ui" in done.stderr and "pipecat" in done.stderr

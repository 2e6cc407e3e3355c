"""Pages that are not ours call agents with the library: a plain one, one with React, and by the button alone.

The pages come from a server of their own, on another origin; Chromium, WebRTC and livegraph's server are real.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.async_api import Page, Route, expect

from livegraph.language import parse_agent
from livegraph.processors.gemini_live import LiveConnector
from livegraph.server import ServedAgent
from livegraph.simulator.server import Simulator
from support.browser import chromium
from support.clients import echo
from support.judges import Unavailable
from support.node_packages import install_packages
from support.running import livegraph_run
from support.static_pages import pages
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def opened(folder: Path, agent: str, query: str = "") -> AsyncIterator[Page]:
    """A page of ``folder`` beside a running livegraph; nothing may have failed in it."""
    async with livegraph_run(agent) as server, chromium() as browser:
        with pages(folder) as address:
            page = await browser.open(f"{address}?server={server.address}{query}")
            yield page.page
            assert page.errors == []


def test_a_plain_page_talks_to_an_agent() -> None:
    """It connects, the greeting is on the page, what is typed is there once and is answered, and it hangs up."""

    async def run() -> None:
        async with opened(ROOT / "examples" / "page", "voice_agent") as page:
            await page.click("#call")
            await expect(page.locator("#call")).to_have_text("Hang up")
            await expect(page.locator("#lines li").first).to_contain_text("agent: ", timeout=20_000)
            await expect(page.locator("#text")).to_be_enabled()
            await page.fill("#text", "What time is it in Tokyo?")
            await page.keyboard.press("Enter")
            typed = page.locator("#lines li", has_text="user: What time is it in Tokyo?")
            await expect(page.locator("#lines li", has_text="Tokyo").nth(1)).to_be_visible(timeout=20_000)
            await expect(typed).to_have_count(1)
            await page.click("#call")
            await expect(page.locator("#state")).to_have_text("ended")

    asyncio.run(run())


def test_the_button_alone_makes_a_call() -> None:
    """By keyboard: call, read, type, mute, hang up, call again; axe finds nothing wrong with it."""
    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    async def run() -> None:
        async with opened(ROOT / "examples" / "page", "voice_agent") as page:
            widget = page.locator("livegraph-call")
            await widget.get_by_role("button", name="Call by the button of livegraph").focus()
            await page.keyboard.press("Enter")
            await expect(widget.get_by_role("button", name="Hang up")).to_be_visible(timeout=20_000)
            await expect(widget.get_by_role("log").locator("li").first).to_be_visible(timeout=20_000)
            await widget.get_by_role("textbox").fill("Hello")
            await page.keyboard.press("Enter")
            await expect(widget.locator("li[data-role=user]")).to_have_text("Hello")
            await widget.get_by_role("button", name="Mute").click()
            await expect(widget.get_by_role("button", name="Unmute")).to_have_attribute(
                "aria-pressed", "true"
            )
            await page.evaluate(axe)
            found = await page.evaluate(
                "axe.run('livegraph-call').then(r => r.violations.map(v => `${v.id} at ${v.nodes[0].target}`))"
            )
            assert found == []
            await widget.get_by_role("button", name="Hang up").click()
            await expect(widget.get_by_role("button", name="Call again")).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(widget.get_by_role("button", name="Hang up")).to_be_visible(timeout=20_000)
            # Taken out of the page, it hangs up.
            await page.evaluate("window.kept = document.querySelector('livegraph-call').call")
            await page.evaluate("document.querySelector('livegraph-call').remove()")
            async with asyncio.timeout(10):
                while await page.evaluate("kept.phase") != "ended":
                    await asyncio.sleep(0.05)
            # Two on one page, each in its own language; a label may change.
            await page.evaluate(
                """document.body.innerHTML = '<livegraph-call lang="de"></livegraph-call>'
                   + '<livegraph-call lang="en"></livegraph-call>'"""
            )
            await expect(page.locator("livegraph-call >> button.call")).to_have_text(["Anrufen", "Call"])
            await page.evaluate(
                "document.querySelector('livegraph-call').setAttribute('label', 'Laden anrufen')"
            )
            await expect(page.locator("livegraph-call >> button.call")).to_have_text(
                ["Laden anrufen", "Call"]
            )

    asyncio.run(run())


def test_a_page_with_react_talks_to_an_agent(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The library is installed from its folder, bundled with the application, and works in it."""
    source = ROOT / "examples" / "react_page"
    try:
        packages = install_packages(
            "react-example",
            request.config.cache.mkdir("node"),  # type: ignore[union-attr]
            *("react@19", "react-dom@19", "esbuild@0.25"),
        )
    except Unavailable as why:
        pytest.skip(str(why))
    folder = tmp_path / "page"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node_modules", "app.js"))
    (folder / "node_modules").symlink_to(packages / "node_modules")
    command = [
        packages / "node_modules" / "esbuild" / "bin" / "esbuild",
        "app.jsx",
        "--bundle",
        "--format=esm",
    ]
    command += [
        "--jsx=automatic",
        "--outfile=app.js",
        f"--alias:livegraph-client={ROOT / 'client' / 'index.js'}",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr

    async def run() -> None:
        async with opened(folder, "voice_agent") as page:
            await page.get_by_role("button", name="Call").click()
            await expect(page.locator("li").first).to_contain_text("agent: ", timeout=20_000)
            await page.get_by_role("textbox").fill("Hello")
            await page.keyboard.press("Enter")
            await expect(page.locator("li", has_text="user: Hello")).to_have_count(1)
            await page.get_by_role("button", name="Hang up").click()
            await expect(page.get_by_role("status")).to_have_text("ended")

    asyncio.run(run())


def test_the_library_is_served_to_pages_that_may_call_and_to_no_others() -> None:
    """A browser reads it only with the leave of the server, which knows the origins that it allows."""

    async def run() -> None:
        async with serving([echo()], allow_origins=["https://www.example.org"]) as web:
            plain = await web.ask("GET", "/client.js")
            assert plain.status == 200
            assert plain.headers["content-type"].startswith("text/javascript")
            allowed = await web.ask("GET", "/client.js", headers={"Origin": "https://www.example.org"})
            assert allowed.headers["access-control-allow-origin"] == "https://www.example.org"
            foreign = await web.ask("GET", "/client.js", headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in foreign.headers

    asyncio.run(run())


DESK = """
version: 1
inputs:
  caller: {type: text}
agent: {instructions: You are the front desk.}
"""
STAND_INS = """
window.states = []; window.said = []; window.problems = [];
const show = (state) => states.push(state);
const line = (role, utterance, text) => said.push([role, text]);
const tell = (...words) => problems.push(words);
"""
"""What the program of the docs leaves to whoever uses it."""


def test_what_the_docs_show_runs_as_it_stands() -> None:
    """The button's page and the program, from the addresses that they name: the page of a shop on one origin, livegraph
    on another. The program types, mutes, shows the camera and hangs up, and nothing of it fails."""
    text = (ROOT / "docs" / "pages-of-your-own.md").read_text(encoding="utf-8")
    (button,) = re.findall(r"^```html\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (program,) = re.findall(r"^```js\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shop = {
        "/button": button.replace('agent="desk"', """agent="desk" inputs='{"caller": "Ann"}'"""),
        "/program": f'<script type="module">{STAND_INS}{program}window.call = call;</script>',
    }

    async def run() -> None:
        async with Simulator() as simulator, chromium() as browser:
            desk = ServedAgent.of(
                parse_agent(DESK, file="desk.yaml"), resources={LiveConnector: simulator.connector()}
            )
            async with serving([desk], allow_origins=["https://www.example.org"]) as web:

                async def served(route: Route) -> None:
                    address = f"http://127.0.0.1:{web.port}/"
                    url = route.request.url.replace("https://voice.example.org/", address)
                    await route.fulfill(response=await route.fetch(url=url))

                async def shown(route: Route) -> None:
                    body = "<!doctype html><title>Shop</title>" + shop[route.request.url.split(".org")[1]]
                    await route.fulfill(body=body, content_type="text/html")

                context = await browser.browser.new_context(permissions=["microphone", "camera"])
                await context.route("https://voice.example.org/**", served)
                await context.route("https://www.example.org/**", shown)
                page = await context.new_page()
                faults: list[str] = []
                page.on("pageerror", lambda error: faults.append(str(error)))
                await page.goto("https://www.example.org/button")
                await page.get_by_role("button", name="Call the front desk").click()
                await page.get_by_role("button", name="Hang up").click()
                await page.goto("https://www.example.org/program")
                await page.wait_for_function("window.call?.phase === 'ended'")
                assert await page.evaluate("problems") == []
                assert await page.evaluate("said") == [["user", "Is Friday free?"]]
                assert {"connecting", "listening"} <= set(await page.evaluate("states"))
                assert faults == []
                await web.until_free()

    asyncio.run(run())

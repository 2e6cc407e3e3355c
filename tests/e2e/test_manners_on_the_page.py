"""What an agent does besides talking is seen on the page: that it does not listen, how far a tool is, what the caller
has agreed to, who takes over and who is to call back; and who mutes themselves on the page is muted for the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from livegraph.language.load import load_agent
from livegraph.pipeline.events import MuteChanged
from livegraph.processors.gemini_live import LiveConnector
from livegraph.processors.gemini_live.connect import WebSocketConnector
from livegraph.server.calls import Arrival, ServedAgent
from livegraph.simulator.brain import load_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.browser import chromium
from support.speech import arrange
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

TOOLS = '''
import asyncio

from livegraph.processors.tools import ToolContext, tool


@tool(confirm="Shall I book it?")
async def book(call: ToolContext) -> str:
    """Book."""
    call.progress("asking the diary", fraction=0.25)
    await asyncio.sleep(4)
    return "booked"
'''

BRAIN = """
version: 1
rules:
  - {hear: book it, call: {tool: book, args: {}}, say_result: "It is {result}.", say_error: Shall I book it?}
  - {hear: yes please, call: {tool: book, args: {}}, say_result: "It is {result}."}
  - {hear: a mechanic, call: {tool: hand_over_to_otto, args: {reason: broken}}}
  - {hear: a person, call: {tool: transfer_to_anna, args: {reason: wish, summary: none}}}
fallback: Pardon?
"""

AGENT = """
version: 1
agent: {tools: [./tools.py]}
agents:
  mia: {instructions: You are Mia., hand_over: [otto]}
  otto: {instructions: You are Otto., hand_over: [anna]}
  anna: {description: a person, transfer: {number: +44 20 7946 0000}}
conversation:
  opening: {greeting: Good morning and welcome to the front desk!, mute: until_heard}
"""


def test_the_page_shows_what_the_agent_does_besides_talking(tmp_path: Path) -> None:
    async def main() -> None:
        for name, text in (("tools.py", TOOLS), ("agent.yaml", AGENT), ("brain.yaml", BRAIN)):
            (tmp_path / name).write_text(text)
        agent = load_agent(tmp_path / "agent.yaml")
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        brain = load_brain(tmp_path / "brain.yaml")
        async with Simulator(scripts={"agent": brain}, ears=NoEars(), voice=TonesVoice()) as simulator:
            port = await simulator.serve("127.0.0.1", 0)
            connector = WebSocketConnector(f"ws://127.0.0.1:{port}/agents/agent", "simulator")
            served = ServedAgent.of(agent, resources={LiveConnector: connector})
            muted: list[bool] = []

            def watch(_: object, arrival: Arrival) -> None:
                arrival.subscribe(MuteChanged, lambda event: muted.append(event.muted))

            async with (
                serving([served], on_call=watch) as web,
                chromium(microphone=quiet) as browser,
            ):
                opened = await browser.open(f"http://localhost:{web.port}/")
                page = opened.page
                hint, entries = page.locator("#hint"), page.locator("#transcript")

                async def write(text: str) -> None:
                    await page.locator("#text").fill(text)
                    await page.keyboard.press("Enter")

                await page.click("#call")
                await expect(hint).to_have_text("The agent does not listen at the moment.", timeout=20_000)
                await expect(entries).to_contain_text("Good morning", timeout=20_000)
                await expect(hint).not_to_have_text(
                    "The agent does not listen at the moment.", timeout=20_000
                )
                assert muted == [True, False]

                await page.click("#mute")
                await expect(hint).to_have_text("You are muted.")
                await asyncio.wait_for(until(lambda: muted == [True, False, True]), 20)
                await page.click("#mute")
                await asyncio.wait_for(until(lambda: muted == [True, False, True, False]), 20)

                await write("book it")
                # To its end: a yes over the question makes the model's next wish a repetition of this one.
                asked = entries.locator('[data-role="agent"][data-final="true"]', has_text="Shall I book it?")
                await expect(asked).to_have_count(1, timeout=20_000)
                await write("yes please")
                await expect(entries).to_contain_text("You agreed: book", timeout=20_000)
                await expect(entries.locator(".tool-status").last).to_have_text("asking the diary · 25 %")
                await expect(entries).to_contain_text("It is booked", timeout=20_000)

                await write("a mechanic")
                await expect(entries).to_contain_text("mia hands over to otto", timeout=20_000)
                await write("a person")
                await expect(entries).to_contain_text("You are being passed on to anna", timeout=20_000)
                await expect(entries.locator("a")).to_have_attribute("href", "tel:+442079460000")
                assert opened.errors == []
                await page.click("#hangup")

    asyncio.run(main())


async def until(so: Callable[[], bool]) -> None:
    while not so():
        await asyncio.sleep(0.02)

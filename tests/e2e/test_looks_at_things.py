"""An agent that sees: what a camera shows to Chromium reaches the model as pictures, and not before it is asked for."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.async_api import expect

from livegraph.language.load import load_agent
from livegraph.pipeline.graph.plan import make_plan
from livegraph.processors.gemini_live import LiveConnector
from livegraph.processors.gemini_live.connect import WebSocketConnector
from livegraph.server.calls import ServedAgent
from livegraph.simulator.brain import load_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.recording import WireEvent
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.browser import chromium
from support.films import red_and_blue
from support.shipped import SHIPPED_AGENTS
from support.speech import arrange
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

AGENT = next(path for path in SHIPPED_AGENTS if path.stem == "looks_at_things")


class Wire:
    """The pictures that came to the simulator."""

    def __init__(self) -> None:
        self.jpegs: list[bytes] = []

    def note(self, event: WireEvent) -> None:
        if event.direction == "in" and event.kind == "message":
            video: Any = json.loads(event.data).get("realtimeInput", {}).get("video")
            if video:
                assert video["mimeType"] == "image/jpeg"
                self.jpegs.append(base64.b64decode(video["data"]))


def decoded(jpeg: bytes) -> np.ndarray:
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_the_agent_sees_what_the_camera_shows(tmp_path: Path) -> None:
    """Nothing goes out before the button is pressed; then a picture a second, in colour; after it, none again."""

    async def main() -> None:
        wire = Wire()
        brain = load_brain(AGENT.with_name("looks_at_things.brain.yaml"))
        loaded = load_agent(AGENT)
        quiet = arrange(tmp_path / "quiet.wav", 1.0)
        async with Simulator(
            scripts={"agent": brain}, ears=NoEars(), voice=TonesVoice(), record=wire.note
        ) as simulator:
            port = await simulator.serve("127.0.0.1", 0)
            connector = WebSocketConnector(f"ws://127.0.0.1:{port}/agents/agent", "simulator")
            served = ServedAgent(
                "agent", make_plan(loaded.graph, loaded.turns), resources={LiveConnector: connector}
            )
            assert served.sees
            async with (
                serving([served]) as web,
                chromium(microphone=quiet, camera=red_and_blue(tmp_path / "film.y4m")) as browser,
            ):
                opened = await browser.open(f"http://localhost:{web.port}/")
                page = opened.page
                await page.click("#call")
                await expect(page.locator("#pictures")).to_be_visible(timeout=20_000)
                await asyncio.sleep(1)
                assert wire.jpegs == []
                await page.click("#camera")
                await expect(page.locator("#shown")).to_be_visible()
                await expect(page.locator("#camera")).to_have_attribute("aria-pressed", "true")
                async with asyncio.timeout(80):
                    while len(wire.jpegs) < 3:
                        await asyncio.sleep(0.1)
                for jpeg in wire.jpegs:
                    pixels = decoded(jpeg).astype(int)
                    height, width = pixels.shape[:2]
                    red, blue = pixels[height // 2, width // 4], pixels[height // 2, 3 * width // 4]
                    assert red[0] > 150 > 90 > red[2]
                    assert blue[2] > 150 > 90 > blue[0]
                await page.click("#camera")
                await expect(page.locator("#shown")).to_be_hidden()
                await asyncio.sleep(1.5)
                count = len(wire.jpegs)
                await asyncio.sleep(2)
                assert len(wire.jpegs) == count
                assert opened.errors == []
                await page.click("#hangup")

    asyncio.run(main())

"""The camera and the screen by Pipecat's client in Chromium: what they show arrives at the agent, in colour."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from livegraph.pipeline import SECOND, Graph, In, Processor
from livegraph.pipeline.frames import AudioFrame, VideoFrame
from livegraph.server.calls import ServedAgent
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.browser import chromium
from support.films import red_and_blue
from support.pipecat_clients import PINNED, client_page, client_site
from support.speech import arrange
from support.web import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


class Eye(Processor):
    """Looks twice a second, and keeps the colours of both halves."""

    seen: ClassVar[list[tuple[np.ndarray, np.ndarray]]] = []

    audio: In[AudioFrame] = In()
    video: In[VideoFrame] = In()

    async def start(self) -> None:
        """Ask for pictures."""
        self.video.advertised = SECOND // 2

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing."""

    def on_video(self, frame: VideoFrame) -> None:
        """Look."""
        height, width = frame.pixels.shape[:2]
        self.seen.append((frame.pixels[height // 2, width // 4], frame.pixels[height // 2, 3 * width // 4]))


def watcher() -> ServedAgent:
    """An agent that does nothing else."""
    graph = Graph("watcher")
    graph.add("mic", WebRTCIn)
    graph.add("eye", Eye)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "eye.audio")
    graph.connect("mic.video", "eye.video")
    graph.connect("mic.audio", "ear")
    return ServedAgent("watcher", graph.plan())


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with the client."""
    folder = tmp_path_factory.mktemp("pictures")
    with client_site(request, folder, "pipecat-pinned", client_page, *PINNED) as address:
        yield address


def test_camera_and_screen_arrive(site: str, tmp_path: Path) -> None:
    """First the camera; then the screen is shared and the camera is off, on the same connection."""
    Eye.seen.clear()

    async def until(sees: str) -> None:
        async with asyncio.timeout(60):
            while True:
                for left, right in Eye.seen[-1:]:
                    red_blue = left[0] > 150 > 90 > left[2] and right[2] > 150 > 90 > right[0]
                    green = left[1] > 150 > 90 > left[0] and right[1] > 150 > 90 > right[2]
                    if red_blue if sees == "camera" else green:
                        return
                await asyncio.sleep(0.1)

    async def run() -> None:
        film, quiet = red_and_blue(tmp_path / "film.y4m"), arrange(tmp_path / "quiet.wav", 1.0)
        async with serving([watcher()]) as web, chromium(microphone=quiet, camera=film) as browser:
            shown = await browser.open(site)
            await shown.page.wait_for_function("window.loaded")
            await shown.page.evaluate("make({ camera: true })")
            async with asyncio.timeout(60):
                await shown.page.evaluate(
                    "endpoint => client.startBotAndConnect({ endpoint, requestData: { transport: 'webrtc' } })",
                    f"http://127.0.0.1:{web.port}/start",
                )
            await until("camera")
            await shown.page.evaluate("client.enableScreenShare(true)")
            await shown.page.evaluate("client.enableCam(false)")
            await until("screen")
            await shown.page.evaluate("client.disconnect()")
            await web.until_free()

    asyncio.run(run())

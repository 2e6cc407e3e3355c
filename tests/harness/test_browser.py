"""The browser harness: what the fake microphone says crosses a WebRTC call and is recorded at its end."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from support.browser import chromium
from support.speech import RATE, arrange, levels_db, recorded, resampled

pytestmark = pytest.mark.browser

# A page that calls itself: the microphone goes through a whole WebRTC call (ICE, DTLS, Opus) and back.
_PAGE = """<!doctype html><title>loop</title><script type="module">
const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
a.onicecandidate = ({candidate}) => b.addIceCandidate(candidate);
b.onicecandidate = ({candidate}) => a.addIceCandidate(candidate);
b.onconnectionstatechange = () => { document.title = b.connectionState; };
try {
  const microphone = await navigator.mediaDevices.getUserMedia({audio: true});
  microphone.getTracks().forEach((track) => a.addTrack(track, microphone));
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
} catch (error) {
  document.title = error.name;
  console.error('call failed');
}
</script>"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = _PAGE.encode() if self.path == "/" else b""
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        # As strict as a real page may be: the recorder must get through.
        self.send_header("Content-Security-Policy", "default-src 'self'; script-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _serve() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.leaks
def test_microphone_speech_is_heard_and_recorded(tmp_path: Path) -> None:
    """The recording holds the utterance once: loud where it was loud, silent where it was silent."""
    utterance = recorded("do_something")
    wav = arrange(tmp_path / "microphone.wav", 1.0, utterance, 1.0)

    async def call() -> None:
        async with chromium(microphone=wav) as browser:
            page = await browser.open(url)
            spoken_s = np.sum(levels_db(utterance.pcm, RATE) > -45) * 0.02
            await page.wait_until_heard(seconds=0.7 * spoken_s)
            await asyncio.sleep(2.0)
            heard = await page.heard()
            assert await page.page.title() == "connected"
            assert page.errors == []
            assert heard.rate == 48_000
            assert 0.6 * spoken_s < heard.loud_seconds() < 1.4 * spoken_s
            assert _similarity(heard.pcm, utterance.pcm) > 0.7

    with _serve() as url:
        asyncio.run(call())


def test_speaking_on_command_is_heard(tmp_path: Path) -> None:
    """`say` speaks at the moment it is called, over a silent microphone, and returns when all is said."""
    wav = arrange(tmp_path / "silence.wav", 1.0)
    utterance = recorded("go_forward")

    async def call() -> None:
        async with chromium(microphone=wav) as browser:
            page = await browser.open(url, speak=True)
            async with asyncio.timeout(10):
                while await page.page.title() != "connected":
                    await asyncio.sleep(0.05)
            assert (await page.heard()).loud_seconds() == 0
            await page.say(utterance)
            await asyncio.sleep(1.0)
            assert _similarity((await page.heard()).pcm, utterance.pcm) > 0.7
            assert page.errors == []

    with _serve() as url:
        asyncio.run(call())


def test_refused_microphone_is_refused() -> None:
    """A page that may not use the microphone gets a refusal's error, and its console errors are kept."""

    async def call() -> None:
        async with chromium(allowed=False) as browser:
            page = await browser.open(url)
            async with asyncio.timeout(10):
                while await page.page.title() != "NotAllowedError":
                    await asyncio.sleep(0.05)
            assert page.errors == ["call failed"]
            heard = await page.heard()
            assert heard.seconds == 0

    with _serve() as url:
        asyncio.run(call())


def _similarity(heard: np.ndarray, said: np.ndarray) -> float:
    """The best correlation of the two loudness curves over all delays: 1 is the same."""
    curve, wanted = (np.maximum(levels_db(pcm, RATE), -60) for pcm in (resampled(heard, 48_000, RATE), said))
    wanted = wanted - wanted.mean()
    best = 0.0
    for start in range(len(curve) - len(wanted) + 1):
        part = curve[start : start + len(wanted)] - curve[start : start + len(wanted)].mean()
        norm = np.linalg.norm(part) * np.linalg.norm(wanted)
        best = max(best, float(part @ wanted / norm) if norm else 0.0)
    return best

"""FFmpeg's WHIP muxer, as PyAV brings it: an encoder of somebody else's calls, and is heard."""

import asyncio
import datetime
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from livegraph.audio import Pcm
from livegraph.pipeline import AudioFrame, Graph, In, Processor
from livegraph.server.calls import ServedAgent
from livegraph.server.tls import self_signed
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from support.web import serving

FFMPEG = """
import sys, time
import av
import numpy as np

address, certificate, key = sys.argv[1:]
options = {"cert_file": certificate, "key_file": key} if certificate else {}
out = av.open(address, "w", format="whip", options=options)
sound = out.add_stream("libopus", rate=48_000)
sound.layout, sound.bit_rate = "stereo", 64_000
picture = out.add_stream("libx264", rate=25)
picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
picture.options = {"profile": "baseline", "tune": "zerolatency", "preset": "ultrafast", "bf": "0", "g": "25"}
for number in range(75):
    frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), number, np.uint8), "rgb24")
    frame.pts = number
    for packet in picture.encode(frame):
        out.mux(packet)
    times = np.arange(1_920) + number * 1_920
    wave = (8_000 * np.sin(2 * np.pi * 440 * times / 48_000)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None, :], "s16", "stereo")
    frame.sample_rate, frame.pts = 48_000, number * 1_920
    for packet in sound.encode(frame):
        out.mux(packet)
    time.sleep(0.04)
out.close()
"""


class Ear(Processor):
    """Keeps what it hears."""

    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    heard: ClassVar[list[Pcm]] = []

    def on_audio(self, frame: AudioFrame) -> None:
        """Keep it."""
        self.heard.append(frame.samples)


def test_ffmpeg_calls_and_is_heard(tmp_path: Path) -> None:
    """With a certificate of P-256: the one that FFmpeg makes itself where it is built with GnuTLS has a curve of 224
    bits, which OpenSSL 4 does not take (docs/whip.md)."""
    av = pytest.importorskip("av")
    if "whip" not in av.formats_available:
        pytest.skip("this PyAV has no WHIP muxer")
    certificate, key = self_signed(tmp_path / "tls", ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
    graph = Graph("ear")
    graph.add("mic", WebRTCIn)
    graph.add("ear", Ear)
    graph.connect("mic.audio", "ear")
    Ear.heard.clear()

    async def run() -> None:
        async with serving([ServedAgent("ear", graph.plan())]) as web:
            address = f"http://127.0.0.1:{web.port}/whip/ear"
            command = [sys.executable, "-c", FFMPEG, address, str(certificate), str(key)]
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
            await web.until_free()
            assert 'reason="hung_up"} 1.0' in web.desk.metrics.text().decode()

    asyncio.run(run())
    heard = np.concatenate(Ear.heard)
    assert len(heard) / 16_000 > 2
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert float(np.argmax(spectrum)) * 16_000 / len(heard) == pytest.approx(440, abs=3)

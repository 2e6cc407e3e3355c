"""The same voice agent on aiortc as it comes: what ours is measured against.

    python benchmarks/stock_aiortc.py ws://127.0.0.1:PORT

One peer connection for each call with aiortc's own receivers, senders, decoders and encoders; sound up to the model
in pieces of 20 ms with the same detector beside it, sound of the model down by a track that keeps its own time. It
prints its port, stalls its event loop for as many milliseconds as a line on stdin says, and tells its lag for ``lag``
as ``media_server.py`` does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
import uvicorn
import uvloop
import websockets
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from media_server import Orders
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from livegraph.audio import SileroVad

RATE = 24_000
SAMPLES = RATE // 50
_calls: set[asyncio.Task[None]] = set()


class Mouth(MediaStreamTrack):
    """The model's sound, 20 ms at a time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.buffer = bytearray()
        self._began = 0.0
        self._count = 0

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now = time.monotonic()
        self._began = self._began or now
        self._count += 1
        await asyncio.sleep(max(0.0, self._began + self._count * 0.02 - now))
        data = bytes(self.buffer[: 2 * SAMPLES])
        del self.buffer[: 2 * SAMPLES]
        pcm = np.frombuffer(data.ljust(2 * SAMPLES, b"\0"), np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._count * SAMPLES, Fraction(1, RATE)
        return frame


async def call(pc: RTCPeerConnection, track: MediaStreamTrack, mouth: Mouth, model: str) -> None:
    """Join a caller to the model until either is gone."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    vad = SileroVad()
    try:
        async with websockets.connect(model, compression=None, max_size=None) as link:
            await link.send('{"setup":{"model":"models/stock"}}')
            await link.recv()

            async def down() -> None:
                async for message in link:
                    content = json.loads(message).get("serverContent") or {}
                    for part in (content.get("modelTurn") or {}).get("parts", ()):
                        mouth.buffer += base64.b64decode(part["inlineData"]["data"])

            reader = asyncio.create_task(down())
            try:
                while True:
                    received = await track.recv()
                    assert isinstance(received, av.AudioFrame)
                    for frame in resampler.resample(received):
                        pcm: Any = frame.to_ndarray().reshape(-1)
                        vad.process(pcm)
                        data = base64.b64encode(pcm.tobytes()).decode()
                        audio = {"mimeType": "audio/pcm;rate=16000", "data": data}
                        await link.send(json.dumps({"realtimeInput": {"audio": audio}}))
            finally:
                reader.cancel()
    except (MediaStreamError, websockets.ConnectionClosed):
        pass
    finally:
        await pc.close()


async def main(model: str) -> None:
    """Serve until stdin ends."""

    async def offer(request: Request) -> JSONResponse:
        given = await request.json()
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        mouth = Mouth()

        @pc.on("track")
        def came(track: MediaStreamTrack) -> None:
            task = asyncio.create_task(call(pc, track, mouth, model))
            _calls.add(task)
            task.add_done_callback(_calls.discard)

        @pc.on("datachannel")
        def opened(channel: Any) -> None:
            channel.send('{"type":"ready"}')

        await pc.setRemoteDescription(RTCSessionDescription(given["sdp"], "offer"))
        pc.addTrack(mouth)
        await pc.setLocalDescription(await pc.createAnswer())
        return JSONResponse({"sdp": pc.localDescription.sdp, "type": "answer", "pc_id": "stock"})

    app = Starlette(routes=[Route("/api/offer", offer, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    orders = Orders(lambda: setattr(server, "should_exit", True))
    await serving
    orders.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))

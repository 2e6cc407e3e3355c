"""Callers over WebRTC for benchmarks: they cost little, so that many of them fit beside the server on one machine.

What they send was encoded beforehand. What they hear is taken straight from the network: neither aiortc's jitter
buffer nor its decoder is in the way.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import urllib.request
from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from livegraph.audio import Pcm, rms_dbfs
from livegraph.transports.webrtc.ice.addresses import machine_addresses
from livegraph.transports.webrtc.opus import OpusEncoder

__all__ = ["Caller", "Microphone", "packets", "trimmed"]

_PACKET_S = 0.02
_SPEECH_DB = -45.0
_QUIET_S = 0.25
"""No pause of the agent's voice is longer."""


class Microphone(MediaStreamTrack):
    """Opus packets at their time: a room's faint noise, and words when there are any to say."""

    kind = "audio"

    def __init__(self, room: Sequence[bytes]) -> None:
        super().__init__()
        self._room = itertools.cycle(room)
        self._words: itertools.chain[bytes] = itertools.chain()
        self._began = self._sent = 0.0
        self._count = 0
        self._said: asyncio.Future[float] | None = None

    def loop(self, words: Sequence[bytes]) -> None:
        """Say this again and again."""
        self._words = itertools.chain.from_iterable(itertools.repeat(words))

    async def say(self, words: Sequence[bytes]) -> float:
        """Say this once; returns when the last of it was recorded, as a browser would have it."""
        self._words, self._said = itertools.chain(words), asyncio.get_running_loop().create_future()
        return await self._said

    async def recv(self) -> av.Packet[Any]:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        self._count += 1
        await asyncio.sleep(self._began + self._count * _PACKET_S - loop.time())
        data = next(self._words, None)
        if data is None and self._said is not None:
            # The packet before this one was the last.
            if not self._said.done():
                self._said.set_result(self._sent)
            self._said = None
        self._sent = loop.time()
        packet: av.Packet[Any] = av.Packet(data or next(self._room))
        packet.pts, packet.time_base = self._count * 960, Fraction(1, 48_000)
        return packet


class Caller:
    """One call. ``sounds`` are the times at which packets with sound in them came."""

    def __init__(self, room: Sequence[bytes]) -> None:
        self.microphone = Microphone(room)
        self.sounds: list[float] = []
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._decoder: Any = av.CodecContext.create("libopus", "r")
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._pc.addTrack(self.microphone)
        self._pc.createDataChannel("livegraph").on("message", lambda _: self._ready.set())

    async def open(self, page: str, agent: str) -> None:
        """Call; returns when the agent is ready."""
        (transceiver,) = self._pc.getTransceivers()
        receiver: Any = transceiver.receiver
        receiver._handle_rtp_packet = self._heard
        # aioice leaves out loopback, which is all that a machine without a network has.
        with patch("aioice.ice.get_host_addresses", _addresses):
            await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = {"sdp": self._pc.localDescription.sdp, "type": "offer", "agent": agent}
        answer = await asyncio.to_thread(_post, f"{page}api/offer", offer)
        await self._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        async with asyncio.timeout(10):
            await self._ready.wait()

    async def close(self) -> None:
        """Hang up."""
        self.microphone.stop()
        await self._pc.close()

    async def first_sound(self, after: float) -> float:
        """When the first sound after this time came."""
        async with asyncio.timeout(10):
            while not self.sounds or self.sounds[-1] <= after:
                self._news.clear()
                await self._news.wait()
        return next(at for at in self.sounds if at > after)

    def silent_at(self, after: float) -> float:
        """From when on it was quiet."""
        last = after
        for at in self.sounds:
            if at > after:
                if at - last > _QUIET_S:
                    break
                last = at + _PACKET_S
        return last

    async def _heard(self, packet: Any, arrival_time_ms: int) -> None:
        if len(packet.payload) <= 3:
            # An empty packet, which is digital silence.
            return
        for frame in self._decoder.decode(av.Packet(packet.payload)):
            if rms_dbfs(frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.int16)) > _SPEECH_DB:
                self.sounds.append(asyncio.get_running_loop().time())
                self._news.set()


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return [address for address in machine_addresses() if (use_ipv6 if ":" in address else use_ipv4)]


def _post(url: str, body: object) -> Any:
    """JSON from an address, after a POST of JSON."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


def packets(pcm: Pcm, rate: int) -> list[bytes]:
    """The sound as Opus."""
    encoder = OpusEncoder(rate)
    whole = len(pcm) // encoder.samples * encoder.samples
    return [encoder.encode(piece) for piece in pcm[:whole].reshape(-1, encoder.samples)]


def trimmed(pcm: Pcm, rate: int) -> Pcm:
    """From the first to the last 20 ms with speech in them."""
    size = rate // 50
    loud = [at for at in range(0, len(pcm) - size, size) if rms_dbfs(pcm[at : at + size]) > _SPEECH_DB + 10]
    return pcm[loud[0] : loud[-1] + size]

"""A caller for ``bench_media``: it notes what it sends and when, what it loses on purpose, and what it hears."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from callers import _addresses, trimmed

from livegraph.audio import Pcm, read_wav
from livegraph.transports.webrtc.opus import OpusDecoder, OpusEncoder

__all__ = ["MediaCaller", "speech_packets"]

_SPEECH = Path(__file__).resolve().parents[1] / "tests" / "data" / "speech"
_QUIET_BYTES = 12
"""A packet of silence is not larger."""


def speech_packets() -> tuple[list[bytes], Pcm]:
    """Some seconds of people's words as Opus with copies for lost packets, and how they sound at 16 kHz."""
    pcm = np.concatenate(
        [trimmed(*read_wav(_SPEECH / f"{name}.wav")) for name in ("amiable", "go_forward", "do_something")]
    )
    encoder = OpusEncoder(16_000, fec=True, loss_percent=20)
    whole = len(pcm) // 320 * 320
    payloads = [encoder.encode(piece) for piece in pcm[:whole].reshape(-1, 320)]
    decoder = OpusDecoder(16_000)
    return payloads, np.concatenate([decoder.decode(payload) for payload in payloads])


class _Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, caller: MediaCaller) -> None:
        super().__init__()
        self._caller = caller
        self._began = 0.0

    async def recv(self) -> av.Packet[Any]:
        caller = self._caller
        while True:
            if self.readyState != "live":
                raise MediaStreamError
            now = time.monotonic()
            self._began = self._began or now
            number = caller.count
            await asyncio.sleep(max(0.0, self._began + number * 0.02 - now))
            caller.count += 1
            caller.sent_at.append(time.monotonic())
            packet: av.Packet[Any] = av.Packet(caller.packets[number % len(caller.packets)])
            packet.pts, packet.time_base = number * 960, Fraction(1, 48_000)
            return packet


class MediaCaller:
    """One call.

    Args:
        packets: what it says, again and again.
        loss: the share of its packets that it loses at random; below 0, each packet with that distance, alone.
    """

    def __init__(self, packets: Sequence[bytes], loss: float = 0.0) -> None:
        self.packets = packets
        self.count = 0
        self.sent_at: list[float] = []
        self.lost: set[int] = set()
        self.heard: list[tuple[float, int, bool]] = []
        """When each packet came, its sequence number, and whether there is sound in it."""
        self.answered_s = self.connected_s = 0.0
        self._loss = loss
        self._chance = random.Random(7)
        self._first: int | None = None
        self._microphone = _Microphone(self)
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._ready = asyncio.Event()
        self._pc.addTrack(self._microphone)
        self._pc.createDataChannel("livegraph").on("message", lambda _: self._ready.set())

    async def open(self, url: str) -> None:
        """Call; returns when the agent is ready."""
        (transceiver,) = self._pc.getTransceivers()
        receiver: Any = transceiver.receiver
        receiver._handle_rtp_packet = self._hear
        with patch("aioice.ice.get_host_addresses", _addresses):
            await self._pc.setLocalDescription(await self._pc.createOffer())
        began = time.monotonic()
        offer = {"sdp": self._pc.localDescription.sdp, "type": "offer"}
        answer = await asyncio.to_thread(_post, url, offer)
        self.answered_s = time.monotonic() - began
        connected = asyncio.Event()

        def changed() -> None:
            if self._pc.connectionState == "connected":
                connected.set()

        self._pc.on("connectionstatechange", changed)
        self._lose_some(transceiver.sender.transport)
        await self._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        async with asyncio.timeout(60):
            await connected.wait()
            self.connected_s = time.monotonic() - began
            await self._ready.wait()

    async def close(self) -> None:
        """Hang up."""
        self._microphone.stop()
        await self._pc.close()

    def _lose_some(self, transport: Any) -> None:
        send = transport._send_rtp

        async def lossy(data: bytes) -> None:
            # RTCP is never lost. The first packet tells where the count begins.
            if 192 <= data[1] <= 223:
                await send(data)
                return
            sequence = int.from_bytes(data[2:4], "big")
            if self._first is None:
                self._first = sequence
            number = sequence - self._first & 0xFFFF
            if self._is_lost(number):
                self.lost.add(number)
            else:
                await send(data)

        transport._send_rtp = lossy

    def _is_lost(self, number: int) -> bool:
        if self._loss < 0:
            return number % round(-1 / self._loss) == 5
        return self._chance.random() < self._loss

    async def _hear(self, packet: Any, arrival_time_ms: int) -> None:
        loud = len(packet.payload) > _QUIET_BYTES
        self.heard.append((time.monotonic(), packet.sequence_number, loud))


def _post(url: str, body: object) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())

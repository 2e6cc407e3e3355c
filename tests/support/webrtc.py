"""A caller in the same process: aiortc's own peer, with a tone as its voice, that records what it hears."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack

from livegraph.audio import Pcm
from livegraph.transports.webrtc.ice.addresses import machine_addresses
from livegraph.transports.webrtc.peer import Peer

__all__ = ["Caller", "pitch"]

RATE = 48_000


def pitch(pcm: Pcm, rate: int = RATE) -> float:
    """The strongest frequency in hertz."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(spectrum.argmax() * rate / len(pcm))


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return [address for address in machine_addresses() if (use_ipv6 if ":" in address else use_ipv4)]


class Tone(AudioStreamTrack):
    """A sine in aiortc's own time."""

    def __init__(self, hertz: float) -> None:
        super().__init__()
        self._hertz = hertz
        self._at = 0

    async def recv(self) -> av.AudioFrame:
        silent = await super().recv()
        samples = RATE // 50
        times = (self._at + np.arange(samples)) / RATE
        self._at += samples
        wave = np.round(8_000 * np.sin(2 * np.pi * self._hertz * times)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = silent.pts * RATE // 8_000  # type: ignore[operator]
        return frame


class Caller:
    """What a browser does: it sends a tone, or ``voice``, or nothing if ``hertz`` is ``None``.

    ``heard`` and ``messages`` grow while the call lasts.
    """

    def __init__(
        self, hertz: float | None = 440.0, voice: MediaStreamTrack | None = None, *, label: str = "livegraph"
    ) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channel: RTCDataChannel = self.pc.createDataChannel(label)
        self.heard: list[Pcm] = []
        self.messages: list[dict[str, Any]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.opened = asyncio.Event()
        """Set once its channel has been open, however shortly."""
        self.channel.on("open", self.opened.set)
        self.channel.on("message", lambda data: self.messages.append(json.loads(data)))
        self.pc.on("track", lambda track: self._tasks.append(asyncio.create_task(self._listen(track))))
        if hertz is None:
            self.pc.addTransceiver("audio", direction="recvonly")
        else:
            self.pc.addTrack(voice or Tone(hertz))

    async def offer(self) -> str:
        """An offer with all candidates."""
        # aioice leaves out loopback, which is all that a machine without a network has.
        with patch("aioice.ice.get_host_addresses", _addresses):
            await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def answered(self, peer: Peer) -> None:
        """Take the answer."""
        await self.pc.setRemoteDescription(RTCSessionDescription(peer.answer.sdp, peer.answer.type))

    async def call(self, **options: Any) -> Peer:
        """Offer, be answered, connect."""
        peer = await Peer.accept(await self.offer(), **options)
        await self.answered(peer)
        await peer.connected()
        while self.channel.readyState != "open":
            await asyncio.sleep(0.005)
        return peer

    def say(self, **message: Any) -> None:
        """Send a message."""
        self.channel.send(json.dumps(message))

    def recent(self, seconds: float) -> Pcm:
        """The newest sound."""
        pcm = np.concatenate(self.heard) if self.heard else np.zeros(0, np.int16)
        return pcm[-round(seconds * RATE) :]

    def vanish(self) -> None:
        """Be killed: from now on nothing goes out any more."""
        for transceiver in self.pc.getTransceivers():
            connection: Any = transceiver.receiver.transport.transport._connection
            for protocol in connection._protocols:
                protocol.transport.sendto = lambda *_: None

    async def hang_up(self) -> None:
        """Close as a browser does."""
        await self.pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame: Any = await track.recv()
                self.heard.append(frame.to_ndarray().reshape(-1, 2)[:, 0])
        except MediaStreamError:
            return

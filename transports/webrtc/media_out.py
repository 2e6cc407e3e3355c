"""Sound to a caller. Behind ``AudioSender``, so that the way it travels can be replaced."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any, Protocol

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from ...audio import Pcm
from .opus import SILENCE, OpusEncoder
from .ticker import Ticker

__all__ = ["AudioSender", "OpusTrack", "SampleSource"]

_PACKET_TICKS = 960
_TIME_BASE = Fraction(1, 48_000)
_MOST_AT_ONCE = 10
"""After a hold-up the packets that are due go out at once, up to 200 ms of them: the caller's own buffer
covers as much. What would be more is not lost but comes later."""


class SampleSource(Protocol):
    """What a sender pulls from, such as a ``Speaker``."""

    @property
    def drained(self) -> bool:
        """Whether nothing will ever come again."""
        ...

    def pull(self, samples: int) -> Pcm:
        """The next ``samples`` samples, mono."""
        ...


class AudioSender(Protocol):
    """The way to the caller's ear. It sends silence while nobody plays."""

    async def play(self, source: SampleSource, rate: int) -> None:
        """Send what ``source`` has, 20 ms every 20 ms, until it is drained. What the source raises is raised."""
        ...


class OpusTrack(MediaStreamTrack):
    """An ``AudioSender`` that gives aiortc ready-made packets: its encoder, executor and level meter stay out.

    ``recv`` raises nothing but ``MediaStreamError``, or aiortc would let the caller go deaf. Its time stamps
    follow the clock: one packet in each 20 ms, also through silence.
    """

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._ticker = Ticker.hold()
        self._first = self._sent = -1
        self._source: SampleSource | None = None
        self._encoder: OpusEncoder | None = None
        self._played: asyncio.Future[None] | None = None

    async def play(self, source: SampleSource, rate: int) -> None:
        """Send what ``source`` has until it is drained. ``RuntimeError`` while another plays."""
        if self._source is not None:
            raise RuntimeError("somebody else plays to this caller already")
        self._encoder = OpusEncoder(rate)
        self._played = asyncio.get_running_loop().create_future()
        self._source = source
        try:
            await self._played
        finally:
            self._source = self._encoder = self._played = None

    async def recv(self) -> av.Packet[Any]:
        """The next packet, at its time."""
        if self._first < 0:
            self._first = self._sent = self._ticker.count
        while self.readyState == "live" and self._ticker.count <= self._sent:
            await self._ticker.next()
        if self.readyState != "live":
            raise MediaStreamError
        behind = self._ticker.count - self._sent
        self._sent += max(1, behind - _MOST_AT_ONCE + 1)
        packet: av.Packet[Any] = av.Packet(self._next())
        packet.pts = (self._sent - self._first) * _PACKET_TICKS
        packet.time_base = _TIME_BASE
        return packet

    def stop(self) -> None:
        """End the track; again is fine."""
        if self.readyState == "live":
            self._ticker.release()
        super().stop()

    def _next(self) -> bytes:
        if self._source is None or self._encoder is None or self._played is None or self._played.done():
            return SILENCE
        try:
            payload = self._encoder.encode(self._source.pull(self._encoder.samples))
            if self._source.drained:
                self._played.set_result(None)
        except Exception as error:
            # It is told to whoever plays: aiortc would log it and fall silent.
            self._played.set_exception(error)
            return SILENCE
        return payload

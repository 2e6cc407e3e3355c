"""Sound from a caller. Behind ``AudioReceiver``, so that the way it travels can be replaced."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from ...audio import Pcm

__all__ = ["AudioReceiver", "TrackReceiver"]

_MOST_PIECES = 25
"""Half a second: who is further behind loses the oldest."""


class AudioReceiver(Protocol):
    """The way from the caller's microphone. What comes while nobody listens is dropped."""

    def listen(self, rate: int) -> None:
        """From now on keep what comes, as mono at ``rate``. Listening again drops what is held."""
        ...

    def ignore(self) -> None:
        """Keep nothing more."""
        ...

    async def recv(self) -> Pcm | None:
        """The next piece, as soon as it is there; ``None`` when the microphone is gone for good."""
        ...


class TrackReceiver:
    """An ``AudioReceiver`` on aiortc's own path: its jitter buffer, its decoder thread, its track.

    The track's queues have no bound, so they are emptied always: ``drain`` does that until the track ends.
    """

    def __init__(self) -> None:
        self._pieces: deque[Pcm] = deque(maxlen=_MOST_PIECES)
        self._resampler: av.AudioResampler | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False

    def listen(self, rate: int) -> None:
        """From now on keep what comes, as mono at ``rate``."""
        self._pieces.clear()
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)

    def ignore(self) -> None:
        """Keep nothing more."""
        self._resampler = None
        self._pieces.clear()

    async def recv(self) -> Pcm | None:
        """The next piece; ``None`` at the end. One waits at a time."""
        while not self._pieces:
            if self._ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._pieces.popleft()

    async def drain(self, track: MediaStreamTrack) -> None:
        """Take everything from ``track`` until it ends."""
        try:
            while True:
                frame = await track.recv()
                if self._resampler is not None and isinstance(frame, av.AudioFrame):
                    self._keep(self._resampler, frame)
        except MediaStreamError:
            return
        finally:
            self.end()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._wake()

    def _keep(self, resampler: av.AudioResampler, frame: av.AudioFrame) -> None:
        # The time base of a decoder is not that of the resampler before it; samples are counted here anyway.
        frame.pts = None
        for converted in resampler.resample(frame):
            samples: Any = converted.to_ndarray()
            self._pieces.append(samples.reshape(-1))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done() and (self._pieces or self._ended):
            self._waiter.set_result(None)

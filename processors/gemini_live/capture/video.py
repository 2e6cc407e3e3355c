"""Pictures for the model: the newest one, at most one a second, as JPEG made in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....pipeline.clock import Clock
from ....pipeline.frames import VideoFrame

__all__ = ["PictureFeed", "encode_jpeg"]


class PictureFeed:
    """Keeps the newest picture and hands it on, encoded, every ``interval_ns``; the others are never looked at."""

    def __init__(self, clock: Clock, interval_ns: int, longest_side: int) -> None:
        self._clock = clock
        self._interval_ns = interval_ns
        self._longest_side = longest_side
        self._newest: VideoFrame | None = None
        self._offered = asyncio.Event()

    def offer(self, frame: VideoFrame) -> None:
        """A picture. Returns at once."""
        self._newest = frame
        self._offered.set()

    async def run(self, send: Callable[[bytes], None]) -> None:
        """Hand on pictures until cancelled."""
        while True:
            await self._offered.wait()
            frame, self._newest = self._newest, None
            self._offered.clear()
            if frame is None:
                continue
            began_ns = self._clock.now_ns()
            send(await asyncio.to_thread(encode_jpeg, frame.pixels, self._longest_side))
            await self._clock.sleep_until_ns(began_ns + self._interval_ns)


def encode_jpeg(pixels: NDArray[np.uint8], longest_side: int) -> bytes:
    """RGB of shape ``(height, width, 3)`` as JPEG, made smaller where a side is longer than ``longest_side``."""
    import av

    height, width = pixels.shape[:2]
    scale = min(1.0, longest_side / max(height, width))
    # Colours are kept for two by two pixels, so sides are even.
    size = [max(2, round(side * scale / 2) * 2) for side in (width, height)]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame = frame.reformat(width=size[0], height=size[1], format="yuvj420p")
    codec: Any = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = size[0], size[1], "yuvj420p"
    codec.time_base = Fraction(1)
    codec.options = {"qmin": "3", "qmax": "6"}
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))

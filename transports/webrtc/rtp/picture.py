"""A key frame decoded to RGB. It takes milliseconds: not to be called on an event loop."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt

__all__ = ["MOST_PIXELS", "Pixels", "decode_key_frame"]

Pixels = npt.NDArray[np.uint8]
"""uint8 RGB of shape ``(height, width, 3)``."""

MOST_PIXELS = 4_096 * 2_304
"""Larger pictures are refused, before memory is taken for them."""

_TURNS = {0: 0, 1: 3, 2: 2, 3: 1}


def decode_key_frame(codec: str, data: bytes, rotation: int = 0) -> Pixels | None:
    """The picture; ``None`` when it cannot be decoded or is too large.

    Args:
        codec: ``vp8``, ``vp9`` or ``h264``.
        data: of ``KeyFrame``.
        rotation: by how many quarters the picture is to be turned clockwise (3GPP TS 26.114, section 7.4.5).
    """
    try:
        context: Any = av.CodecContext.create(codec, "r")
        context.thread_count = 1
        context.options = {"max_pixels": str(MOST_PIXELS)}
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        if not frames:
            return None
        pixels: Pixels = frames[-1].to_ndarray(format="rgb24")
    except (av.FFmpegError, ValueError, MemoryError):
        return None
    return np.ascontiguousarray(np.rot90(pixels, _TURNS[rotation & 3])) if rotation else pixels

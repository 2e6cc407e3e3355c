"""What a camera shows, for browsers that take a file for one."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

__all__ = ["red_and_blue"]

_WIDTH, _HEIGHT = 640, 480


def red_and_blue(path: Path) -> Path:
    """Ten pictures in YUV4MPEG2, left half red and right half blue."""
    pixels = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
    pixels[:, : _WIDTH // 2, 0] = 220
    pixels[:, _WIDTH // 2 :, 2] = 220
    planes = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p").to_ndarray()
    header = f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(header + (b"FRAME\n" + planes.tobytes()) * 10)
    return path

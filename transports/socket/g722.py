"""G.722, 64 kb/s: the wideband telephone, by libavcodec."""

from __future__ import annotations

import av
import numpy as np

from ...audio import Pcm
from .codings import CodingError

__all__ = ["G722Decoder", "G722Encoder"]

_RATE = 16_000


class G722Decoder:
    """Decodes one stream to 16 kHz. Each byte holds two samples."""

    def __init__(self) -> None:
        self._codec: av.AudioCodecContext = av.CodecContext.create("g722", "r")
        self._codec.layout = "mono"
        self._codec.sample_rate = _RATE

    def decode(self, payload: bytes) -> Pcm:
        """The samples of a piece. Raises ``CodingError``."""
        try:
            frames = self._codec.decode(av.Packet(payload)) if payload else []
        except av.error.FFmpegError as error:
            raise CodingError(f"this is no g722: {error}") from None
        pieces = [frame.to_ndarray().reshape(-1) for frame in frames]
        return np.concatenate(pieces).astype(np.int16, copy=False) if pieces else np.zeros(0, np.int16)


class G722Encoder:
    """Encodes one stream of 16 kHz."""

    def __init__(self) -> None:
        self._codec: av.AudioCodecContext = av.CodecContext.create("g722", "w")
        self._codec.layout = "mono"
        self._codec.sample_rate = _RATE
        self._codec.format = "s16"

    def encode(self, pcm: Pcm) -> bytes:
        """The bytes of an even number of samples."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None, :], "s16", "mono")
        frame.sample_rate = _RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

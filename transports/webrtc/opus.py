"""Sound to Opus packets of 20 ms, at the rate that the sound has: Opus needs no resampler in front."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from ...audio import Pcm

__all__ = ["PACKET_MS", "RATES", "SILENCE", "OpusEncoder"]

PACKET_MS = 20
RATES = (48_000, 24_000, 16_000, 12_000, 8_000)
"""The rates that Opus takes."""

SILENCE = b"\xf8\xff\xfe"
"""20 ms of nothing: CELT, full band, mono, its silence flag set."""

_QUIET_PACKETS = 5  # 100 ms: the encoder's look-ahead and the end of its ringing are out by then
_OPTIONS = {"application": "voip", "compression_level": "5", "frame_duration": str(PACKET_MS)}


class OpusEncoder:
    """Encodes mono speech.

    Silence costs nothing: libopus works harder on zeros than on speech, so after 100 ms of them a
    constant packet is sent. What follows is encoded from a fresh start, because an encoder that was left out for
    a while no longer knows what the decoder does.

    Args:
        rate: one of ``RATES``.
        bit_rate: bits per second.
    """

    def __init__(self, rate: int, bit_rate: int = 32_000) -> None:
        self.rate = rate
        self.samples = rate * PACKET_MS // 1_000
        """What ``encode`` takes."""
        self._bit_rate = bit_rate
        self._quiet = _QUIET_PACKETS
        self._codec: Any = None

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for ``samples`` samples, mono."""
        self._quiet = 0 if pcm.any() else self._quiet + 1
        if self._quiet > _QUIET_PACKETS:
            self._codec = None
            return SILENCE
        if self._codec is None:
            self._codec = self._fresh()
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self.rate
        packets = self._codec.encode(frame)
        return bytes(packets[0]) if packets else SILENCE

    def _fresh(self) -> Any:
        codec: Any = av.CodecContext.create("libopus", "w")
        codec.sample_rate = self.rate
        codec.layout = "mono"
        codec.format = "s16"
        codec.bit_rate = self._bit_rate
        codec.time_base = Fraction(1, self.rate)
        codec.options = _OPTIONS
        return codec

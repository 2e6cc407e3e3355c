"""Opus by PyAV, for machines without a libopus that can be bound: it encodes and decodes, and little more.

``opus_library().lacks`` says what is missing: settings that change take effect with a fresh encoder, and what was lost
is silence that the last sound fades into.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

from ....audio import Pcm, Resampler, fade_out, silence
from .library import OpusError
from .packets import PACKET_MS, RATES, SILENCE, packet_samples

__all__ = ["AvDecoder", "AvEncoder"]

_CODED_RATE = 48_000
_QUIET_PACKETS = 5
_FADE_MS = 10


class AvEncoder:
    """As ``OpusEncoder``, without FEC for what is under way; see there for the arguments."""

    def __init__(self, rate: int, bit_rate: int = 32_000, *, frame_ms: int = PACKET_MS) -> None:
        if rate not in RATES or frame_ms not in (10, 20, 40, 60):
            raise OpusError(f"Opus has no packets of {frame_ms} ms at {rate} Hz; rates are {RATES}")
        self.rate = rate
        self.samples = rate * frame_ms // 1_000
        self._frame_ms = frame_ms
        self._quiet = _QUIET_PACKETS
        self._codec: Any = None
        self._bit_rate, self._options = bit_rate, self._described(5, False, 0, False)

    def tune(
        self,
        *,
        bit_rate: int,
        complexity: int,
        fec: bool,
        loss_percent: int,
        dtx: bool = False,
        celt: bool = False,
    ) -> None:
        """Encode so after the next silence: PyAV cannot change an encoder that runs, nor tell it the codec."""
        self._bit_rate, self._options = bit_rate, self._described(complexity, fec, loss_percent, dtx)

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for ``samples`` samples, mono. Raises ``OpusError`` for other shapes."""
        if pcm.dtype != np.int16 or pcm.shape != (self.samples,):
            raise OpusError(f"an Opus packet takes int16 of shape ({self.samples},), got {pcm.shape}")
        self._quiet = 0 if pcm.any() else self._quiet + 1
        if self._quiet > _QUIET_PACKETS and self._frame_ms == PACKET_MS:
            self._codec = None
            return SILENCE
        if self._codec is None:
            self._codec = self._fresh()
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = self.rate
        try:
            packets = self._codec.encode(frame)
        except av.FFmpegError as error:
            raise OpusError(f"PyAV could not encode: {error}") from error
        return bytes(packets[0]) if packets else SILENCE

    def _described(self, complexity: int, fec: bool, loss_percent: int, dtx: bool) -> dict[str, str]:
        return {
            "application": "voip",
            "compression_level": str(complexity),
            "frame_duration": str(self._frame_ms),
            "fec": str(int(fec)),
            "packet_loss": str(loss_percent),
            "dtx": str(int(dtx)),
        }

    def _fresh(self) -> Any:
        codec: Any = av.CodecContext.create("libopus", "w")
        codec.sample_rate = self.rate
        codec.layout = "mono"
        codec.format = "s16"
        codec.bit_rate = self._bit_rate
        codec.time_base = Fraction(1, self.rate)
        codec.options = self._options
        return codec


class AvDecoder:
    """As ``OpusDecoder``; what was lost is the last sound, faded, then silence."""

    def __init__(self, rate: int) -> None:
        if rate not in RATES:
            raise OpusError(f"Opus cannot be decoded to {rate} Hz; rates are {RATES}")
        self.rate = rate
        self._last = silence(0)
        self.reset()

    def reset(self) -> None:
        """Forget what was decoded."""
        self._codec: Any = av.CodecContext.create("opus", "r")
        self._codec.sample_rate = _CODED_RATE
        self._codec.layout = "stereo"
        self._resampler = Resampler(_CODED_RATE, self.rate)
        self._held = silence(0)

    def decode(self, packet: bytes) -> Pcm:
        """The sound of ``packet``. Raises ``OpusError`` for what is no Opus."""
        samples = packet_samples(packet) * self.rate // _CODED_RATE
        if not samples:
            raise OpusError("this is no Opus packet")
        try:
            frames = self._codec.decode(av.Packet(packet))
        except (av.FFmpegError, ValueError) as error:
            raise OpusError(f"this is no Opus packet: {error}") from error
        pieces = [self._held, *(self._resampler.process(_mono(frame)) for frame in frames)]
        sound = np.concatenate(pieces)
        # The filter holds back what it cannot tell yet: it comes with the next packet.
        missing = samples - len(sound)
        if missing > 0:
            sound = np.concatenate((silence(missing), sound))
        self._held, self._last = sound[samples:], sound[:samples]
        return self._last

    def decode_fec(self, packet: bytes, samples: int) -> Pcm:
        """As ``conceal``: PyAV does not give the copy."""
        return self.conceal(samples)

    def conceal(self, samples: int) -> Pcm:
        """The end of the last sound turned round and faded, then silence."""
        fade = min(samples, len(self._last), self.rate * _FADE_MS // 1_000)
        turned = fade_out(self._last[len(self._last) - fade :][::-1].copy(), fade)
        self._last = silence(0)
        return np.concatenate((turned, silence(samples - fade)))


def _mono(frame: Any) -> Pcm:
    """A decoded frame, planes of float or of int16, as one channel."""
    planes = frame.to_ndarray()
    if planes.dtype != np.int16:
        planes = np.clip(np.rint(planes * 32_768.0), -32_768, 32_767).astype(np.int16)
    channels = len(frame.layout.channels)
    if planes.shape[0] != channels:
        planes = planes.reshape(-1, channels).T
    mixed: Pcm = (planes.astype(np.int32).sum(axis=0) // channels).astype(np.int16)
    return mixed

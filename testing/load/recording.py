"""What callers send: a recording, or the noise of a room, as packets of Opus."""

from __future__ import annotations

import numpy as np

from ...audio import Pcm, Resampler, rms_dbfs, to_mono
from ...pipeline.errors import LivegraphError
from ...transports.webrtc.opus import OpusEncoder

__all__ = ["packets", "room_noise", "spoken"]

_RATE = 16_000
_ROOM_RMS = 12
"""A room's noise, about -69 dBFS: below what any detector takes for speech."""
_SOUND_DBFS = -55.0
_QUIETER_DB = 35.0
"""What is so much quieter than the loudest 20 ms is the recording's room."""


def packets(pcm: Pcm) -> list[bytes]:
    """Sound of 16 kHz, 20 ms a packet, to its end."""
    encoder = OpusEncoder(_RATE)
    size = encoder.samples
    whole = np.concatenate([pcm, np.zeros(-len(pcm) % size, np.int16)])
    return [encoder.encode(piece) for piece in whole.reshape(-1, size)]


def room_noise() -> Pcm:
    """A second of it, at 16 kHz."""
    return np.random.default_rng(7).normal(0, _ROOM_RMS, _RATE).astype(np.int16)


def spoken(pcm: Pcm, rate: int) -> Pcm:
    """From the first to the last sound of a recording, at 16 kHz: times are taken from what is said, not from its file.

    Raises ``LivegraphError`` for one in which nothing is.
    """
    resampler = Resampler(rate, _RATE)
    one = np.concatenate([resampler.process(to_mono(pcm)), resampler.flush()])
    size = _RATE // 50
    levels = [rms_dbfs(one[at : at + size]) for at in range(0, len(one), size)]
    least = max(_SOUND_DBFS, max(levels, default=_SOUND_DBFS) - _QUIETER_DB)
    loud = [index for index, level in enumerate(levels) if level > least]
    if not loud:
        raise LivegraphError("nobody speaks in the file that callers are to say")
    return one[loud[0] * size : (loud[-1] + 1) * size]

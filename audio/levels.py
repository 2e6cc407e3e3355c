"""How loud PCM is, in dBFS.

0 dBFS is the full scale of int16 (32768): a full-scale square wave measures 0 dB RMS, a sine -3 dB.
"""

from __future__ import annotations

import math

import numpy as np

from .pcm import Pcm, check_pcm

__all__ = ["SILENCE_DBFS", "peak_dbfs", "rms_dbfs"]

SILENCE_DBFS = -120.0
"""What digital silence and empty arrays measure; finite, so that it can be drawn, averaged, sent as JSON."""


def rms_dbfs(pcm: Pcm) -> float:
    """Return the RMS level over all samples and channels in dBFS, `SILENCE_DBFS` at least."""
    check_pcm(pcm)
    if pcm.size == 0:
        return SILENCE_DBFS
    # float32 squares are off by 2^-24 at most: far below what a level means, and twice as fast.
    flat = pcm.ravel().astype(np.float32)
    return _dbfs(math.sqrt(float(np.dot(flat, flat)) / flat.size))


def peak_dbfs(pcm: Pcm) -> float:
    """Return the level of the largest absolute sample in dBFS, `SILENCE_DBFS` at least."""
    check_pcm(pcm)
    if pcm.size == 0:
        return SILENCE_DBFS
    # Not abs(): -32768 has no positive int16.
    return _dbfs(float(max(int(pcm.max()), -int(pcm.min()))))


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 20.0 * math.log10(amplitude / 32_768.0))

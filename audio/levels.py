"""How loud PCM is, in dBFS, and making it louder or softer.

0 dBFS is the full scale of int16 (32768): a full-scale square wave measures 0 dB RMS, a sine -3 dB.
"""

from __future__ import annotations

import math

import numpy as np

from .pcm import Pcm, check_pcm

__all__ = ["SILENCE_DBFS", "amplify", "rms_dbfs"]

SILENCE_DBFS = -120.0
"""What digital silence and empty arrays measure; finite, so that it can be drawn, averaged, sent as JSON."""


def rms_dbfs(pcm: Pcm) -> float:
    """Return the RMS level over all samples and channels in dBFS, `SILENCE_DBFS` at least."""
    check_pcm(pcm)
    if pcm.size == 0:
        return SILENCE_DBFS
    # float32 squares are off by 2^-24 at most: far below what a level means, and twice as fast.
    flat = (pcm if pcm.ndim == 1 else pcm.ravel()).astype(np.float32)
    return _dbfs(math.sqrt(float(flat @ flat) / flat.size))


def amplify(pcm: Pcm, gain_db: float, *, from_db: float | None = None, ramp: int = 0) -> Pcm:
    """Return `pcm` louder by `gain_db`, softer when that is negative; what is too loud then is clipped.

    The first `ramp` samples go from `from_db` to `gain_db`, so that a change of the gain does not click; shorter audio
    gets there at its end. The array is new unless the gain is 0 dB throughout.
    """
    check_pcm(pcm)
    if gain_db == 0 and from_db in (None, 0):
        return pcm
    gains = np.full(len(pcm), _factor(gain_db), np.float32)
    if from_db is not None and from_db != gain_db:
        count = min(ramp, len(pcm))
        gains[:count] = np.linspace(_factor(from_db), _factor(gain_db), count + 1)[1:]
    scaled = pcm * (gains if pcm.ndim == 1 else gains[:, None])
    louder: Pcm = np.clip(np.rint(scaled), -32_768, 32_767).astype(np.int16)
    return louder


def _factor(db: float) -> float:
    return math.pow(10.0, db / 20.0)


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 20.0 * math.log10(amplitude / 32_768.0))

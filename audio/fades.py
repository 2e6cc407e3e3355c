"""Short raised-cosine fades, so that cutting or joining sound does not click.

All functions return new arrays and leave their arguments alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .pcm import AudioError, Pcm, check_pcm

__all__ = ["fade_in", "fade_out"]


def fade_in(pcm: Pcm, samples: int) -> Pcm:
    """Return `pcm` with its first `samples` samples rising from silence; shorter audio fades as a whole."""
    check_pcm(pcm)
    count = _length(samples, pcm)
    faded = pcm.copy()
    faded[:count] = _scaled(pcm[:count], _ramp(count))
    return faded


def fade_out(pcm: Pcm, samples: int) -> Pcm:
    """Return `pcm` with its last `samples` samples falling to silence; shorter audio fades as a whole."""
    check_pcm(pcm)
    count = _length(samples, pcm)
    start = len(pcm) - count
    faded = pcm.copy()
    faded[start:] = _scaled(pcm[start:], _ramp(count)[::-1])
    return faded


def _length(samples: int, pcm: Pcm) -> int:
    if samples < 0:
        raise AudioError(f"a fade cannot last {samples} samples")
    return min(samples, len(pcm))


@lru_cache(maxsize=64)
def _ramp(samples: int) -> npt.NDArray[np.float64]:
    # Sampled between the ends (half a step in), so neither silence nor full volume is repeated at the joint,
    # and the reversed ramp is exactly one minus the ramp.
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(samples) + 0.5) / max(samples, 1))
    ramp.flags.writeable = False
    return ramp


def _shaped(ramp: npt.NDArray[np.float64], pcm: Pcm) -> npt.NDArray[np.float64]:
    return ramp if pcm.ndim == 1 else ramp[:, None]


def _scaled(pcm: Pcm, ramp: npt.NDArray[np.float64]) -> Pcm:
    return np.rint(pcm * _shaped(ramp, pcm)).astype(np.int16)

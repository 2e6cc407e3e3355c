"""Short raised-cosine fades, so that cutting or joining sound does not click.

All functions return new arrays and leave their arguments alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .pcm import AudioError, Pcm, check_pcm

__all__ = ["crossfade", "fade_in", "fade_out"]


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


def crossfade(before: Pcm, after: Pcm, samples: int) -> Pcm:
    """Return `before` and `after` joined, the last `samples` of one melting into the first of the other.

    The weights add up to one, so equal sound on both sides passes unchanged. The result is `samples`
    shorter than both together; where one side is shorter than `samples`, the fade is as long as that.
    Raises `AudioError` when the channel counts differ.
    """
    check_pcm(before)
    check_pcm(after)
    if before.shape[1:] != after.shape[1:]:
        raise AudioError(f"cannot crossfade audio of shapes {before.shape} and {after.shape}")
    count = min(_length(samples, before), len(after))
    start = len(before) - count
    ramp = _shaped(_ramp(count), after)
    mixed = before[start:] * (1.0 - ramp) + after[:count] * ramp
    return np.concatenate((before[:start], np.rint(mixed).astype(np.int16), after[count:]))


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

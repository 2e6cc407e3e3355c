"""Samples as numpy arrays: conversions, silence, and exact arithmetic between samples and time.

Everywhere in this package PCM means `int16`, shape `(samples,)` for one channel or `(samples, channels)`
interleaved. Times are integer nanoseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "AudioError",
    "Float",
    "Pcm",
    "float_to_pcm",
    "from_bytes",
    "ns_to_samples",
    "pcm_to_float",
    "samples_to_ns",
    "silence",
    "to_bytes",
    "to_mono",
]

_PCM = "int16 PCM of shape (samples,) or (samples, channels)"

Pcm = npt.NDArray[np.int16]
"""PCM: int16, shape `(samples,)` or `(samples, channels)`."""

Float = npt.NDArray[np.float32]
"""The same as float32, full scale at [-1, 1)."""

_FULL_SCALE = 32_768.0
_SECOND_NS = 1_000_000_000
_INT16 = np.dtype(np.int16)


class AudioError(ValueError):
    """Audio that cannot be used: the message names the cause and, where there is one, the remedy."""


def check_pcm(pcm: Pcm) -> None:
    """Raise `AudioError` unless `pcm` is int16 with one or two dimensions."""
    # It is the very one nearly always: to compare with a type makes a dtype of that first.
    if (pcm.dtype is not _INT16 and pcm.dtype != _INT16) or pcm.ndim not in (1, 2):
        raise AudioError(f"expected {_PCM}, got {pcm.dtype} of shape {pcm.shape}")


def pcm_to_float(pcm: Pcm) -> Float:
    """Return int16 PCM as float32 in [-1, 1); same shape."""
    check_pcm(pcm)
    return pcm.astype(np.float32) * np.float32(1.0 / _FULL_SCALE)


def float_to_pcm(samples: npt.NDArray[np.floating]) -> Pcm:
    """Return floats (full scale 1.0) as int16: rounded to nearest, clipped, NaN as silence; same shape."""
    # A damaged file has numbers that are none, and numpy warns of some of them.
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.nan_to_num(np.asarray(samples, dtype=np.float64) * _FULL_SCALE, nan=0.0)
    return np.clip(np.rint(scaled), -32_768, 32_767).astype(np.int16)


def to_mono(pcm: Pcm) -> Pcm:
    """Return the mean of all channels, shape `(samples,)`; mono input is returned as it is."""
    check_pcm(pcm)
    if pcm.ndim == 1:
        return pcm
    channels = pcm.shape[1]
    if channels == 0:
        raise AudioError("cannot mix audio of 0 channels")
    if channels == 1:
        return pcm[:, 0]
    # In integers, so that the result is the same on every machine.
    total = pcm.sum(axis=1, dtype=np.int32)
    mean: Pcm = ((total + channels // 2) // channels).astype(np.int16)
    return mean


def from_bytes(data: bytes | bytearray | memoryview, channels: int = 1) -> Pcm:
    """Return signed 16-bit little-endian bytes as PCM; a copy, so it may be written to.

    Raises `AudioError` when the bytes do not hold a whole number of sample frames.
    """
    if channels < 1:
        raise AudioError(f"channels must be at least 1, got {channels}")
    size = memoryview(data).nbytes
    if size % (2 * channels):
        raise AudioError(f"{size} bytes are no whole number of 16-bit samples in {channels} channel(s)")
    pcm = np.frombuffer(data, dtype="<i2").astype(np.int16)
    return pcm if channels == 1 else pcm.reshape(-1, channels)


def to_bytes(pcm: Pcm) -> bytes:
    """Return PCM as signed 16-bit little-endian bytes, channels interleaved."""
    check_pcm(pcm)
    return pcm.astype("<i2", copy=False).tobytes()


def silence(samples: int, channels: int = 1) -> Pcm:
    """Return `samples` samples of silence, shape `(samples,)`, or `(samples, channels)` above one channel."""
    return np.zeros(samples if channels == 1 else (samples, channels), dtype=np.int16)


def samples_to_ns(samples: int, rate: int) -> int:
    """Return how long `samples` samples at `rate` Hz last, in nanoseconds, rounded to nearest."""
    return (samples * _SECOND_NS + rate // 2) // rate


def ns_to_samples(duration_ns: int, rate: int) -> int:
    """Return the number of samples at `rate` Hz nearest to `duration_ns`.

    The inverse of `samples_to_ns`: integers throughout, so a round trip is exact at every audio rate.
    """
    return (duration_ns * rate + _SECOND_NS // 2) // _SECOND_NS

"""The telephone's eight bits: mu-law and A-law (ITU-T G.711), both ways, by tables."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from .pcm import Pcm, check_pcm

__all__ = ["alaw_decode", "alaw_encode", "mulaw_decode", "mulaw_encode"]

_Bytes = npt.NDArray[np.uint8]
_MULAW_BIAS = 33


def mulaw_decode(payload: bytes) -> Pcm:
    """Bytes of mu-law as samples."""
    return _mulaw_samples()[np.frombuffer(payload, np.uint8)]


def mulaw_encode(pcm: Pcm) -> bytes:
    """Samples, shape ``(samples,)``, as mu-law: each the nearest of the 255 values there are."""
    check_pcm(pcm)
    return _mulaw_bytes()[pcm.view(np.uint16)].tobytes()


def alaw_decode(payload: bytes) -> Pcm:
    """Bytes of A-law as samples."""
    return _alaw_samples()[np.frombuffer(payload, np.uint8)]


def alaw_encode(pcm: Pcm) -> bytes:
    """Samples, shape ``(samples,)``, as A-law: each the nearest of the 256 values there are."""
    check_pcm(pcm)
    return _alaw_bytes()[pcm.view(np.uint16)].tobytes()


@cache
def _mulaw_samples() -> Pcm:
    """By byte. A byte holds sign, exponent and mantissa, inverted (G.711, table 2)."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4 & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32)
    size = ((2 * mantissa + _MULAW_BIAS) << exponent) - _MULAW_BIAS
    table: Pcm = (np.where(code & 0x80, -size, size) * 4).astype(np.int16)
    return table


@cache
def _alaw_samples() -> Pcm:
    """By byte. As mu-law, but every other bit is inverted, and the two lowest segments are one (G.711, table 1)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = (code >> 4 & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32)
    size = np.where(exponent == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(exponent - 1, 0))
    table: Pcm = (np.where(code & 0x80, size, -size) * 8).astype(np.int16)
    return table


@cache
def _mulaw_bytes() -> _Bytes:
    # Byte 0x7F is the negative zero, which no sample asks for.
    return _nearest(_mulaw_samples(), leave_out=0x7F)


@cache
def _alaw_bytes() -> _Bytes:
    return _nearest(_alaw_samples())


def _nearest(samples: Pcm, leave_out: int | None = None) -> _Bytes:
    """By sample, as an unsigned number: the byte whose sample is nearest to it."""
    order = np.argsort(samples, kind="stable")
    if leave_out is not None:
        order = order[order != leave_out]
    levels = samples[order].astype(np.int64)
    bounds = (levels[1:] + levels[:-1] + 1) // 2
    every = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int64)
    return order[np.searchsorted(bounds, every, side="right")].astype(np.uint8)

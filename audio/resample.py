"""Streaming sample rate conversion by a polyphase FIR filter, as matrix products.

Exact on purpose: the taps are integers, scaled by 2^24, so every product and sum fits a float64's 53 bits and
no rounding takes place before the last step. Thus the order of the additions does not matter, and the output
is the same bit for bit on every machine and however the input was cut into chunks.

The rates reduce to out/in = L/M. Output n sits at input time n * M / L, and B * L outputs need B * M new
inputs and the same weights again and again. So the input is laid out in rows of B * M samples, and a row of
outputs is one row of inputs times one fixed matrix, plus the beginning of the next row times another.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pcm import AudioError, Pcm

__all__ = ["Resampler"]

_Matrix = npt.NDArray[np.float64]

_LOWEST_RATE = 8_000
_HIGHEST_RATE = 192_000
_MOST_WEIGHTS = 1_000_000
_UNIT = 1 << 24  # a weight of one
# Half the filter's length, in periods of the lower rate: enough for a steep filter, but never above 2 ms.
_MOST_PERIODS = 24
_MOST_DELAY_NS = 2_000_000
_KAISER_BETA = 6.2  # side lobes at about -66 dB
_CUTOFF = 0.49  # of the lower rate: half-way down the slope


class Resampler:
    """Convert a stream of PCM from `in_rate` to `out_rate` Hz.

    Output sample n belongs to the time of input sample n * in_rate / out_rate: nothing is shifted, the output
    is only *held back* by `delay_ns`, until the input that it depends on has come. Equal rates pass through.

    Args:
        in_rate, out_rate: 8000 to 192000 Hz, in a ratio of not too large numbers (all usual rates are).
        channels: 1 for shape `(samples,)`, more for `(samples, channels)`.

    Raises `AudioError` for rates that do not fit.
    """

    __slots__ = ("_emitted", "_held", "_received", "_row", "_tables", "channels", "in_rate", "out_rate")

    def __init__(self, in_rate: int, out_rate: int, channels: int = 1) -> None:
        for rate in (in_rate, out_rate):
            if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
                raise AudioError(f"cannot resample at {rate} Hz: {_LOWEST_RATE} to {_HIGHEST_RATE} Hz can be")
        if channels < 1:
            raise AudioError(f"channels must be at least 1, got {channels}")
        self.in_rate = in_rate
        self.out_rate = out_rate
        self.channels = channels
        self._tables = None if in_rate == out_rate else _tables(in_rate, out_rate)
        self.reset()

    @property
    def delay_ns(self) -> int:
        """How long a sample is held back, in nanoseconds: 2 ms at most."""
        if self._tables is None:
            return 0
        steps_per_second = self.in_rate * self._tables.up
        return (self._tables.half * 1_000_000_000 + steps_per_second // 2) // steps_per_second

    def process(self, pcm: Pcm) -> Pcm:
        """Take any number of samples; return those that can be told now, a new array of the same layout.

        Raises `AudioError` when the shape does not fit `channels`, or when it is not int16.
        """
        shape = pcm.shape[1:]
        if pcm.dtype != np.int16 or shape != (() if self.channels == 1 else (self.channels,)):
            raise AudioError(
                f"expected int16 PCM of {self.channels} channel(s), got {pcm.dtype} of shape {pcm.shape}"
            )
        if self._tables is None:
            return pcm.copy()
        self._received += len(pcm)
        t = self._tables
        # Output n needs the input up to floor((n * M + half) / L).
        ready = max(0, -((t.half - self._received * t.up) // t.down))
        return self._advance(pcm, ready)

    def flush(self) -> Pcm:
        """End the stream: return what was held back, and be as new.

        All outputs together are then ceil(samples * out_rate / in_rate) samples.
        """
        empty = np.zeros(0 if self.channels == 1 else (0, self.channels), np.int16)
        if self._tables is None:
            return empty
        tail = self._advance(empty, -(-self._received * self._tables.up // self._tables.down))
        self.reset()
        return tail

    def reset(self) -> None:
        """Forget the stream, as before its first sample."""
        self._received = 0  # inputs
        self._emitted = 0  # outputs
        self._row = 0  # of outputs: the one that comes next
        lead = 0 if self._tables is None else self._tables.lead
        # The inputs from `lead` before that row on; silence comes before the stream.
        self._held: _Matrix = np.zeros((self.channels, lead))

    def _advance(self, pcm: Pcm, ready: int) -> Pcm:
        """Append `pcm` and return the outputs up to number `ready`; what they need beyond is silence."""
        assert self._tables is not None
        t = self._tables
        have = self._held.shape[1]
        rows = max(0, -(-ready // t.row_out) - self._row)
        total = have + len(pcm)
        data = np.zeros((self.channels, max(total, (rows + 1) * t.row_in)))
        data[:, :have] = self._held
        data[:, have:total] = pcm.T
        first = self._emitted - self._row * t.row_out
        last = ready - self._row * t.row_out
        if last > first:
            width = rows * t.row_in
            this = data[:, :width].reshape(-1, t.row_in)
            following = data[:, t.row_in : t.row_in + width].reshape(-1, t.row_in)
            sums = this @ t.this + following[:, : len(t.following)] @ t.following
            chosen = sums.reshape(self.channels, -1)[:, first:last]
            out = np.rint(np.minimum(np.maximum(chosen, -32_768.0), 32_767.0)).astype(np.int16)
            self._emitted = ready
        else:
            out = np.zeros((self.channels, 0), np.int16)
        done = self._emitted // t.row_out - self._row
        self._row += done
        self._held = data[:, done * t.row_in : total].copy()
        return out[0] if self.channels == 1 else np.ascontiguousarray(out.T)


class _Tables(NamedTuple):
    up: int  # L
    down: int  # M
    half: int  # half the filter's length, in steps of 1 / (in_rate * L)
    lead: int  # inputs that a row of outputs needs before its own
    row_in: int  # B * M
    row_out: int  # B * L
    this: _Matrix  # row_in x row_out
    following: _Matrix  # the part that reaches into the next row


@lru_cache(maxsize=32)
def _tables(in_rate: int, out_rate: int) -> _Tables:
    common = math.gcd(in_rate, out_rate)
    up, down = out_rate // common, in_rate // common
    low = min(in_rate, out_rate)
    periods = min(_MOST_PERIODS, low * _MOST_DELAY_NS // 1_000_000_000)
    half = periods * max(up, down)
    lead = half // up
    # A row and the next have to hold all that a row of outputs sees, `lead` to either side.
    repeat = -(-2 * lead // down)
    row_in, row_out = repeat * down, repeat * up
    if row_out * (row_in + 2 * lead) > _MOST_WEIGHTS:
        raise AudioError(
            f"cannot resample {in_rate} to {out_rate} Hz, a ratio of {up}:{down}: "
            "choose rates with a larger common divisor"
        )
    # weights[i, j]: how input i, counted from `lead` before the row, enters output j.
    steps = (np.arange(row_in + 2 * lead)[:, None] - lead) * up - np.arange(row_out)[None, :] * down
    weights = _quantised(_filter(steps, half, max(up, down)))
    return _Tables(up, down, half, lead, row_in, row_out, weights[:row_in], weights[row_in:])


def _filter(steps: npt.NDArray[np.int_], half: int, period: int) -> _Matrix:
    """Return a Kaiser-windowed sinc at `steps`; zero beyond `half`."""
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (steps / half) ** 2)))
    return np.where(np.abs(steps) <= half, np.sinc(2.0 * _CUTOFF * steps / period) * window, 0.0)


def _quantised(weights: _Matrix) -> _Matrix:
    """Scale each column to a sum of one, in whole multiples of 1 / `_UNIT`.

    The sum is one exactly, so a constant comes out as the same constant in every phase.
    """
    whole = np.rint(weights / weights.sum(axis=0) * _UNIT)
    columns = np.arange(whole.shape[1])
    whole[whole.argmax(axis=0), columns] += _UNIT - whole.sum(axis=0)
    # Division by a power of two keeps the values as exact as the integers were.
    scaled: _Matrix = whole / _UNIT
    return scaled

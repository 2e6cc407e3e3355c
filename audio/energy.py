"""Voice activity by level alone: what is left when no model is at hand.

The level of each window is compared with a noise floor that follows the quietest windows of the last two
seconds, which in speech are the pauses between syllables. Steady noise becomes floor within a second,
because speech is never that steady; music and sudden noises pass for speech.
"""

from __future__ import annotations

import math

import numpy as np

from .levels import SILENCE_DBFS, rms_dbfs
from .pcm import AudioError, Pcm

__all__ = ["EnergyVad"]

_WINDOW = 512
_BLOCK = 8  # windows whose minimum is one value of the floor's history
_BLOCKS = 8  # 8 x 8 x 32 ms = 2.05 s
_START_FLOOR_DBFS = -50.0  # until more is known: a call that opens with speech is heard at once
_LOWEST_FLOOR_DBFS = -75.0  # below any microphone's own noise, so that digital silence sets no trap
_STEADY_DB = 6.0  # the range of levels that only noise keeps to for two blocks, half a second
_MARGIN_DB = 10.0
_SLOPE_DB = 2.0


class EnergyVad:
    """A stand-in for `SileroVad` with the same interface: 512-sample windows of 16 kHz mono PCM.

    Args:
        lowest_dbfs: a window below this RMS level is never speech, however silent the room.
    """

    sample_rate = 16_000
    """The rate it expects, in Hz."""

    window_samples = _WINDOW
    """Samples per probability."""

    __slots__ = ("_block_high", "_block_low", "_buffer", "_count", "_last_high", "_lowest", "_lows")

    _buffer: Pcm
    _lows: list[float]

    def __init__(self, *, lowest_dbfs: float = -50.0) -> None:
        self._lowest = lowest_dbfs
        self.reset()

    @property
    def pending(self) -> int:
        """Samples received that wait for their window to fill, 0 to 511."""
        return len(self._buffer)

    @property
    def floor_dbfs(self) -> float:
        """The noise floor as estimated now."""
        return max(_LOWEST_FLOOR_DBFS, min(self._block_low, *self._lows))

    def process(self, pcm: Pcm) -> list[float]:
        """Take any number of samples, shape `(samples,)`; return a value from 0 to 1 per window filled.

        0.5 stands for a level 10 dB above the noise floor. Raises `AudioError` when `pcm` is not mono int16.
        """
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise AudioError(f"voice detection needs mono int16 PCM, got {pcm.dtype} of shape {pcm.shape}")
        buffer = np.concatenate((self._buffer, pcm))
        whole = len(buffer) - len(buffer) % _WINDOW
        self._buffer = buffer[whole:].copy()
        return [self._probability(rms_dbfs(buffer[i : i + _WINDOW])) for i in range(0, whole, _WINDOW)]

    def reset(self) -> None:
        """Forget all that was heard, as before a new call."""
        self._buffer = np.zeros(0, np.int16)
        self._lows = [_START_FLOOR_DBFS] * _BLOCKS
        self._last_high = 0.0
        self._begin_block()

    def _begin_block(self) -> None:
        self._block_low = 0.0
        self._block_high = SILENCE_DBFS
        self._count = 0

    def _probability(self, level: float) -> float:
        self._block_low = min(self._block_low, level)
        self._block_high = max(self._block_high, level)
        self._count += 1
        if self._count == _BLOCK:
            low = min(self._block_low, self._lows[-1])
            steady = max(self._block_high, self._last_high) - low < _STEADY_DB
            self._lows = [low] * _BLOCKS if steady else [*self._lows[1:], self._block_low]
            self._last_high = self._block_high
            self._begin_block()
        threshold = max(self.floor_dbfs + _MARGIN_DB, self._lowest)
        return 0.5 + 0.5 * math.tanh(0.5 * (level - threshold) / _SLOPE_DB)

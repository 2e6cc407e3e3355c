"""Whether what a microphone hears is what a loudspeaker plays. Pure; only the order of the sound counts, no clock.

The two are compared sample by sample over every delay up to a second: an echo is the played sound again, later and
softer, whatever its level; somebody who speaks over it is something else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .pcm import Pcm
from .resample import Resampler

__all__ = ["EchoGuard"]

_HEARD_S = 0.128
_PLAYED_S = 1.2
_ALIKE = 0.45
"""Of a correlation of 1; two people are below 0.3, an echo that a telephone codec has passed above 0.6."""
_SILENT = 1e4


class EchoGuard:
    """One microphone and the loudspeaker beside it. ``rate``: of the microphone, in Hz; both are mono."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._heard: NDArray[np.float32] = np.zeros(int(_HEARD_S * rate), np.float32)
        self._played: NDArray[np.float32] = np.zeros(int(_PLAYED_S * rate), np.float32)
        self._resampler: Resampler | None = None

    def play(self, pcm: Pcm, rate: int) -> None:
        """The loudspeaker plays this next, silence included."""
        if pcm.ndim > 1:
            pcm = pcm[:, 0]
        if rate != self._rate:
            if self._resampler is None or self._resampler.in_rate != rate:
                self._resampler = Resampler(rate, self._rate)
            pcm = self._resampler.process(pcm)
        self._played = _pushed(self._played, pcm)

    def hear(self, pcm: Pcm) -> None:
        """The microphone hears this next."""
        self._heard = _pushed(self._heard, pcm)

    def likeness(self) -> float:
        """How much of the last eighth of a second that was heard is what was played before, 0 to 1."""
        heard, played = self._heard, self._played
        power = float(heard @ heard)
        if power < _SILENT or float(played @ played) < _SILENT:
            return 0.0
        size = 1 << (len(played) + len(heard) - 1).bit_length()
        spectrum = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
        products = np.fft.irfft(spectrum, size)[: len(played) - len(heard) + 1]
        sums = np.concatenate(([0.0], np.cumsum(np.square(played, dtype=np.float64))))
        powers = sums[len(heard) :] - sums[: len(sums) - len(heard)]
        alike = np.abs(products) / np.sqrt(np.maximum(powers, _SILENT) * power)
        return float(alike.max())

    @property
    def echo(self) -> bool:
        """Whether what is heard is what is played."""
        return self.likeness() >= _ALIKE


def _pushed(kept: NDArray[np.float32], pcm: Pcm) -> NDArray[np.float32]:
    """``kept`` with ``pcm`` at its end, as long as before."""
    if len(pcm) >= len(kept):
        return pcm[-len(kept) :].astype(np.float32)
    return np.concatenate((kept[len(pcm) :], pcm.astype(np.float32)))

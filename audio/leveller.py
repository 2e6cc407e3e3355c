"""Brings quiet speech up to where a voice detector hears its first syllable as fast as a loud one's.

A detector takes 100 ms longer for a voice at -48 dBFS than for one at -24. What it hears may be amplified; nobody else
hears it. Pure; the gain depends on the sound alone.
"""

from __future__ import annotations

import numpy as np

from .pcm import Pcm

__all__ = ["Leveller"]

_TARGET_DB = -24.0
_MOST_DB = 24.0
_FIRST_DB = 12.0
"""Before anybody has spoken."""
_FORGETS_DB = 0.5
"""By how much the level that was heard is forgotten with each second of speech."""


class Leveller:
    """The gain of one voice. ``rate``: samples per second of mono PCM."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._level_db: float | None = None

    @property
    def gain_db(self) -> float:
        """What is amplified by, 0 to 24 dB."""
        if self._level_db is None:
            return _FIRST_DB
        return min(_MOST_DB, max(0.0, _TARGET_DB - self._level_db))

    def process(self, pcm: Pcm) -> Pcm:
        """``pcm``, amplified; what is too loud for 16 bits is limited."""
        gain_db = self.gain_db
        if gain_db < 0.5 or not len(pcm):
            return pcm
        louder = pcm.astype(np.float32) * np.float32(10 ** (gain_db / 20))
        limited: Pcm = np.clip(louder, -32_768, 32_767).astype(np.int16)
        return limited

    def spoken(self, pcm: Pcm) -> None:
        """Somebody was heard to speak in ``pcm``, as it was before it was amplified."""
        if not len(pcm):
            return
        power = float(np.mean(np.square(pcm.astype(np.float32)))) / 32_768**2
        level_db = 10 * float(np.log10(max(power, 1e-9)))
        seconds = len(pcm) / self._rate
        before = self._level_db
        self._level_db = level_db if before is None else max(level_db, before - _FORGETS_DB * seconds)

"""Brings quiet speech up to where a voice detector hears its first syllable as fast as a loud one's.

A detector takes 100 ms longer for a voice at -48 dBFS than for one at -24. What it hears may be amplified; nobody else
hears it. Pure; the gain depends on the sound alone.
"""

from __future__ import annotations

import numpy as np

from .levels import rms_dbfs
from .pcm import Pcm

__all__ = ["Leveller"]

_TARGET_DB = -24.0
_MOST_DB = 24.0
_LEAST_DB = 0.5
_FIRST_DB = 12.0
"""Before anybody has spoken."""
_FORGETS_DB = 0.5
"""By how much the level that was heard is forgotten with each second of speech."""
_HUSHED_DB = 35.0
"""The softest sounds of speech are some 30 dB below its loudest."""


class Leveller:
    """The gain of one voice. ``rate``: samples per second of mono PCM."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._level_db: float | None = None
        self._measured: Pcm | None = None
        self._measured_db = 0.0
        """Of ``_measured``: what is hushed or not is often what is spoken next."""
        self.gain_db = 0.0
        """What is amplified by, 0 to 24 dB."""
        self.gain = 1.0
        """The same as a factor."""
        self._set(_FIRST_DB)

    def is_hushed(self, pcm: Pcm) -> bool:
        """Whether ``pcm``, as it was before it was amplified, is so soft that the voice cannot be in it."""
        return self._level_db is not None and bool(len(pcm)) and self._db(pcm) < self._level_db - _HUSHED_DB

    def process(self, pcm: Pcm) -> Pcm:
        """``pcm``, amplified; what is too loud for 16 bits is limited."""
        if self.gain == 1.0 or not len(pcm):
            return pcm
        limited: Pcm = np.clip(pcm * np.float32(self.gain), -32_768, 32_767).astype(np.int16)
        return limited

    def spoken(self, pcm: Pcm) -> None:
        """Somebody was heard to speak in ``pcm``, as it was before it was amplified."""
        if not len(pcm):
            return
        level_db = self._db(pcm)
        seconds = len(pcm) / self._rate
        before = self._level_db
        self._level_db = level_db if before is None else max(level_db, before - _FORGETS_DB * seconds)
        self._set(min(_MOST_DB, max(0.0, _TARGET_DB - self._level_db)))

    def _db(self, pcm: Pcm) -> float:
        if pcm is not self._measured:
            self._measured, self._measured_db = pcm, rms_dbfs(pcm)
        return self._measured_db

    def _set(self, gain_db: float) -> None:
        # Less than half a decibel is not worth the work.
        gain_db = gain_db if gain_db >= _LEAST_DB else 0.0
        if gain_db == self.gain_db:
            return
        self.gain_db = gain_db
        self.gain = float(10 ** (self.gain_db / 20))

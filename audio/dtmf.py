"""The tones of a telephone's keys (ITU-T Q.23), made."""

from __future__ import annotations

import numpy as np

from .fades import fade_in, fade_out
from .pcm import AudioError, Pcm

__all__ = ["KEYS", "key_tone"]

KEYS = "0123456789*#ABCD"
_ROWS, _COLUMNS = (697, 770, 852, 941), (1_209, 1_336, 1_477, 1_633)
_PAD = ("123A", "456B", "789C", "*0#D")
_LEVEL = 9_000
"""Of each of the two: both together stay below full scale."""
_FADE_S = 0.002


def key_tone(key: str, rate: int, seconds: float = 0.12) -> Pcm:
    """The tone of ``key`` at ``rate`` Hz. Raises ``AudioError`` for what is no key."""
    for row, keys in zip(_ROWS, _PAD, strict=True):
        if len(key) == 1 and key in keys:
            times = np.arange(round(rate * seconds)) / rate
            column = _COLUMNS[keys.index(key)]
            wave = np.sin(2 * np.pi * row * times) + np.sin(2 * np.pi * column * times)
            pcm: Pcm = np.rint(_LEVEL * wave).astype(np.int16)
            fade = round(rate * _FADE_S)
            return fade_out(fade_in(pcm, fade), fade)
    raise AudioError(f"there is no key {key[:10]!r}; there is {KEYS}")

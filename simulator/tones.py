"""A voice made of nothing: one vowel-like tone per syllable, for machines without a synthesiser."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

__all__ = ["tones"]

Samples = npt.NDArray[np.float32]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[,;:\u2014\u2013]")
_VOWELS = re.compile(r"[aeiouy]+")
# The first two resonances of a vowel in Hz: what tells "ah" from "ee".
_FORMANTS = {
    "a": (730.0, 1_090.0),
    "e": (530.0, 1_840.0),
    "i": (300.0, 2_200.0),
    "o": (570.0, 900.0),
    "u": (340.0, 870.0),
    "y": (300.0, 2_000.0),
}
_SYLLABLE_S, _WORD_GAP_S, _PAUSE_S, _EDGE_S = 0.15, 0.035, 0.22, 0.06
_PITCH_HZ = 150.0
_LOUDNESS = 0.3


def tones(sentence: str, rate: int, pitch: float = 1.0, pace: float = 1.0) -> Samples:
    """`sentence` as mono samples in [-1, 1] at `rate` Hz.

    The melody falls towards the end, and rises there in a question.

    Args:
        pitch: factor on the pitch of 150 Hz.
        pace: factor on the speaking rate of about 5 syllables a second.
    """
    words = [_syllables(word) for word in _WORD.findall(sentence.lower())]
    total = sum(len(word) for word in words)
    rises = sentence.rstrip("\"'\u201d\u2019) ").endswith("?")

    def silence(seconds: float) -> Samples:
        return np.zeros(round(seconds / pace * rate), np.float32)

    def melody(done: int) -> float:
        fall = 1.15 - 0.3 * done / max(total, 1)
        return _PITCH_HZ * pitch * (fall + 0.35 * max(0, done - total + 2) if rises else fall)

    parts, done = [silence(_EDGE_S)], 0
    for word in words:
        for number, vowel in enumerate(word):
            seconds = _SYLLABLE_S * (1.15 if number == 0 else 0.9) / pace
            parts.append(_syllable(vowel, seconds, (melody(done), melody(done + 1)), rate))
            done += 1
        parts.append(silence(_WORD_GAP_S if word else _PAUSE_S))
    parts.append(silence(_EDGE_S))
    return np.concatenate(parts)


def _syllables(word: str) -> str:
    """The vowel of each syllable of `word`; ``""`` for a pause. Digits and other letters count too."""
    if not word[0].isalnum():
        return ""
    groups: list[str] = _VOWELS.findall(word)
    if len(groups) > 1 and word.endswith("e") and groups[-1] == "e":
        groups.pop()
    if groups:
        return "".join(group[0] for group in groups)
    return "".join("aeiou"[ord(letter) % 5] for letter in word[:8])


def _syllable(vowel: str, seconds: float, glide: tuple[float, float], rate: int) -> Samples:
    """Harmonics of a gliding pitch, weighted by the vowel's resonances, swelling and dying away."""
    count = round(seconds * rate)
    hertz = np.linspace(*glide, count)
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    base = float(hertz.mean())
    harmonics = np.arange(1, int(min(3_600.0, rate / 2.2) / base) + 1)
    weights = np.full(len(harmonics), 0.03)
    for strength, formant in zip((1.0, 0.6), _FORMANTS[vowel], strict=True):
        weights += strength / (1.0 + ((harmonics * base - formant) / 120.0) ** 2)
    wave = (weights / np.sqrt(np.sum(weights**2)))[None, :] @ np.sin(np.outer(harmonics, phase))
    # 15 ms up, a slow fall and 40 ms down: no click, and 5 beats a second for whoever looks at the level.
    corners = (0.0, 0.015, max(0.02, seconds - 0.04), seconds)
    envelope = np.interp(np.arange(count) / rate, corners, (0.0, 1.0, 0.6, 0.0))
    sound: Samples = (wave[0] * envelope * _LOUDNESS).astype(np.float32)
    return sound

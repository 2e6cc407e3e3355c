"""When there was sound and when there was none, from the samples that an output played. Sans-IO.

Two things are told apart. An output is *playing* while it has anything to play, be it silence; there is *sound* while
what it plays can be heard. Pauses between words are part of the sound; where nothing is played it ends at once.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..audio import Pcm, samples_to_ns
from ..pipeline.units import MS
from .timeline import Entry

__all__ = ["PAUSE_NS", "SoundLog", "audible"]

PAUSE_NS = 300 * MS
"""Quiet of this length inside of what is played ends the sound; shorter quiet is a pause between words."""

_AUDIBLE = 100
"""-50 dBFS: quieter samples are not heard."""


def audible(pcm: Pcm) -> tuple[int, int] | None:
    """The first sample that can be heard, and the one after the last; ``None`` when there is none."""
    loudness = np.abs(pcm.astype(np.int32))
    loud = np.flatnonzero((loudness if pcm.ndim == 1 else loudness.max(axis=1)) > _AUDIBLE)
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else None


class SoundLog:
    """The sound of one output, which runs at ``rate`` Hz from ``origin_ns`` on."""

    def __init__(self, node: str, rate: int, origin_ns: int) -> None:
        self._node = node
        self._rate = rate
        self._origin_ns = origin_ns
        self._at = 0
        self._playing = False
        self._turn = 0
        self._heard_until: int | None = None
        """The sample after the last audible one, while there is sound."""

    def feed(self, pcm: Pcm, due: int, turn: int) -> list[Entry]:
        """``pcm`` of ``turn`` was played in the place of ``due`` samples: less when there was nothing to play."""
        entries = self._play(len(pcm), due, turn)
        entries += self._sound(pcm, due)
        self._at += due
        return entries

    def _play(self, given: int, due: int, turn: int) -> list[Entry]:
        entries = []
        if given and self._playing and turn != self._turn:
            entries.append(self._entry("playing", "ended", self._at))
            self._playing = False
        if given and not self._playing:
            self._turn, self._playing = turn, True
            entries.append(self._entry("playing", "began", self._at))
        if self._playing and given < due:
            self._playing = False
            entries.append(self._entry("playing", "ended", self._at + given))
        return entries

    def _sound(self, pcm: Pcm, due: int) -> list[Entry]:
        entries = []
        heard = audible(pcm)
        if heard is not None:
            if self._heard_until is None:
                entries.append(self._entry("sound", "began", self._at + heard[0]))
            self._heard_until = self._at + heard[1]
        until = self._heard_until
        if until is not None:
            quiet_ns = samples_to_ns(self._at + len(pcm) - until, self._rate)
            if len(pcm) < due or quiet_ns >= PAUSE_NS:
                self._heard_until = None
                entries.append(self._entry("sound", "ended", until))
        return entries

    def _entry(self, kind: Literal["sound", "playing"], name: str, at: int) -> Entry:
        time_ns = self._origin_ns + samples_to_ns(at, self._rate)
        return Entry(time_ns, kind, name, self._node, {"turn": self._turn})

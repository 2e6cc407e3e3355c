"""The simulator's speech on its way out: cut into bursts, with the words that belong to each, sans I/O."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import numpy.typing as npt

from ..audio import ns_to_samples
from .behaviour import MILLISECOND, Timing
from .oddities import Oddities

__all__ = ["RATE", "Chunk", "Speech"]

RATE = 24_000
"""What every `Voice` makes, and the Live API sends, in Hz."""

Pcm = npt.NDArray[np.int16]

_GRAIN_MS = 40
_GRAIN = RATE * _GRAIN_MS // 1_000
# The service's messages measured 240 to 440 ms of sound, one every 60 to 110 ms.
_SIZES_MS = (240, 320, 400, 440, 360, 280)
_WORD = re.compile(r"\s*\S+")
# What a synthesiser puts around a sentence would delay the answer and drag it out.
_AUDIBLE = 150
_LEAD, _TAIL = 60 * RATE // 1_000, 180 * RATE // 1_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A burst of sound and the words that begin in it."""

    pcm: Pcm
    text: str


@dataclass(slots=True)
class _Sentence:
    pcm: Pcm
    at: int = 0
    """How much was sent."""


class Speech:
    """What one turn says.

    Sound is sent faster than real time, but the speech *plays* in real time: it is over at `play_end_ns`, the time of
    the first chunk and the duration of all of them, and of the gaps where the next was not there in time.
    """

    def __init__(self, timing: Timing, oddities: Oddities | None = None) -> None:
        self._timing = timing
        self._burst = oddities is not None and oddities.burst
        self._ahead = ns_to_samples(oddities.words_ahead_ns, RATE) if oddities is not None else 0
        usual = tuple(size * RATE // 1_000 for size in _SIZES_MS)
        odd = tuple(max(1, size // 2) for size in oddities.chunk_bytes) if oddities else ()
        self._sizes: Iterator[int] = cycle(odd or usual)
        self._size = next(self._sizes)
        self._sentences: deque[_Sentence] = deque()
        self._words: deque[tuple[int, str]] = deque()
        self._added = 0
        self._any_text = False
        self.chunks = 0
        """How many were taken."""
        self.waiting_samples = 0
        """Sound that was not sent yet."""
        self.sent_samples = 0
        self.sent_text = ""
        self.last_ns: int | None = None
        """When the last chunk was sent."""
        self.next_ns = 0
        """When the next one may be."""
        self.play_end_ns = 0

    def add(self, text: str, pcm: Pcm) -> None:
        """Append a sentence and its sound: without long silences at its ends, and filled up to 40 ms."""
        pcm = _trimmed(pcm)
        pcm = np.pad(pcm, (0, -len(pcm) % _GRAIN))
        for match in _WORD.finditer(text):
            word = match.group() if match.start() or not self._any_text else f" {match.group().lstrip()}"
            self._words.append((self._added + len(pcm) * match.start() // len(text), word))
            self._any_text = True
        self._sentences.append(_Sentence(pcm))
        self._added += len(pcm)
        self.waiting_samples += len(pcm)

    def has_chunk(self, *, more_comes: bool) -> bool:
        """Whether a chunk can be sent; while `more_comes` only a full one."""
        if more_comes:
            return self.waiting_samples >= self._size
        return bool(self._sentences)

    def take(self, now_ns: int) -> Chunk:
        """The next chunk, sent at `now_ns`."""
        size = self._size
        pieces: list[Pcm] = []
        while size and self._sentences:
            sentence = self._sentences[0]
            piece = sentence.pcm[sentence.at : sentence.at + size]
            sentence.at += len(piece)
            size -= len(piece)
            pieces.append(piece)
            if sentence.at == len(sentence.pcm):
                self._sentences.popleft()
        pcm = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        self.waiting_samples -= len(pcm)
        self.sent_samples += len(pcm)
        text = self._said()
        self.sent_text += text
        duration_ns = len(pcm) * 1_000 * MILLISECOND // RATE
        self.play_end_ns = max(self.play_end_ns, now_ns) + self._timing.scaled(duration_ns)
        self.last_ns = now_ns
        self.next_ns = (
            now_ns if self._burst else now_ns + self._timing.scaled(duration_ns / self._timing.burst)
        )
        self._size = next(self._sizes)
        self.chunks += 1
        return Chunk(pcm, text)

    def rest(self, samples: int) -> Pcm:
        """The sound that would have come next, at most so much of it; it stays where it is."""
        waiting = [sentence.pcm[sentence.at :] for sentence in self._sentences]
        return np.concatenate(waiting)[:samples] if waiting else np.zeros(0, np.int16)

    def _said(self) -> str:
        """The words that begin in what was sent, and those that run ahead of it."""
        text = ""
        while self._words and (not self._sentences or self._words[0][0] < self.sent_samples + self._ahead):
            text += self._words.popleft()[1]
        return text


def _trimmed(pcm: Pcm) -> Pcm:
    """`pcm` from 60 ms before it becomes audible to 180 ms after it was the last time."""
    audible = np.flatnonzero((pcm > _AUDIBLE) | (pcm < -_AUDIBLE))
    if not len(audible):
        return pcm[: _LEAD + _TAIL]
    return pcm[max(0, int(audible[0]) - _LEAD) : int(audible[-1]) + _TAIL]

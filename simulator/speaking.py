"""The simulator's speech on its way out: cut into bursts, with the words that belong to each, sans I/O."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
import numpy.typing as npt

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
    words: deque[tuple[int, str]] = field(default_factory=deque)
    """Where each word begins, in samples, and the word with the space before it."""
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
        usual = tuple(size * RATE // 1_000 for size in _SIZES_MS)
        odd = tuple(max(1, size // 2) for size in oddities.chunk_bytes) if oddities else ()
        self._sizes: Iterator[int] = cycle(odd or usual)
        self._size = next(self._sizes)
        self._sentences: deque[_Sentence] = deque()
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
        words: deque[tuple[int, str]] = deque()
        for match in _WORD.finditer(text):
            word = match.group() if match.start() or not self._any_text else f" {match.group().lstrip()}"
            words.append((len(pcm) * match.start() // len(text), word))
            self._any_text = True
        self._sentences.append(_Sentence(pcm, words))
        self.waiting_samples += len(pcm)

    def has_chunk(self, *, more_comes: bool) -> bool:
        """Whether a chunk can be sent; while `more_comes` only a full one."""
        if more_comes:
            return self.waiting_samples >= self._size
        return bool(self._sentences)

    def take(self, now_ns: int) -> Chunk:
        """The next chunk, sent at `now_ns`."""
        size, text = self._size, ""
        pieces: list[Pcm] = []
        while size and self._sentences:
            sentence = self._sentences[0]
            piece = sentence.pcm[sentence.at : sentence.at + size]
            sentence.at += len(piece)
            size -= len(piece)
            pieces.append(piece)
            done = sentence.at == len(sentence.pcm)
            while sentence.words and (done or sentence.words[0][0] < sentence.at):
                text += sentence.words.popleft()[1]
            if done:
                self._sentences.popleft()
        pcm = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        self.waiting_samples -= len(pcm)
        self.sent_samples += len(pcm)
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


def _trimmed(pcm: Pcm) -> Pcm:
    """`pcm` from 60 ms before it becomes audible to 180 ms after it was the last time."""
    audible = np.flatnonzero((pcm > _AUDIBLE) | (pcm < -_AUDIBLE))
    if not len(audible):
        return pcm[: _LEAD + _TAIL]
    return pcm[max(0, int(audible[0]) - _LEAD) : int(audible[-1]) + _TAIL]

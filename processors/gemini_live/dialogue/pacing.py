"""Where in the sound of a turn each of its words is heard. Pure.

The service tells words as text that may run far ahead of the sound, and does not say where each belongs. A word is
heard no earlier than the sound that had come with it, and no earlier than the speaking rate puts it: an assumed one at
first, that of the turns before as soon as there are any, and that of the turn itself once all of it is there.
"""

from __future__ import annotations

import re
from collections import deque

from ....pipeline.units import SECOND

__all__ = ["SpeakingRate", "SpokenWords"]

_ASSUMED_NS = SECOND // 15
"""A character, spaces included: English at some 160 words a minute."""
_TRUSTED_NS = 2 * SECOND
"""Sound from which on a turn tells something about the rate."""
_WORD = re.compile(
    r"\s*[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\s*\S{1,24}?(?=\s|[\u3040-\u9fff]|$)|\s*\S{1,24}|\s+"
)


class SpeakingRate:
    """How long a character takes, learned from turn to turn of one conversation."""

    def __init__(self) -> None:
        self.character_ns = _ASSUMED_NS

    def learn(self, characters: int, sound_ns: int) -> None:
        """A whole turn had so many characters and so much sound."""
        if characters and sound_ns >= _TRUSTED_NS:
            self.character_ns = sound_ns // characters


class SpokenWords:
    """The words of one turn that have not been heard."""

    def __init__(self, rate: SpeakingRate) -> None:
        self._rate = rate
        self._waiting: deque[tuple[int, int, str]] = deque()
        """Characters before the word, sound that had come with it, the word."""
        self._characters = 0
        self._whole_ns: int | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, text: str, at_ns: int) -> None:
        """Text that came when ``at_ns`` of the turn's sound had; in the order of its words."""
        for word in _WORD.findall(text):
            self._waiting.append((self._characters, at_ns, word))
            self._characters += len(word)

    def whole(self, sound_ns: int) -> None:
        """All sound of the turn is there, and so is all of the text, or nearly."""
        if self._whole_ns is None:
            self._rate.learn(self._characters, sound_ns)
        self._whole_ns = sound_ns

    @property
    def next_ns(self) -> int | None:
        """Where in the sound the next word begins, as far as is known; ``None`` when there is none."""
        if not self._waiting:
            return None
        before, at_ns, _ = self._waiting[0]
        if self._whole_ns is None:
            return max(at_ns, before * self._rate.character_ns)
        proportion_ns = self._whole_ns * before // max(1, self._characters)
        return min(max(at_ns, proportion_ns), self._whole_ns)

    def pop(self) -> str:
        """Take the next word: it is heard."""
        return self._waiting.popleft()[2]

    def drain(self) -> str:
        """Take all words that are left."""
        rest = "".join(word for _, _, word in self._waiting)
        self._waiting.clear()
        return rest

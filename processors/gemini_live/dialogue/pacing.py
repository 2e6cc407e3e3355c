"""Where in the sound of a turn each of its words is heard. Pure.

The service tells words as text that may run far ahead of the sound, and does not say where each belongs. A word is
heard no earlier than the sound that had come with it, and no earlier than the speaking rate puts it: an assumed one at
first, that of the turns before as soon as there are any, and that of the turn itself once all of it is there. Where the
first word of a turn comes behind its sound, all of its words are late by as much.
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
_LATE_NS = SECOND // 2
"""Words that come so far behind their sound are late; a chunk of sound is shorter than that."""
_TOO_SLOW = 1.2
"""Of words that come late, some are missing when what there is would be spoken so much slower than usual."""
_TURNS = 7
"""Of so many turns the rate in the middle counts: one that lost words, or has a pause, tells nothing."""
_WORD = re.compile(
    r"\s*[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\s*\S{1,24}?(?=\s|[\u3040-\u9fff]|$)|\s*\S{1,24}|\s+"
)


class SpeakingRate:
    """How long a character takes, learned from turn to turn of one conversation."""

    def __init__(self) -> None:
        self.character_ns = _ASSUMED_NS
        self._turns: deque[int] = deque(maxlen=_TURNS)

    def learn(self, characters: int, sound_ns: int) -> None:
        """A whole turn had so many characters and so much sound."""
        if characters and sound_ns >= _TRUSTED_NS:
            self._turns.append(sound_ns // characters)
            self.character_ns = sorted(self._turns)[len(self._turns) // 2]


class SpokenWords:
    """The words of one turn that have not been heard."""

    def __init__(self, rate: SpeakingRate) -> None:
        self._rate = rate
        self._waiting: deque[tuple[int, int, str]] = deque()
        """Characters before the word, sound that had come with it, the word."""
        self._characters = 0
        self._late_ns: int | None = None
        """How much sound there was when the first word came."""
        self._whole_ns: int | None = None
        self._broken = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, text: str, at_ns: int) -> None:
        """Text that came when ``at_ns`` of the turn's sound had; in the order of its words."""
        if self._late_ns is None:
            self._late_ns = at_ns
        for word in _WORD.findall(text):
            self._waiting.append((self._characters, max(0, at_ns - self._late_ns), word))
            self._characters += len(word)

    def whole(self, sound_ns: int, *, worded: bool = True) -> None:
        """All sound of the turn is there, and all of its text (``worded``), or nearly."""
        late = self._late_ns is not None and self._late_ns >= _LATE_NS
        slow = sound_ns > _TOO_SLOW * self._characters * self._rate.character_ns
        if self._broken or (late and (slow or not worded)):
            return
        if worded:
            self._rate.learn(self._characters, sound_ns)
        self._whole_ns = sound_ns

    def broken(self, sound_ns: int) -> str:
        """No more sound follows, and the words ran ahead of it: those that have none are dropped, and returned."""
        self._broken = True
        dropped: list[str] = []
        while self._waiting and self._place_ns(*self._waiting[-1][:2]) >= sound_ns:
            dropped.append(self._waiting.pop()[2])
        return "".join(reversed(dropped))

    @property
    def next_ns(self) -> int | None:
        """Where in the sound the next word begins, as far as is known; ``None`` when there is none."""
        return self._place_ns(*self._waiting[0][:2]) if self._waiting else None

    def _place_ns(self, before: int, at_ns: int) -> int:
        if self._whole_ns is None:
            return max(at_ns, before * self._rate.character_ns)
        proportion_ns = self._whole_ns * before // max(1, self._characters)
        return min(max(at_ns, proportion_ns), self._whole_ns)

    def restart(self) -> None:
        """Forget the words so far: they were another turn's."""
        self._waiting.clear()
        self._characters, self._late_ns = 0, None

    def pop(self) -> str:
        """Take the next word: it is heard."""
        return self._waiting.popleft()[2]

    def drain(self) -> str:
        """Take all words that are left."""
        rest = "".join(word for _, _, word in self._waiting)
        self._waiting.clear()
        return rest

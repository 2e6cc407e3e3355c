"""What the agent has said so far, cut into the pieces that RTVI's clients put together again. Sans-IO."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

__all__ = ["Pieces"]

_WIDE = "\u3002\uff01\uff1f\u3001\uff0c\uff1b\uff1a"
"""Marks behind which scripts without spaces may be cut."""
_AFTER_WORD = re.compile(rf"\s+|(?<=[{_WIDE}])(?=[^{_WIDE}\s])")
_AFTER_SENTENCE = re.compile(
    r"(?<=[.!?\u2026])[\"')\]\u2019\u201d\u00bb]*\s+|(?<=[\u3002\uff01\uff1f])(?=[^\u3002\uff01\uff1f\s])"
)


class Pieces:
    """One utterance as it grows.

    Clients join pieces with a space, so that none may end within a word: the last word waits until something follows
    it. ``by`` says whether whole words are enough, or whole sentences are wanted.
    """

    def __init__(self, by: Literal["word", "sentence"]) -> None:
        self._ends = _AFTER_WORD if by == "word" else _AFTER_SENTENCE
        self._text = ""
        self._given = 0

    def grow(self, text: str, final: bool = False) -> Iterator[str]:
        """The utterance is ``text`` now: what is whole of it and was not given before, trimmed and never empty.

        Where something was hidden of what was given before, only what is new behind it counts.
        """
        self._text = text
        end = len(text) if final else self._last_end(text)
        if end <= self._given:
            return
        piece = text[self._given : end].strip()
        self._given = end
        if piece:
            yield piece

    def _last_end(self, text: str) -> int:
        found = self._given
        for match in self._ends.finditer(text, self._given):
            found = match.end()
        return found

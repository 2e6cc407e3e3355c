"""Whether an answer ends where a sentence does, and the wait for its last words. Pure."""

from __future__ import annotations

from ....pipeline.units import MS

__all__ = ["SentenceWatch", "ends_sentence", "has_sentence_end"]

_ENDS = ".!?\u2026\u3002\uff01\uff1f\uff0e\u061f\u06d4\u0964\u0965\u17d4\u1362"
"""Also of Chinese, Japanese, Arabic, Urdu, Hindi, Khmer and Amharic."""
_CLOSING = "\"'\u201d\u2019\u00bb)]}*_\u300d\u300f\uff09"
"""Quotation marks, brackets, and what marks emphasis."""
_FEW = 20
"""Characters: what is shorter is a whole answer without a full stop ("Yes", "On Friday")."""
_LATE_WORDS_NS = 1_500 * MS
"""A turn that ends within a sentence is judged after this, for its last words may still be coming."""


def ends_sentence(text: str) -> bool:
    """Whether ``text`` may be complete: it is short, or ends as a sentence does in any of the scripts."""
    text = text.rstrip().rstrip(_CLOSING).rstrip()
    return len(text) < _FEW or text.endswith(tuple(_ENDS))


def has_sentence_end(text: str) -> bool:
    """Whether whoever wrote ``text`` ends sentences with a mark; not all recognisers and languages do."""
    text = text.rstrip().rstrip(_CLOSING)
    return text.endswith(tuple(_ENDS))


class SentenceWatch:
    """Judges a turn that is over by its words, a little later: its last words may come after its end."""

    def __init__(self) -> None:
        self.due_ns: int | None = None
        """When a turn that ended within a sentence is judged; ``None`` when none waits for that."""
        self.words = ""
        """What the turn that waits has said."""
        self._marks = False
        """Whether the words of this model end with marks, where a sentence does."""
        self._broken = 0
        """How often in a row the model was asked to go on."""

    @property
    def once_more(self) -> bool:
        """Whether the model may be asked to go on: it is asked once in a row."""
        return not self._broken

    def ended(self, words: str, *, generated: bool) -> bool:
        """A turn with these words is over; whether it breaks off. ``generated``: the model said it is complete."""
        marks, whole = self._marks, ends_sentence(words)
        self._marks = marks or has_sentence_end(words)
        broken = not whole and (marks or not generated)
        if not broken:
            self._broken = 0
        return broken

    def wait(self, now_ns: int, words: str) -> None:
        """A turn that broke off is judged in a moment."""
        self.due_ns, self.words = now_ns + _LATE_WORDS_NS, words

    def more(self, text: str) -> None:
        """Late words of that turn; they may end its sentence."""
        self.words += text
        if ends_sentence(self.words):
            self.drop()

    def judged(self) -> str:
        """Its sentence was not ended: the model is asked to go on from the words that this returns."""
        self.due_ns, self._broken = None, self._broken + 1
        return self.words

    def drop(self) -> None:
        """Nobody waits for its last words any more."""
        self.due_ns = None

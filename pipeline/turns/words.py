"""Words of a transcript, as far as they are compared. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["holds_phrase", "only_of", "words_of"]

_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_WORD = re.compile(r"\w+(?:['\-]\w+)*")

_HUMMED = re.compile(r"m+")
"""A hum is written with as many as one likes."""
_SPELLINGS = {"ok": "okay", "goodby": "goodbye"}
"""What recognisers write of the same sound."""


def words_of(text: str) -> list[str]:
    """The words of ``text``, without marks, in one case: ``Mm-hm, okay!`` has ``mm-hm`` and ``okay``."""
    return [word.casefold() for word in _WORD.findall(text.replace(_APOSTROPHE, "'"))]


def holds_phrase(words: Sequence[str], phrase: str) -> bool:
    """Whether ``phrase`` is among ``words``, whole words only.

    How it is cut into words makes no difference: ``goodbye``, ``good-bye`` and ``good bye`` are the same; nor do
    spellings that services choose between: ``OK`` and ``okay``, ``mhm`` and ``mm-hmm``, ``good-by``.
    """
    wanted = _joined(words_of(phrase))
    return bool(wanted) and any(_taken(words, at, wanted) for at in range(len(words)))


def only_of(words: Sequence[str], phrases: Iterable[str]) -> bool:
    """Whether ``words`` are made of ``phrases`` and nothing else; of none they are not."""
    wanted = [joined for phrase in phrases if (joined := _joined(words_of(phrase)))]
    ends = {0}
    for at in range(len(words)):
        if at in ends:
            ends |= {at + count for one in wanted if (count := _taken(words, at, one))}
    return bool(words) and len(words) in ends


def _joined(words: Iterable[str]) -> str:
    return "".join(map(_as_heard, words))


def _as_heard(word: str) -> str:
    plain = _HUMMED.sub("m", word.replace("-", ""))
    return _SPELLINGS.get(plain, plain)


def _taken(words: Sequence[str], at: int, wanted: str) -> int:
    """How many words from ``at`` on make ``wanted``; 0 when they do not."""
    made = ""
    for count, word in enumerate(words[at:], start=1):
        made += _as_heard(word)
        if made == wanted:
            return count
        if not wanted.startswith(made):
            return 0
    return 0

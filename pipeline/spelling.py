"""Names: the nearest right spelling of one that does not exist, and what classes are called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest", "snake_name", "sure"]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONGEST = 80
"""Longer words are no misspelt names, and comparing them costs time."""
_SURE = 0.79
"""How alike (0 to 1) two words must be to count as one misspelt: `audoi` and `audio` are 0.8."""
_CLEAR = 0.05
"""By how much the next best must stay behind."""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that ``word`` was probably meant to be, or ``None``; case, ``-`` and ``_`` count little."""
    if len(word) > _LONGEST:
        return None
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(_fold(choice), choice)
    found = difflib.get_close_matches(_fold(word), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def sure(word: str, choices: Iterable[str]) -> str | None:
    """The choice that ``word`` without doubt was meant to be: very near, and no other is nearly as near."""
    if len(word) > _LONGEST:
        return None
    folded = _fold(word)
    matcher = difflib.SequenceMatcher(b=folded)
    ranked: list[tuple[float, str]] = []
    for choice in dict.fromkeys(choices):
        matcher.set_seq1(_fold(choice))
        ranked.append((matcher.ratio(), choice))
    ranked.sort(reverse=True)
    if not ranked or ranked[0][0] < _SURE or (len(ranked) > 1 and ranked[1][0] > ranked[0][0] - _CLEAR):
        return None
    return ranked[0][1]


def did_you_mean(word: str, choices: Iterable[str], *, label: str = "", limit: int = 40) -> str:
    """A hint: ``did you mean `x`?``, then the list of ``choices`` after ``label``, when there is one."""
    names = list(choices)
    guess = nearest(word, names)
    parts = [f"did you mean `{guess}`?"] if guess is not None else []
    if label and names:
        shown = ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
        parts.append(f"{label}: {shown}")
    return " ".join(parts)


def snake_name(cls: type) -> str:
    """What people call a class of events or frames: ``ToolCalled`` is ``tool_called``, ``TextFrame`` is ``text``."""
    name = cls.__name__
    return _HUMP.sub("_", name.removesuffix("Frame") or name).lower()


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")

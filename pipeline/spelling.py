"""The nearest right spelling of a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]

_LONGEST = 80
"""Longer words are no misspelt names, and comparing them costs time."""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that ``word`` was probably meant to be, or ``None``; case, ``-`` and ``_`` count little."""
    if len(word) > _LONGEST:
        return None
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(_fold(choice), choice)
    found = difflib.get_close_matches(_fold(word), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str], *, label: str = "", limit: int = 40) -> str:
    """A hint: ``did you mean `x`?``, then the list of ``choices`` after ``label``, when there is one."""
    names = list(choices)
    guess = nearest(word, names)
    parts = [f"did you mean `{guess}`?"] if guess is not None else []
    if label and names:
        shown = ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
        parts.append(f"{label}: {shown}")
    return " ".join(parts)


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")

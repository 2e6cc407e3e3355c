"""Comparing what was heard with what was said."""

from __future__ import annotations

import re

__all__ = ["word_errors", "words"]


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation; hyphens part words."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("\u2019", "'"))


def word_errors(said: str, heard: str) -> float:
    """The word error rate: words put in, left out or exchanged, per word said."""
    wanted, got = words(said), words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(wanted))

"""Words however a service, or somebody who knows the rules, writes them. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import regex

__all__ = ["plain", "words_pattern"]

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\u2032", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
    }
)
_UNSEEN = regex.compile(r"\p{Cf}+")
"""Soft hyphens, spaces of no width, marks of direction."""
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}]"
)
"""Letters of scripts that put no space between words."""


def plain(text: str) -> str:
    """``text`` with each letter written in one way: composed, of usual width, with plain signs and nothing unseen."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_SIGNS)


def words_pattern(words: Iterable[str]) -> str:
    """A regular expression for any of ``words``, whole, in a ``plain`` text; of a phrase they may be apart."""
    return "|".join(_whole(word) for word in words if plain(word).strip()) or r"(?!)"


def _whole(phrase: str) -> str:
    written = plain(phrase).strip()
    # Between two words of a phrase there may be more than a space.
    inner = r"\W+".join(map(regex.escape, written.split()))
    before = "" if _UNSPACED.match(written[:1]) else r"(?<!\w)"
    after = "" if _UNSPACED.match(written[-1:]) else r"(?!\w)"
    return f"{before}(?:{inner}){after}"

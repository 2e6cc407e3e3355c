"""Cutting an answer into sentences short enough to be synthesised one at a time."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["is_readable", "pronounceable", "split_sentences"]

# A synthesiser needs memory by the square of the length, and the first sound waits for the whole first piece.
_LONGEST = 200
_STOP = re.compile(r"(?<=[.!?…])[\"'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f])|\s*\n\s*")
_CLAUSE = re.compile(r"(?<=[,;:\u2014\u2013])\s+")
_LONG_NUMBER = re.compile(r"\d[\d,]{12,}")
_SHORT_FORM = re.compile(r"(?:^|\s)(?:[A-Za-z]|Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|No|vs|etc|[ap]\.m|[ei]\.[eg])\.$")


def is_readable(text: str) -> bool:
    """Whether there is a letter or a digit to pronounce."""
    return any(char.isalnum() for char in text)


def pronounceable(text: str) -> str:
    """`text` without what makes a pronouncer stumble: circled and exotic digits, numbers without end.

    Numbers of more than 12 digits are read digit by digit.
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(" " if char.isdigit() and not char.isdecimal() else char for char in plain)
    return _LONG_NUMBER.sub(lambda digits: " ".join(digits.group()), plain)


def split_sentences(text: str) -> list[str]:
    """`text` as sentences of at most 200 characters, in order; pieces with no letter or digit are left out.

    A longer sentence is cut behind commas, else between words, else anywhere.
    """
    pieces: list[str] = []
    for sentence in _sentences(text):
        pieces.extend(_fold(sentence, (_CLAUSE, re.compile(r"\s+"))))
    return [piece for piece in pieces if is_readable(piece)]


def _sentences(text: str) -> list[str]:
    """Cut at full stops, except after a title, an initial or "p.m." that a small letter or digit follows."""
    found, start = [], 0
    for stop in _STOP.finditer(text):
        before, after = text[start : stop.start()], text[stop.end() : stop.end() + 1]
        if (
            "\n" not in stop.group()
            and _SHORT_FORM.search(before)
            and (_is_title(before) or not after.isupper())
        ):
            continue
        found.append(text[start : stop.end()].strip())
        start = stop.end()
    return [*found, text[start:].strip()]


def _is_title(before: str) -> bool:
    """Whether a name follows: "Dr." and initials, but not "p.m." or "etc."."""
    word = before.rsplit(maxsplit=1)[-1].rstrip(".")
    return len(word) == 1 or word in {"Dr", "Mr", "Mrs", "Ms", "Prof", "St"}


def _fold(text: str, cuts: tuple[re.Pattern[str], ...]) -> list[str]:
    """`text` in pieces of at most the longest length, cut by the first pattern that helps."""
    if len(text) <= _LONGEST:
        return [text]
    if not cuts:
        return [text[at : at + _LONGEST] for at in range(0, len(text), _LONGEST)]
    folded: list[str] = []
    line = ""
    for part in cuts[0].split(text):
        if line and len(line) + 1 + len(part) > _LONGEST:
            folded.extend(_fold(line, cuts[1:]))
            line = part
        else:
            line = f"{line} {part}" if line else part
    return [*folded, *_fold(line, cuts[1:])]

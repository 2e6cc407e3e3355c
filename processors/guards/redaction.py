"""What is taken out of texts before anybody writes them down: numbers of cards and accounts, addresses, own patterns.

Pure. A text that is still growing hides a number before it is whole: nobody is shown all but the last digit of a card.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any, Literal, get_args

from ...pipeline.options import Doc
from ..patterns import Phrase, Slow

__all__ = ["KINDS", "Kind", "Masked", "Redactor", "is_card_number"]

Kind = Literal["cards", "ibans", "emails"]
KINDS: tuple[str, ...] = get_args(Kind)

_LONG = 6
"""Digits at the end of a text that goes on from which on they may become a number of a card."""
_BETWEEN = r"[\s.,/\-\u2010-\u2015\u2212]"
"""What may stand between the groups of a number, up to two of them: spaces, dots, commas, strokes and dashes."""
_RUN = re.compile(rf"\d+(?:{_BETWEEN}{{1,2}}\d+)+|\d+")
_GROUP = re.compile(r"\d+")
_LAST_DIGITS = re.compile(rf"(?:{_BETWEEN}{{0,2}}\d){{{_LONG},}}")
"""Of a text that is read from its end."""
_LEAST, _MOST = 13, 19
"""Digits of a card's number (ISO/IEC 7812-1)."""
_ISSUERS = "23456"
"""First digits of the cards that people pay with."""
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b")
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9.\-]{1,190}\.[A-Za-z]{2,24}")
_MOST_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Masked:
    """What is hidden by a pattern of one's own."""

    pattern: Annotated[str, Doc("regular expression, in any case of letters")]
    shown: Annotated[str, Doc("what stands in its place")] = "[hidden]"


class Redactor:
    """Hides what ``wanted`` says. Raises ``patterns.PatternError`` for a pattern that is none."""

    def __init__(self, wanted: Iterable[str | Masked]) -> None:
        self._kinds: list[str] = []
        self._own: list[tuple[Phrase, str]] = []
        for one in wanted:
            if isinstance(one, str) and one in KINDS:
                self._kinds.append(one)
            else:
                masked = Masked(one) if isinstance(one, str) else one
                self._own.append((Phrase(masked.pattern), masked.shown))

    def __bool__(self) -> bool:
        return bool(self._kinds or self._own)

    def text(self, text: str, *, growing: bool = False) -> str:
        """``text`` without what is to be hidden. ``growing``: more of it may follow.

        A pattern that takes too long hides the whole text: whether it is in it, nobody knows.
        """
        for kind in self._kinds:
            text = _FINDERS[kind](text)
            if kind == "cards" and growing:
                text = _without_last_digits(text)
        for phrase, shown in self._own:
            try:
                text = _replaced(text, phrase.spans(text), shown)
            except Slow:
                return "[hidden]"
        return text

    def __call__(self, value: Any, growing: bool = False) -> Any:
        """JSON without what is to be hidden, in the texts and numbers of it; the same object where nothing is."""
        return self._value(value, growing, 0)

    def _value(self, value: Any, growing: bool, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value, growing=growing)
        if isinstance(value, int) and not isinstance(value, bool):
            shown = self.text(str(value))
            return value if shown == str(value) else shown
        if depth >= _MOST_DEPTH:
            return value
        if isinstance(value, Mapping):
            made = {key: self._value(one, growing, depth + 1) for key, one in value.items()}
            return value if all(made[key] is value[key] for key in made) else made
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            items = [self._value(one, growing, depth + 1) for one in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        return value


def is_card_number(digits: str) -> bool:
    """Whether the last of 13 to 19 digits is the check digit of the others (ISO/IEC 7812-1, Luhn)."""
    return len(digits) >= _LEAST and _Luhn(digits).holds(0, len(digits))


class _Luhn:
    """The check of every window of ``digits``, each in constant time."""

    def __init__(self, digits: str) -> None:
        self._digits = digits
        self._sums: list[list[int]] = []
        """For windows whose last digit stands at an even place, and at an odd one: sums of all before a place."""
        plain = [int(digit) for digit in digits]
        doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in plain]
        for last in (0, 1):
            mixed = ((plain if place % 2 == last else doubled)[place] for place in range(len(plain)))
            self._sums.append([0, *accumulate(mixed)])

    def holds(self, start: int, end: int) -> bool:
        """Whether ``digits[start:end]`` may be the number of a card."""
        if not _LEAST <= end - start <= _MOST:
            return False
        sums = self._sums[(end - 1) % 2]
        return (sums[end] - sums[start]) % 10 == 0 and len(set(self._digits[start:end])) > 1


def _cards(text: str) -> str:
    return _replaced(text, _card_spans(text), "[card number]")


def _card_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers of cards are, also between other numbers: a date before one, its expiry after it."""
    for run in _RUN.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, run.start(), run.end())]
        # The place of each group's first digit among all digits of the run, and of the end.
        places = [0, *accumulate(end - start for start, end in groups)]
        if places[-1] < _LEAST:
            continue
        luhn = _Luhn("".join(text[start:end] for start, end in groups))
        taken = 0
        for first in range(len(groups)):
            if first < taken:
                continue
            last = _card_end(text, groups, places, first, luhn)
            if last >= first:
                yield groups[first][0], groups[last][1]
                taken = last + 1


def _card_end(text: str, groups: list[tuple[int, int]], places: list[int], first: int, luhn: _Luhn) -> int:
    """The last group of the longest number of a card that begins with the group ``first``; -1 for none."""
    if first == 0 and luhn.holds(0, places[-1]):
        return len(groups) - 1
    if str(int(text[groups[first][0]])) not in _ISSUERS:
        return -1
    most = bisect_right(places, places[first] + _MOST) - 1
    return next((end - 1 for end in range(most, first, -1) if luhn.holds(places[first], places[end])), -1)


def _without_last_digits(text: str) -> str:
    found = _LAST_DIGITS.match(text[::-1])
    return text if found is None else text[: len(text) - found.end()] + "[...]"


def _ibans(text: str) -> str:
    def hide(found: re.Match[str]) -> str:
        plain = found[0].replace(" ", "")
        # ISO 13616: the letters are numbers, the first four stand last, and the rest of 97 is 1.
        number = "".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])
        return "[account number]" if len(plain) <= 34 and int(number) % 97 == 1 else found[0]

    return _IBAN.sub(hide, text)


def _emails(text: str) -> str:
    return _EMAIL.sub("[e-mail address]", text) if "@" in text else text


_FINDERS: dict[str, Callable[[str], str]] = {"cards": _cards, "ibans": _ibans, "emails": _emails}


def _replaced(text: str, spans: Iterator[tuple[int, int]], shown: str) -> str:
    made, at = "", 0
    for start, end in spans:
        made += text[at:start] + shown
        at = end
    return made + text[at:]

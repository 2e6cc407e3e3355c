"""What is taken out of texts before anybody writes them down: numbers of cards and accounts, addresses, own patterns.

Pure. A text that is still growing hides a number before it is whole: nobody is shown all but the last digit of a card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from ...pipeline.options import Doc
from ..patterns import Phrase, Slow

__all__ = ["KINDS", "Kind", "Masked", "Redactor", "is_card_number"]

Kind = Literal["cards", "ibans", "emails"]
KINDS: tuple[str, ...] = get_args(Kind)

_LONG = 6
"""Digits at the end of a text that goes on from which on they may become a number of a card."""
_CARD = re.compile(r"(?<![0-9])(?:[0-9][ .\-]?){12,18}[0-9](?![0-9])")
_GROWING = re.compile(rf"(?:[0-9][ .\-]?){{{_LONG},}}$")
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
                text = _GROWING.sub("[...]", text)
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
    if not 13 <= len(digits) <= 19:
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if index % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0 and len(set(digits)) > 1


def _cards(text: str) -> str:
    def hide(found: re.Match[str]) -> str:
        digits = re.sub(r"[^0-9]", "", found[0])
        return "[card number]" if is_card_number(digits) else found[0]

    return _CARD.sub(hide, text)


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

"""Finding values of a known kind in an utterance: numbers, days, times, names, places.

All work on `Heard`. A value is what a tool would like to be given: numbers are numbers, a day is
``"Saturday"`` or ``"June 5th"``, a time ``"3:30 pm"``. The brain has no calendar and no clock, so "tomorrow"
stays "tomorrow".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .brain_text import Heard
from .brain_words import DAYS, MONTHS, STOPS

__all__ = [
    "DATE",
    "NUMBER",
    "TIME",
    "Found",
    "Value",
    "canonical",
    "find",
    "find_named",
]

Value = str | int | float | bool
"""What a slot may hold."""

_DAY = rf"(?:{'|'.join(DAYS)})s?"
_MONTH = rf"(?:{'|'.join(MONTHS)})"
_OF_MONTH = r"(?:\d{1,2}(?:st|nd|rd|th)?)"

NUMBER = r"\d{1,15}(?:\.\d{1,9})?(?:st|nd|rd|th)?"
DATE = (
    r"(?:\d{4} \d\d \d\d"
    rf"|(?:{_DAY} )?(?:the )?{_OF_MONTH} (?:of )?{_MONTH}(?: \d{{4}})?"
    rf"|(?:{_DAY} )?{_MONTH} (?:the )?{_OF_MONTH}(?: \d{{4}})?"
    rf"|(?:this|next|coming|last) (?:{_DAY}|week|weekend|month)"
    rf"|{_DAY}"
    r"|(?:the )?day after tomorrow|today|tomorrow|tonight|yesterday"
    r"|in \d+ (?:day|week|month)s?"
    r"|the \d{1,2}(?:st|nd|rd|th)(?= (?:at|in|for|and) |$)"
    r"|(?:the )?weekends?"
    r")"
)
_EXACT_TIME = (
    r"\d{1,2}:\d\d(?: [ap]m)?"
    r"|\d{1,2}[. ][0-5]\d [ap]m"
    r"|\d{1,2} ?[ap]m"
    r"|\d{1,2} oclock(?: [ap]m| in the (?:morning|afternoon|evening))?"
    r"|(?:half|(?:a )?quarter|\d{1,2}) (?:past|to) \d{1,2}(?: [ap]m)?"
    r"|noon|midday|midnight"
)
# "three thirty", which may as well be two numbers
_BARE_TIME = r"(?:1?\d|2[0-3]) [0-5]\d"
TIME = f"(?:{_EXACT_TIME}|{_BARE_TIME})"
# Only where no exact time is given.
_PART_OF_DAY = r"(?:(?:early|late) )?(?:morning|afternoon|evening|lunchtime)"
_WEEKDAY_OR_MONTH = frozenset([*DAYS, *MONTHS, *(f"{day}s" for day in DAYS)])

# Where a name or a free text ends.
_STOPS = STOPS | _WEEKDAY_OR_MONTH
_NAMED = re.compile(
    r"(?:name (?:is|of|would be|will be)|names|i am|this is|call me|it is for|on behalf of|speaking with) "
    r"(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the words it was made of: from `first` up to but not including `last`."""

    value: Value
    first: int
    last: int


def find(kind: str, heard: Heard, used: Collection[int] = ()) -> Iterator[Found]:
    """All values of `kind` in the words that are not `used`, in order.

    Args:
        kind: ``number``, ``date`` or ``time``.
    """
    patterns = {
        "number": (NUMBER,),
        "date": (DATE,),
        "time": (f"(?:{_EXACT_TIME})", _BARE_TIME, _PART_OF_DAY),
    }[kind]
    norm = heard.norm
    for pattern in patterns:
        some = False
        for match in re.finditer(rf"(?<!\S){pattern}(?!\S)", norm):
            first, last = heard.words_between(*match.span())
            if not any(index in used for index in range(first, last)):
                some = True
                yield Found(canonical(kind, match.group()), first, last)
        if some:
            return


def canonical(kind: str, words: str) -> Value:
    """The value of words that matched the pattern of `kind`."""
    if kind == "number":
        number = float(re.sub(r"[a-z]+$", "", words.strip()))
        return int(number) if number.is_integer() else number
    if kind == "date":
        return _date(words.strip())
    return _time(words.strip()) if kind == "time" else words.strip()


def find_named(heard: Heard, used: Collection[int], introductions: str = "") -> Found | None:
    """A name: after "my name is" and the like, else a run of capitals after one of the `introductions`.

    Args:
        introductions: words such as ``"for with"`` after which a capitalised word is meant.
    """
    for match in _NAMED.finditer(heard.norm):
        first = heard.words_between(*match.span())[1]
        certain = match.group().startswith("name")
        if found := _run(heard, first, used, capitals=not certain):
            return found
    before = introductions.split()
    for index, word in enumerate(heard.words[:-1]):
        if word in before:
            skip = 1 if heard.words[index + 1] in ("mr", "mrs", "ms", "dr", "the") else 0
            if found := _run(heard, index + 1 + skip, used, capitals=True):
                return found
    return None


def _run(heard: Heard, first: int, used: Collection[int], *, capitals: bool) -> Found | None:
    """Up to three words of a name from `first` on."""
    last = first
    while last < min(len(heard.words), first + 3) and last not in used:
        word = heard.words[last]
        if word in _STOPS or not word.isalpha() or (capitals and not heard.is_capital(last)):
            break
        last += 1
    return Found(heard.original(first, last), first, last) if last > first else None


def _date(words: str) -> str:
    if re.fullmatch(r"\d{4} \d\d \d\d", words):
        return words.replace(" ", "-")
    words = re.sub(r"^the (?!\d)", "", words)
    return " ".join(
        word.removesuffix("s").capitalize() if word in _WEEKDAY_OR_MONTH else word
        for word in words.split(" ")
    )


def _time(words: str) -> str:
    fixed = {"noon": "12 pm", "midday": "12 pm", "midnight": "12 am", "lunchtime": "12 pm"}
    if words in fixed:
        return fixed[words]
    half = re.search(r"([ap])m$|(morning)$|(afternoon|evening)$", words)
    suffix = "" if not half else f" {half[1] or ('a' if half[2] else 'p')}m"
    if relative := re.match(r"(half|(?:a )?quarter|\d{1,2}) (past|to) (\d{1,2})", words):
        past = 30 if relative[1] == "half" else 15 if "quarter" in relative[1] else int(relative[1])
        hour = int(relative[3])
        if relative[2] == "to":
            hour, past = (hour - 2) % 12 + 1, 60 - past
        return f"{hour}:{past % 60:02d}{suffix}"
    clock = re.match(r"(\d{1,2})(?:[:. ](\d\d))?", words)
    if not clock:
        return words
    return f"{int(clock[1])}:{clock[2]}{suffix}" if clock[2] else f"{int(clock[1])}{suffix or ':00'}"

"""Words as the brain compares them: whatever a recogniser or a person writes comes out the same.

Lower case, no punctuation, contractions written out, numbers as digits ("twenty-five" is 25, "third" 3rd),
"P.M." and "p m" as pm, hesitations and "please" left out. Every word remembers where in the original text it
stands, so that a name keeps its capitals when it is handed on.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from itertools import islice

from .brain_words import HESITATIONS, IS_BEHIND, ORDINALS, TENS, UNITS

__all__ = ["Heard", "is_called_off", "listen", "normal", "stem"]

# Nobody says more in one breath; patterns with several gaps get slow on texts without end.
_MOST_WORDS = 200

_TOKEN = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)"  # 1,250
    r"|\d+:\d\d(?!\d)"  # 3:30
    r"|\d+(?:\.\d+)?(?:st|nd|rd|th)?(?![^\W_])"  # 25, 3.5, 3rd
    r"|\b[ap]\.\s?m\b\.?"  # p.m.
    r"|[^\W_]+(?:['\u2019][^\W_]+)*"
    r"|%",
    re.IGNORECASE,
)
_WRITTEN_OUT = {
    "ain't": "is not",
    "can't": "can not",
    "cannot": "can not",
    "gonna": "going to",
    "let's": "let us",
    "ok": "okay",
    "o'clock": "oclock",
    "shan't": "shall not",
    "wanna": "want to",
    "won't": "will not",
    "y'all": "you all",
    "%": "percent",
}
_ENDINGS = {"n't": "not", "'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would"}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}


@dataclass(frozen=True, slots=True)
class Heard:
    """An utterance: the text as it came, and its words as they are compared."""

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    """Where in `text` each word stands."""

    @property
    def norm(self) -> str:
        """The words with one space between."""
        return " ".join(self.words)

    def original(self, first: int, last: int) -> str:
        """The text from word `first` up to but not including word `last`."""
        if first >= last:
            return ""
        return self.text[self.spans[first][0] : self.spans[last - 1][1]].strip()

    def is_capital(self, index: int) -> bool:
        """Whether the word began with a capital letter in the text."""
        return self.text[self.spans[index][0]].isupper()

    def words_between(self, start: int, end: int) -> tuple[int, int]:
        """The words that `norm[start:end]` covers, as first and one past the last."""
        norm = self.norm
        piece = norm[start:end].strip()
        first = norm[:start].count(" ") + (1 if norm[start : start + 1] == " " else 0)
        return (first, first + len(piece.split(" "))) if piece else (first, first)


def listen(text: str) -> Heard:
    """Take an utterance apart. Any text will do; after 200 words the rest is left out."""
    tokens = [
        (match.group(), match.start(), match.end())
        for match in islice(_TOKEN.finditer(text), 4 * _MOST_WORDS)
    ]
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens) and len(words) < _MOST_WORDS:
        number, count = _number(text, tokens, at)
        if count:
            expanded = [number]
        else:
            count = 1
            expanded = [word for word in _expand(tokens[at][0]) if word not in HESITATIONS]
            # "three thirty p M", as recognisers write it
            if expanded in (["a"], ["p"]) and words and words[-1][0].isdigit() and _is(tokens, at + 1, "m"):
                expanded, count = [expanded[0] + "m"], 2
        words.extend(expanded)
        spans.extend([(tokens[at][1], tokens[at + count - 1][2])] * len(expanded))
        at += count
    return Heard(text, tuple(words), tuple(spans))


def normal(text: str) -> str:
    """The words of `text` as they are compared, with one space between."""
    return listen(text).norm


@functools.lru_cache(maxsize=4_096)
def stem(word: str) -> str:
    """What the forms of an English word share, roughly: opening, opened and opens give "open"."""
    for ending, instead in _SUFFIXES:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: len(word) - len(ending)] + instead
            break
    if len(word) > 3 and word[-1] in "ey":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeious":
        word = word[:-1]
    return word


_SUFFIXES = (
    ("ability", "abl"),
    ("ations", ""),
    ("ation", ""),
    ("sses", "ss"),
    ("ings", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("ing", ""),
    ("ed", ""),
    ("es", ""),
    ("ss", "ss"),
    ("s", ""),
    ("ly", ""),
)


def _is(tokens: list[tuple[str, int, int]], at: int, word: str) -> bool:
    return at < len(tokens) and tokens[at][0].lower() == word


def _expand(token: str) -> list[str]:
    """One token as words: contractions written out, a possessive's ending left out."""
    word = unicodedata.normalize("NFKC", token).lower().replace("\u2019", "'")
    if word in _WRITTEN_OUT:
        return _WRITTEN_OUT[word].split()
    if re.fullmatch(r"[ap]\.\s?m\.?", word):
        return [word[0] + "m"]
    if re.fullmatch(r"[\d,]+(?:[.:]\d+)?", word):
        return [word.replace(",", "")]
    if word.endswith("'s"):
        return [word[:-2], "is"] if word[:-2] in IS_BEHIND else [word[:-2]]
    for ending, instead in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return [word[: -len(ending)], instead]
    # Normalising may have made spaces and signs of a single letter; a word has neither.
    return re.findall(r"[^\W_]+", word.replace("'", ""))


def _number(text: str, tokens: list[tuple[str, int, int]], start: int) -> tuple[str, int]:
    """The number spelled out from token `start` on, in digits, and how many tokens it takes; 0 if none."""
    total = current = 0
    at, room = start, 0  # room: below which power of ten a further word may still add
    while at < len(tokens):
        word = tokens[at][0].lower()
        if at > start and text[tokens[at - 1][2] : tokens[at][1]].strip(" -"):
            break  # "twenty, five" are two numbers
        if word in ORDINALS and (at == start or room > ORDINALS[word]):
            number = total + current + ORDINALS[word]
            return f"{number}{_ordinal_ending(number)}", at + 1 - start
        if word in UNITS and (at == start or room > UNITS[word] > 0):
            current, room = current + UNITS[word], 0
        elif word in TENS and (at == start or room > TENS[word]):
            current, room = current + TENS[word], 10
        elif word in _SCALES and at > start and 0 < current < _SCALES[word]:
            current *= _SCALES[word]
            room = _SCALES[word]
            if _SCALES[word] > 100:
                total, current = total + current, 0
        elif word == "a" and at == start and at + 1 < len(tokens) and tokens[at + 1][0].lower() in _SCALES:
            current = 1
        elif not (word == "and" and room >= 100 and _spells(tokens, at + 1)):
            break
        at += 1
    if at == start:
        return "", 0
    value = str(total + current)
    if _is(tokens, at, "point") and _spells(tokens, at + 1):
        at += 1
        value += "."
        while _spells(tokens, at) and (digit := UNITS.get(tokens[at][0].lower(), 10)) < 10:
            value += str(digit)
            at += 1
        if value.endswith("."):
            return value[:-1], at - 1 - start
    return value, at - start


def _spells(tokens: list[tuple[str, int, int]], at: int) -> bool:
    return at < len(tokens) and tokens[at][0].lower() in UNITS.keys() | TENS.keys()


def _ordinal_ending(number: int) -> str:
    if 10 < number % 100 < 14:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


_CALLED_OFF = re.compile(
    r"^(?:(?:oh|no|okay|actually|sorry|well) )*"
    r"(?:never mind|nevermind|forget (?:it|about it|that)|cancel(?: that| it)?"
    r"|stop(?: it| that)?|leave it|do not bother|nothing|no thank you|no thanks)\b"
)


def is_called_off(heard: Heard) -> bool:
    """Whether the user does not want to answer a question after all."""
    return _CALLED_OFF.search(heard.norm) is not None

"""What a rule listens for: phrases with slots, keyword lists, regular expressions.

A phrase is matched anywhere in the utterance, word by word, in the form of `brain_text`:

- ``book a table`` the words, in any case, with any punctuation
- ``(hi|hello|good morning)`` one of these; ``[very]`` or ``[very|really]`` may be left out
- ``{name}`` any words; ``{n:number}`` only a number: see `SLOT_KINDS`
- ``^`` first and ``$`` last tie the phrase to the beginning and the end of the utterance

``/.../`` is a regular expression over the same form, with named groups as slots.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .brain_slots import DATE, NUMBER, TIME, Value, canonical
from .brain_text import Heard, normal, stem

__all__ = ["SLOT_KINDS", "Keywords", "Pattern", "Phrase", "PhraseError", "compile_keywords", "compile_phrase"]

SLOT_KINDS = ("text", "verbatim", "word", "number", "date", "time")
"""What a slot may hold. ``verbatim`` is text that keeps its last punctuation mark."""

_REGEX = {
    "text": r"(?: \S+)+?",
    "verbatim": r"(?: \S+)+?",
    "word": r" \S+",
    "number": f" {NUMBER}",
    "date": f" {DATE}",
    "time": f" {TIME}",
}


class PhraseError(ValueError):
    """A pattern that cannot be read. `at` is the character of it that is wrong."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Phrase:
    """A compiled phrase or regular expression."""

    regex: re.Pattern[str]
    kinds: dict[str, str]
    """The kind of every slot."""
    lead: str = " "
    """What stands before the first word: a space for phrases, whose every element begins with one."""

    def match(self, heard: Heard) -> dict[str, Value] | None:
        """The values of the slots when the utterance matches, else None."""
        found = self.regex.search(self.lead + heard.norm)
        if found is None:
            return None
        values: dict[str, Value] = {}
        for name, kind in self.kinds.items():
            words = found.group(name)
            if words is None or not words.strip():
                continue
            if kind in ("text", "verbatim", "word"):
                start, end = found.span(name)
                moved = len(self.lead)
                values[name] = _original(heard, start - moved, end - moved, keep_end=kind == "verbatim")
            else:
                values[name] = canonical(kind, words.strip())
        return values


@dataclass(frozen=True, slots=True)
class Keywords:
    """Words that must all be there, in any order and form; each may be one of several."""

    groups: tuple[frozenset[str], ...]
    kinds: dict[str, str]

    def match(self, heard: Heard) -> dict[str, Value] | None:
        """An empty mapping when every keyword was said, else None."""
        said = {stem(word) for word in heard.words}
        return {} if all(group & said for group in self.groups) else None


Pattern = Phrase | Keywords
"""Anything that a rule can listen for."""


def compile_keywords(words: Sequence[str]) -> Keywords:
    """Keywords from a list; ``"cancel|delete"`` is one of two.

    Raises:
        PhraseError: an item holds no word.
    """
    groups = []
    for item in words:
        group = frozenset(stem(word) for word in normal(item.replace("|", " ")).split())
        if not group:
            raise PhraseError(f"there is no word in {item!r}", 0)
        groups.append(group)
    return Keywords(tuple(groups), {})


def compile_phrase(source: str) -> Phrase:
    """A phrase, or between slashes a regular expression.

    Raises:
        PhraseError: it cannot be read; the message says what was expected.
    """
    if len(source) > 1 and source.startswith("/") and source.endswith("/"):
        try:
            regex = re.compile(source[1:-1])
        except re.error as error:
            raise PhraseError(f"not a regular expression: {error.msg}", 1 + (error.pos or 0)) from None
        return Phrase(regex, dict.fromkeys(regex.groupindex, "text"), lead="")
    parser = _Parser(source)
    return Phrase(re.compile(parser.whole()), parser.kinds)


class _Parser:
    """Recursive descent over a phrase; every element becomes an expression that begins with a space."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self.kinds: dict[str, str] = {}

    def whole(self) -> str:
        """The regular expression of the whole phrase."""
        body = self._source.rstrip()
        tied_start = body.lstrip().startswith("^")
        tied_end = body.endswith("$")
        if tied_start:
            self._at = body.index("^") + 1
        self._end = len(body) - 1 if tied_end else len(body)
        regex = self._sequence("")
        if self._at < self._end:
            raise PhraseError(f"unexpected {self._source[self._at]!r}", self._at)
        if re.fullmatch(regex, "") or not regex:
            raise PhraseError("nothing in this phrase has to be said; expected at least one word or slot", 0)
        return f"{'^' if tied_start else ''}{regex}{'$' if tied_end else '(?= |$)'}"

    def _sequence(self, closing: str) -> str:
        parts = []
        while self._at < self._end and self._source[self._at] not in (closing or "\0") + (
            "|" if closing else ""
        ):
            char = self._source[self._at]
            if char in "([":
                parts.append(self._choice(char))
            elif char == "{":
                parts.append(self._slot())
            elif char in ")]}|^$":
                raise PhraseError(f"unexpected {char!r}", self._at)
            else:
                parts.append(self._words())
        return "".join(parts)

    def _choice(self, opening: str) -> str:
        start, closing = self._at, {"(": ")", "[": "]"}[opening]
        self._at += 1
        choices = [self._sequence(closing)]
        while self._at < self._end and self._source[self._at] == "|":
            self._at += 1
            choices.append(self._sequence(closing))
        if self._at >= self._end:
            raise PhraseError(f"{opening!r} is never closed, expected {closing!r}", start)
        self._at += 1
        if not all(choices):
            raise PhraseError("an empty choice; expected words on both sides of '|'", start)
        return f"(?:{'|'.join(choices)}){'?' if opening == '[' else ''}"

    def _slot(self) -> str:
        start = self._at
        match = re.compile(r"\{\s*([a-zA-Z_]\w*)\s*(?::\s*(\w+)\s*)?\}").match(self._source, start)
        if not match:
            raise PhraseError("expected a slot such as {name} or {count:number}", start)
        name, kind = match[1], match[2] or "text"
        if kind not in SLOT_KINDS:
            raise PhraseError(f"no kind of slot: {kind!r}; expected {', '.join(SLOT_KINDS)}", match.start(2))
        if name in self.kinds:
            raise PhraseError(f"the slot {{{name}}} stands twice in one phrase", start)
        self.kinds[name] = kind
        self._at = match.end()
        # With nothing behind it a text takes the rest of the utterance, else as little as it can.
        rest = self._source[self._at : self._end].strip()
        regex = _REGEX[kind].removesuffix("?") if not rest and kind in ("text", "verbatim") else _REGEX[kind]
        return f"(?P<{name}>{regex})"

    def _words(self) -> str:
        start = self._at
        while self._at < self._end and self._source[self._at] not in "()[]{}|^$":
            self._at += 1
        return "".join(f" {re.escape(word)}" for word in normal(self._source[start : self._at]).split())


def _original(heard: Heard, start: int, end: int, *, keep_end: bool) -> str:
    """The original text of `norm[start:end]`."""
    first, last = heard.words_between(max(0, start), end)
    text = heard.original(first, last)
    if keep_end and last > first:
        after = re.match(r"[.!?\u2026]+", heard.text[heard.spans[last - 1][1] :])
        text += after.group() if after else ""
    return text

"""Requests about how to speak, in whatever words: to say something word for word, or to greet.

Programs give them, people hardly ever do. Whoever is asked to say what stands in quotation marks says that, in any
wording; tags around instructions are not read aloud.
"""

from __future__ import annotations

import re

__all__ = [
    "after_notes",
    "asks_for_greeting",
    "in_other_words",
    "is_note",
    "quoted",
    "untagged",
]

_QUOTED = re.compile(
    r"(?<!\byour )(?<!\blast )\b(?:say|saying|speak|greet|greeting|welcome|reply|respond|answer|begin|start|open|repeat"
    r"|read)\b"
    r"[^\"\u201c\u201d]{0,120}[\"\u201c](?P<words>.+)[\"\u201d]",
    re.IGNORECASE | re.DOTALL,
)
_GREET = re.compile(
    r"\W*(?:(?:please|now|you|should|must|can|could) )*(?:greet|welcome|say (?:hello|hi) to)\b"
    r"(?: (?:the|your|our))?(?: (?:user|caller|customer|guest|patient|visitor|person|me))?"
    r"(?: (?:now|warmly|briefly|politely))?(?:\W*$|[.,;:!]| and | in | by (?!saying)| then )",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"\s*<(?P<tag>[A-Za-z_]\w*)>(?P<text>.*)</(?P=tag)>\s*", re.DOTALL)
_OTHERWISE = (
    ("hello", "hi"),
    ("good morning", "hello"),
    ("good afternoon", "hello"),
    ("good evening", "hello"),
    ("good day", "hello there"),
    ("how can i help", "what can I do for"),
    ("how may i help", "what can I do for"),
    ("thank you for calling", "thanks for your call to"),
    ("welcome to", "you have reached"),
    ("would you like", "do you want"),
    ("please", "kindly"),
)


def quoted(text: str) -> str | None:
    """What is to be said word for word; None where nothing is. Of several notes in brackets the last one asks."""
    found = _QUOTED.search(text.rpartition("][")[2] if is_note(text) else text)
    return found["words"].strip() or None if found else None


def asks_for_greeting(text: str) -> bool:
    """Whether it wants that somebody is greeted, and leaves the words open."""
    return _GREET.match(text) is not None


def untagged(text: str) -> str | None:
    """The instructions between tags that enclose the whole of it; None where there are none."""
    found = _TAGGED.fullmatch(text)
    return found["text"].strip() if found else None


def is_note(text: str) -> bool:
    """Whether all of it is in brackets: notes to the model, as a play has them, and nothing that somebody says."""
    begin = _notes_end(text)
    return begin is not None and not text[begin:].strip()


def after_notes(text: str) -> str:
    """What is asked for behind notes that lead it, which may quote anything; all of it where there is nothing else."""
    begin = _notes_end(text)
    return text[begin:].lstrip() or text if begin is not None else text


def _notes_end(text: str) -> int | None:
    """Where the notes at the beginning are over; None where there are none, or where they have no end."""
    depth, end = 0, None
    for index, letter in enumerate(text):
        depth += letter == "["
        if depth == 0 and not letter.isspace():
            break
        if letter == "]":
            depth -= 1
            end = index + 1
    return end if depth == 0 else None


def in_other_words(text: str) -> str:
    """The same said differently, as a model does that was asked to say it word for word."""
    changed = text
    for given, instead in _OTHERWISE:
        found = re.search(rf"\b{given}\b", changed, re.IGNORECASE)
        if found:
            changed = changed[: found.start()] + _like(found.group(), instead) + changed[found.end() :]
    return changed if changed != text else f"Well then. {text}"


def _like(given: str, instead: str) -> str:
    """With a capital where there was one."""
    return instead[:1].upper() + instead[1:] if given[:1].isupper() else instead

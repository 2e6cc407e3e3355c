"""Putting a tool's answer, and a rule's template, into words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Template", "TemplateError", "join_words", "label", "parse_template", "phrase", "sentence"]

# A caller listens to this; nobody wants to hear a table.
_MOST_ITEMS = 6
_LONGEST = 600
_SPEAKABLE = ("message", "speech", "answer", "text", "summary", "reply", "say", "output", "result")
_DONE = ("", "ok", "success", "done")
_PLACE = re.compile(r"\{\{|\}\}|\{\s*([A-Za-z_]\w*)((?:\.\w+)*)\s*(?:\|([^{}]*))?\}|[{}]")


class TemplateError(ValueError):
    """A template that cannot be read. `at` is the character of it that is wrong."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    path: tuple[str, ...]
    default: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Template:
    """Text with places such as ``{name}``, ``{result.price}`` and ``{name|somebody}``; ``{{`` is a brace."""

    parts: tuple[str | _Place, ...]

    @property
    def names(self) -> dict[str, int]:
        """The names it uses, and the character at which each stands first."""
        places = [part for part in self.parts if isinstance(part, _Place)]
        return {place.name: place.at for place in reversed(places)}

    @property
    def unsure(self) -> dict[str, int]:
        """Those of the names that have no default."""
        places = [part for part in self.parts if isinstance(part, _Place) and part.default is None]
        return {place.name: place.at for place in reversed(places)}

    @property
    def only(self) -> str | None:
        """The name, when the template is that place and nothing else."""
        match self.parts:
            case (_Place(name=name, path=()),):
                return name
        return None

    def fill(self, values: Mapping[str, object], instead: str | None = None) -> str | None:
        """The text, or None when a place has no value, no default and there is nothing to put `instead`."""
        made = []
        for part in self.parts:
            if isinstance(part, str):
                made.append(part)
                continue
            value = _walk(values.get(part.name), part.path)
            if value is None:
                default = instead if part.default is None else part.default
                if default is None:
                    return None
                made.append(default)
            else:
                made.append(phrase(value))
        # A result may bring its own full stop to a template that has one, and a gap leaves a space or a colon there.
        text = re.sub(r"([.!?])\.(?!\.)", r"\1", "".join(made))
        return re.sub(r"[\s:,;]+([.!?])(?=\s|$)", r"\1", text).strip()


def parse_template(source: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: a brace that opens or closes nothing.
    """
    parts: list[str | _Place] = []
    end = 0
    for match in _PLACE.finditer(source):
        parts.append(source[end : match.start()])
        end = match.end()
        if match.group() in ("{{", "}}"):
            parts.append(match.group()[0])
        elif match[1] is None:
            raise TemplateError(
                "expected a place such as {name} or {result.price}; '{{' is a brace", match.start()
            )
        else:
            path = tuple(match[2].split(".")[1:])
            parts.append(_Place(match[1], path, match[3], match.start()))
    parts.append(source[end:])
    return Template(tuple(part for part in parts if part != ""))


def sentence(value: object) -> str:
    """A tool's answer to say aloud: texts, numbers, lists of them, and of an object the entry that is meant for it.

    Whoever wants more of an object said writes a rule with ``say_result``.
    """
    match value:
        case None | "" | True:
            text = "Done."
        case False:
            text = "No, that did not work."
        case str():
            text = value
        case int() | float():
            text = f"It is {phrase(value)}."
        case Mapping():
            state = value.get("status")
            text = (
                f"It is {phrase(state)}."
                if isinstance(state, str) and state.lower() not in _DONE
                else "Done."
            )
            text = _spoken(value) or text
        case Sequence() if value:
            text = f"I found {phrase(value)}."
        case _:
            text = "I found nothing."
    return _finished(text)


def phrase(value: object) -> str:
    """A value in the middle of a sentence."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case int():
            # Python refuses to write out more than some thousand digits.
            return str(value) if abs(value) < 10**300 else "a very large number"
        case str():
            return " ".join(value.split())[:_LONGEST]
        case Mapping():
            return _spoken(value) or "that"
        case Sequence() if value and not any(isinstance(item, Mapping | list) for item in value):
            said = [phrase(item) for item in value[:_MOST_ITEMS]]
            more = len(value) - len(said)
            return join_words([*said, f"{more} more"] if more else said)
        case Sequence():
            return f"{len(value)} of them" if value else "nothing"
    return "that"


def _spoken(value: Mapping[object, object]) -> str:
    """The text in an object that is there to be said."""
    for key in _SPEAKABLE:
        if isinstance(text := value.get(key), str) and text.strip():
            return text
    return ""


def label(name: object) -> str:
    """An identifier as words: ``openingHours`` and ``opening_hours`` are "opening hours"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", str(name))
    return " ".join(re.sub(r"[_\W]+", " ", spaced).split()).lower()


def join_words(items: Sequence[str], joint: str = ", ", last: str = " and ") -> str:
    """``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return joint.join(items[:-1]) + last + items[-1]


def _finished(text: str) -> str:
    """With a capital in front and a full stop behind, and no longer than one can listen to."""
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rsplit(" ", 1)[0].rstrip(",;: ") + "."
    if text and text[-1] not in ".!?\u2026\"'":
        text += "."
    return text[:1].upper() + text[1:]


def _walk(value: object, path: tuple[str, ...]) -> object:
    for step in path:
        match value:
            case Mapping():
                value = value.get(step)
            case Sequence() if step.isdigit() and len(step) < 6 and not isinstance(value, str):
                value = value[int(step)] if int(step) < len(value) else None
            case _:
                return None
    return value

"""Putting a tool's answer, and a rule's template, into words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Template", "TemplateError", "join_words", "label", "parse_template", "phrase", "sentence"]

# A caller listens to this; nobody wants to hear a table.
_MOST_ITEMS = 6
_LONGEST = 600
_SPEAKABLE = ("output", "result", "message", "summary", "text")
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
    """A tool's answer to say aloud: a text, a number, and of an object the text that is meant for it.

    Whoever wants more of an object said writes a rule with ``say_result``, or lets a text model think.
    """
    match value:
        case False:
            text = "No, that did not work."
        case str() if value.strip():
            text = value
        case int() | float() if value is not True:
            text = f"It is {phrase(value)}."
        case Mapping():
            text = _spoken(value) or "Done."
        case _:
            text = "Done."
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
        case Sequence() if value:
            return join_words([phrase(item) for item in value[:_MOST_ITEMS]])
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
            case _:
                return None
    return value

"""Filling a tool's parameters from an utterance, and asking for those that are missing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .brain_reply import Template, join_words
from .brain_slots import Found, Value, find, find_named
from .brain_text import Heard, normal, stem
from .brain_tools import Arguments, DeclaredTool, Parameter, coerce
from .brain_words import SMALL

__all__ = ["answer", "fill", "fill_from_rule", "missing", "question"]

# What people put before an answer, and before what an answer is about.
_LEAD = re.compile(
    r"^(?:(?:yes|yeah|okay|well|sure|oh|so|it is|that is|that would be|it would be|make it|make that|"
    r"let us say|"
    r"i would like|i want|i will take|i need|i think|my name is|the name is|name is|i am|this is|call me|say|"
    r"for|at|on|in|to|about|under|the name)(?: |$))+"
)
# In this order, the most certain first.
_TELLING = ("choice", "date", "time", "number", "integer", "name", "place")


def fill(
    tool: DeclaredTool, heard: Heard, have: Mapping[str, object] | None = None, asked: Parameter | None = None
) -> Arguments:
    """The arguments that an utterance gives, besides those that are there already.

    Parameters of a telling kind (days, numbers, choices) come first and use up their words, so that the hour
    of an appointment does not become the number of guests. Texts of no kind are asked for.

    Args:
        asked: the parameter that the utterance is expected to answer: a bare "ten" or "Mary" will do for it.
    """
    args: Arguments = dict(have or {})
    used: set[int] = set()
    if asked and (value := _answer(asked, heard, used)) is not None:
        args[asked.name] = coerce(asked, value)
    wanted = [parameter for parameter in tool.parameters if parameter.name not in args]
    for kind in _TELLING:
        for parameter in (each for each in wanted if each.kind == kind and each is not asked):
            if (value := _typed(parameter, heard, used)) is not None:
                args[parameter.name] = coerce(parameter, value)
    return args


def missing(tool: DeclaredTool, args: Mapping[str, object]) -> Parameter | None:
    """The first required parameter without an argument. What is no single value cannot be asked for and is left out."""
    for parameter in tool.parameters:
        if parameter.required and parameter.name not in args and parameter.kind != "other":
            return parameter
    return None


def question(parameter: Parameter) -> str:
    """How to ask a caller for a parameter."""
    name = parameter.label
    if parameter.choices:
        return f"Which {name}: {join_words(parameter.choices[:6], last=' or ')}?"
    match parameter.kind:
        case "date":
            return "For which day?" if name in ("date", "day") else f"What is the {name}?"
        case "time":
            return "At what time?" if name == "time" else f"What is the {name}?"
        case "name":
            return "What is the name, please?" if "name" in name else f"Who is the {name}?"
        case "number" | "integer":
            plural = name.endswith("s") and not name.endswith("ss")
            return f"How many {name}?" if plural else f"What is the {name}?"
        case _:
            plural = name.endswith("s") and not name.endswith("ss")
            return f"What {'are' if plural else 'is'} the {name}?"


def answer(parameter: Parameter, heard: Heard) -> object | None:
    """The value in the answer to `question`, or None when there is none of that kind."""
    value = _answer(parameter, heard, set())
    return None if value is None else coerce(parameter, value)


def _answer(parameter: Parameter, heard: Heard, used: set[int]) -> Value | None:
    if (value := _typed(parameter, heard, used, asked=True)) is not None:
        return value
    if parameter.kind not in ("text", "name", "place"):
        return None
    start = _LEAD.match(heard.norm + " ")
    first = len(start.group().split()) if start else 0
    if first >= len(heard.words):
        first = 0
    used.update(range(first, len(heard.words)))
    return heard.original(first, len(heard.words)) or None


def _typed(parameter: Parameter, heard: Heard, used: set[int], *, asked: bool = False) -> Value | None:
    """A value of a telling kind, its words marked as used."""
    kind = parameter.kind
    found: Found | None = None
    if kind == "choice":
        found = _choice(parameter, heard, used)
    elif kind in ("date", "time"):
        found = next(find(kind, heard, used), None)
        if found is None and kind == "time":
            found = _bare_hour(heard, used, asked)
    elif kind in ("number", "integer"):
        found = _number(parameter, heard, used)
    elif kind == "name":
        found = find_named(heard, used, "for with to by patient customer guest doctor")
    elif kind == "place":
        found = find_named(heard, used, "in for at to from near of around")
    if found is None:
        return None
    used.update(range(found.first, found.last))
    return found.value


def _bare_hour(heard: Heard, used: set[int], asked: bool) -> Found | None:
    """ "at ten", or just "ten" as the answer to a question."""
    for index, word in enumerate(heard.words):
        before = heard.words[index - 1] if index else ""
        if (
            re.fullmatch(r"1?\d|2[0-4]", word)
            and index not in used
            and (asked or before in ("at", "around", "by"))
        ):
            return Found(f"{word}:00", index, index + 1)
    return None


def _number(parameter: Parameter, heard: Heard, used: set[int]) -> Found | None:
    """The number next to a word of the parameter's name or description, else the first one left."""
    numbers = [
        found
        for found in find("number", heard, used)
        if parameter.kind == "number" or isinstance(found.value, int)
    ]
    about = {stem(word) for word in normal(f"{parameter.label} {parameter.description}").split()} - SMALL
    for right, left in ((0, 1), (1, 2)):
        for found in numbers:
            beside = heard.words[found.last + right : found.last + right + 1]
            beside += heard.words[max(0, found.first - left) : max(0, found.first - left + 1)]
            if any(stem(word) in about for word in beside):
                return found
    return numbers[0] if numbers else None


def _choice(parameter: Parameter, heard: Heard, used: set[int]) -> Found | None:
    """The longest choice whose words were said, in whatever form."""
    said = [stem(word) for word in heard.words]
    for choice in sorted(parameter.choices, key=len, reverse=True):
        wanted = [stem(word) for word in normal(choice.replace("_", " ").replace("-", " ")).split()]
        for first in range(len(said) - len(wanted) + 1):
            last = first + len(wanted)
            if wanted and said[first:last] == wanted and not used & set(range(first, last)):
                return Found(choice, first, last)
    return None


def fill_from_rule(
    tool: DeclaredTool, wanted: Mapping[str, object], values: Mapping[str, object]
) -> Arguments:
    """A rule's arguments filled in and made of the declared types; those without a value are left out."""
    declared = {parameter.name: parameter for parameter in tool.parameters}
    args: Arguments = {}
    for name, source in wanted.items():
        value = (
            [_made(item, values) for item in source] if isinstance(source, list) else _made(source, values)
        )
        if value is not None:
            args[name] = coerce(declared[name], value) if name in declared else value
    return args


def _made(source: object, values: Mapping[str, object]) -> object:
    if not isinstance(source, Template):
        return source
    return values.get(source.only) if source.only else source.fill(values)

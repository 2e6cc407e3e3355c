"""What of an utterance a tool is called with, and what answers a rule's question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .brain_reply import Template
from .brain_script import Ask
from .brain_slots import TIME, Found, Value, find, find_named
from .brain_text import Heard, normal, stem
from .brain_tools import Arguments, DeclaredTool, Parameter, coerce
from .brain_words import SMALL

__all__ = ["answer", "fill", "fill_from_rule", "is_unfinished", "missing", "volunteered"]

# What people put before an answer, and before what an answer is about.
_LEAD = re.compile(
    r"^(?:(?:yes|yeah|okay|well|sure|oh|so|it is|that is|that would be|it would be|make it|make that|"
    r"let us say|"
    r"i would like|i want|i will take|i need|i think|my name is|the name is|name is|i am|this is|call me|say|"
    r"for|at|on|in|to|about|under|the name)(?: |$))+"
)
# After one of these something has to come.
_UNFINISHED = re.compile(r"\b(?:is|am|for|at|on|in|to|about|under|say|me|like|want|need|take|be|it|that)$")
# What is said while one looks for a day, a time or a number.
_THINKING = re.compile(
    r"^(?:(?:okay|yes|yeah|right|all right|sure|let me (?:think|see|look|check)"
    r"|(?:just )?(?:a|1) (?:moment|second))(?: |$))+$"
)
# In this order, the most certain first.
_TELLING = ("date", "time", "number", "integer", "name", "place")


def fill(tool: DeclaredTool, heard: Heard) -> Arguments:
    """The arguments that an utterance gives. Texts of no kind, and choices, are not guessed at.

    Parameters of a telling kind use up their words, so that the hour of an appointment does not become the number of
    guests.
    """
    args: Arguments = {}
    used: set[int] = set()
    for kind in _TELLING:
        for parameter in (each for each in tool.parameters if each.kind == kind):
            if (found := _find(parameter, heard, used)) is not None:
                used.update(range(found.first, found.last))
                args[parameter.name] = coerce(parameter, found.value)
    return args


def missing(tool: DeclaredTool, args: Mapping[str, object]) -> list[str]:
    """What a tool has to be told besides, in words."""
    return [each.label for each in tool.parameters if each.required and each.name not in args]


def answer(kind: str, heard: Heard) -> Value | None:
    """The value in the answer to a rule's question, or None when there is none of that kind."""
    if kind in ("date", "time", "number"):
        found = next(find(kind, heard), None)
        if found is None and kind == "time":
            found = _hour(heard, set(), asked=True)
        return None if found is None else found.value
    start = _LEAD.match(heard.norm + " ")
    first = len(start.group().split()) if start else 0
    return heard.original(first if first < len(heard.words) else 0, len(heard.words)) or None


def is_unfinished(kind: str, heard: Heard) -> bool:
    """Whether nothing was said but what people put before an answer: "my name is", or "okay", and a pause."""
    if kind in ("date", "time", "number") and _THINKING.match(heard.norm):
        return True
    return (
        _UNFINISHED.search(heard.norm) is not None
        and (lead := _LEAD.match(heard.norm + " ")) is not None
        and len(lead.group().split()) == len(heard.words)
    )


def volunteered(asks: Sequence[Ask], heard: Heard, told: Mapping[str, object]) -> dict[str, Value]:
    """What an utterance tells of the slots that a rule asks for, so that nobody is asked for what they have said.

    Days, times, and the name after "my name is"; numbers may be about anything. A kind that two of the slots have is
    not guessed at, and neither is a time in "good morning".

    Args:
        told: the slots that are known: what they hold is not taken for another one.
    """
    kinds = [ask.kind for ask in asks]
    values: dict[str, Value] = {}
    for ask in asks:
        if ask.slot == "name" and (named := find_named(heard, ())) is not None:
            values["name"] = named.value
        elif ask.kind in ("date", "time") and kinds.count(ask.kind) == 1:
            for found in _stated(ask.kind, heard):
                if found.value not in told.values():
                    values[ask.slot] = found.value
                    break
    return values


def _stated(kind: str, heard: Heard) -> list[Found]:
    found = list(find(kind, heard))
    if kind == "time":
        found = [each for each in found if re.fullmatch(TIME, " ".join(heard.words[each.first : each.last]))]
        if not found and (hour := _hour(heard, set())) is not None:
            found = [hour]
    return found


def _find(parameter: Parameter, heard: Heard, used: set[int]) -> Found | None:
    """A value of the parameter's kind, in words that nothing else has used."""
    match parameter.kind:
        case "date":
            return next(find("date", heard, used), None)
        case "time":
            return next(find("time", heard, used), None) or _hour(heard, used)
        case "name":
            return find_named(heard, used, "for with to by patient customer guest doctor")
        case "place":
            return find_named(heard, used, "in for at to from near of around")
        case _:
            return _number(parameter, heard, used)


def _hour(heard: Heard, used: set[int], *, asked: bool = False) -> Found | None:
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


def fill_from_rule(
    tool: DeclaredTool, wanted: Mapping[str, object], values: Mapping[str, object]
) -> Arguments:
    """A rule's arguments filled in and made of the declared types; those without a value are left out."""
    declared = {parameter.name: parameter for parameter in tool.parameters}
    args: Arguments = {}
    for name, source in wanted.items():
        value = _made(source, values)
        if value is not None:
            args[name] = coerce(declared[name], value) if name in declared else value
    return args


def _made(source: object, values: Mapping[str, object]) -> object:
    if not isinstance(source, Template):
        return source
    return values.get(source.only) if source.only else source.fill(values)

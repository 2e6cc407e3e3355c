"""Type hints of options: taken apart, and put into words for messages."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import functools
import inspect
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from ..options import MISSING, FileWord, ModuleRef, OptionSpec, Range, Secret, Unit, history
from .scalars import EnvText

__all__ = [
    "choices_of",
    "clip",
    "describe",
    "group_fields",
    "is_file_word",
    "is_group",
    "is_module_ref",
    "show",
    "spelling",
    "strip",
    "union_members",
]

_LONGEST_SHOWN = 60
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_QUANTITIES = {
    "ns": "a duration such as 200ms",
    "Hz": "a rate such as 16kHz",
    "B": "a size such as 500MB",
}
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    Secret: "a secret",
}


def strip(hint: Any) -> tuple[Any, Range | None, str]:
    """``hint`` without aliases and markers, with the range and the unit they gave. ``ModuleRef`` stays."""
    bounds: Range | None = None
    unit = ""
    while True:
        if is_module_ref(hint):
            return ModuleRef, bounds, unit
        if is_file_word(hint):
            return FileWord, bounds, unit
        if get_origin(hint) is Annotated:
            hint, *marks = get_args(hint)
            for mark in marks:
                bounds = mark if isinstance(mark, Range) else bounds
                unit = mark.name if isinstance(mark, Unit) else unit
        elif type(hint).__name__ == "TypeAliasType":  # type X = ..., from Python 3.12 on
            hint = hint.__value__
        else:
            return hint, bounds, unit


def is_module_ref(hint: Any) -> bool:
    """Whether the hint is ``ModuleRef``, whatever other markers it has."""
    return _is_marked(hint, ModuleRef)


def is_file_word(hint: Any) -> bool:
    """The same of ``FileWord``."""
    return _is_marked(hint, FileWord)


def _is_marked(hint: Any, like: Any) -> bool:
    mark = get_args(like)[1]
    return get_origin(hint) is Annotated and any(type(given) is type(mark) for given in get_args(hint)[1:])


def union_members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, flat; of anything else, itself."""
    if get_origin(hint) not in (Union, types.UnionType):
        return (hint,)
    members: list[Any] = []
    for member in get_args(hint):
        members.extend(union_members(member))
    return tuple(members)


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The values that a ``Literal`` or an ``Enum`` allows; of anything else, none."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return tuple(hint)
    return ()


def spelling(value: Any) -> str:
    """A scalar or an ``Enum`` member as YAML writes it."""
    plain = value.value if isinstance(value, enum.Enum) else value
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def is_group(hint: Any) -> bool:
    """Whether the hint is a group of options: a dataclass or a msgspec struct."""
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or issubclass(hint, msgspec.Struct))


@functools.cache
def group_fields(cls: type) -> dict[str, tuple[str, OptionSpec]]:
    """The fields of a group by the name that YAML gives them: the attribute and what it takes.

    An integer ``confirm_ns`` without a unit of its own is the duration ``confirm``.
    """
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, tuple[str, OptionSpec]] = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        hint, bounds, unit = strip(hints.get(name, Any))
        whole = any(strip(member)[0] is int for member in union_members(hint))
        if name.endswith("_ns") and not unit and whole:
            unit = "ns"
        shown = name.removesuffix("_ns") if unit == "ns" else name
        default = MISSING if parameter.default is parameter.empty else parameter.default
        if parameter.default is MISSING:
            default = None  # the group itself tells "not given" from every value
        renamed, deprecated = history(get_args(hints.get(name, Any))[1:])
        fields[shown] = (name, OptionSpec(shown, hint, default, "", bounds, unit, renamed, deprecated))
    return fields


def describe(hint: Any, unit: str = "") -> str:
    """What a value of this type is, for people: ``a whole number``, ``a list of text``."""
    if is_module_ref(hint):
        return "a Python module"
    hint, _, own_unit = strip(hint)
    unit = own_unit or unit
    if is_file_word(hint):
        return _WORDS[str]
    if hint is int and unit in _QUANTITIES:
        return _QUANTITIES[unit]
    if isinstance(hint, type) and hint in _WORDS:
        return _WORDS[hint] + (f" ({unit})" if unit and hint in (int, float) else "")
    if hint is None or hint is type(None):
        return "null"
    origin, args = get_origin(hint), get_args(hint)
    if choices := choices_of(hint):
        return " or ".join(f"`{spelling(choice)}`" for choice in choices)
    if origin in (Union, types.UnionType):
        members = [describe(member, unit) for member in union_members(hint)]
        return " or ".join(dict.fromkeys(word for word in members if word != "null"))
    base = origin or hint
    if base is tuple and args and Ellipsis not in args:
        return f"a list of {len(args)} values"
    if base in _LISTS or base in (tuple, set, frozenset, collections.abc.Set):
        return "a list" + (f" of {_plural(describe(args[0], unit))}" if args else "")
    if base in (dict, collections.abc.Mapping) or is_group(base):
        return "a mapping"
    if base is collections.abc.Callable:
        return "a function"
    return getattr(base, "__name__", str(base))


def show(value: Any) -> str:
    """A value as a message may show it: short, in YAML's words, and never what the environment put in."""
    if isinstance(value, EnvText):
        return f"the value of `{clip(value.written)}`"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float) and not isinstance(value, enum.Enum):
        return (
            f"`{clip(str(value))}`" if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
        )
    if isinstance(value, str):
        return f"the text `{clip(value)}`" if value else "empty text"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    if isinstance(value, collections.abc.Mapping):
        return "a mapping"
    return f"a value of type {type(value).__name__}"


def _plural(words: str) -> str:
    singular = {
        "a whole number": "whole numbers",
        "a number": "numbers",
        "a mapping": "mappings",
        "a path": "paths",
        "a Python module": "Python modules",
        "a function": "functions",
    }
    return " or ".join(singular.get(word, word) for word in words.split(" or "))


def clip(text: str) -> str:
    """Text on one line, and not a long one."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 3] + "..."

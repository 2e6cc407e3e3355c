"""A function call in pieces, as Vertex AI sends one whose arguments the model still writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import structs

from ..liveapi import FunctionCall
from ..liveapi.content import PartialArg

__all__ = ["in_pieces"]

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")


def in_pieces(call: FunctionCall) -> Iterator[FunctionCall]:
    """The name, each value, longer texts in two parts, and an end with nothing in it; the id stands in all of them."""
    yield FunctionCall(id=call.id, name=call.name, will_continue=True)
    for name, value in call.args.items():
        for piece in _pieces(f"${_entry(name)}", value):
            yield FunctionCall(id=call.id, partial_args=[piece], will_continue=True)
    yield FunctionCall(id=call.id)


def _pieces(path: str, value: object) -> Iterator[PartialArg]:
    place = PartialArg(json_path=path)
    match value:
        case Mapping():
            for name, item in value.items():
                yield from _pieces(path + _entry(str(name)), item)
        case list() | tuple():
            for number, item in enumerate(value):
                yield from _pieces(f"{path}[{number}]", item)
        case bool():
            yield structs.replace(place, bool_value=value)
        case int() | float():
            yield structs.replace(place, number_value=float(value))
        case str():
            half = (len(value) + 1) // 2
            yield structs.replace(place, string_value=value[:half], will_continue=half < len(value))
            if half < len(value):
                yield structs.replace(place, string_value=value[half:])
        case _:
            yield structs.replace(place, null_value="NULL_VALUE")


def _entry(name: str) -> str:
    """The step of a path to the entry with this name."""
    if name and set(name) <= _PLAIN and not name[0].isdigit():
        return f".{name}"
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"

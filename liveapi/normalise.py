"""From any spelling that the API accepts to the one that the typed decoder reads.

The tables are made from the wire types themselves, once: for each message type, the names that mean a field
(camelCase and snake_case) and how to read its value. Only names of *known messages* are re-cased; whatever
lies in a free-form field (``args``, ``response``, JSON Schemas, ``labels``, headers, keys of ``properties``)
is handed on untouched.

Besides names, this accepts what proto3 JSON and older clients put where the canonical form has something
else: ``null`` for an absent field, numbers as strings, base64 in the URL-safe alphabet or without padding,
one value where a list is meant, a string where a Content is meant, and spaces around a name.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from .base import JsonObject, WireStruct
from .content import Content
from .errors import WireError

__all__ = ["Policy", "normalise"]

# The way down from the root: (parent, step). A step is a field's name, an index, or "[i].value" inside a map.
Where: TypeAlias = "tuple[Where, str | int] | None"
_Reader: TypeAlias = "Callable[[Any, Where, Policy], Any]"

_MAX_NUMBER_CHARS = 40  # longer digit strings are nobody's int64, and slow to convert


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do with unknown fields: drop them (after telling `report` their paths), keep them, or refuse.

    A strict reading takes names to the letter, raises WireError for the first unknown one, and takes no text for a
    Content. A lenient one takes what can only mean one thing for what it means: ``1`` and ``"true"`` where true is
    meant, a number for a text,
    an object written as a text, true for an empty object; and it leaves out items that are nothing.
    """

    strict: bool = False
    keep: bool = False
    lenient: bool = False
    report: Callable[[str], None] | None = None

    def meet(self, name: str, where: Where) -> None:
        """An unknown field was met."""
        if self.strict:
            raise WireError.unknown_name(name, _path_text(where))
        if self.report is not None:
            self.report(_path_text((where, name)))


def normalise(value: Any, message: type[WireStruct], policy: Policy) -> Any:
    """`value` (decoded JSON) in the canonical spelling of `message`; wrong JSON types are left for the
    decoder to refuse.
    """
    return _struct_reader(message)(value, None, policy)


def _path_text(where: Where) -> str:
    """A place as the real server writes it: ``setup.tools[0].function_declarations[1]``."""
    steps: list[str] = []
    while where is not None:
        where, step = where
        steps.append(f"[{step}]" if isinstance(step, int) else step if step.startswith("[") else f".{step}")
    return "".join(reversed(steps)).removeprefix(".")


_struct_readers: dict[type[WireStruct], _Reader] = {}


def _struct_reader(message: type[WireStruct]) -> _Reader:
    known = _struct_readers.get(message)
    if known is not None:
        return known
    names: dict[str, tuple[str, str, _Reader | None]] = {}
    takes_text = message is Content

    def read(value: Any, where: Where, policy: Policy) -> Any:
        if type(value) is not dict:
            if takes_text and type(value) is str and not policy.strict:
                return {"parts": [{"text": value}]}
            return {} if value is True and policy.lenient else value
        result: dict[str, Any] = {}
        for key, item in value.items():
            found = names.get(key)
            if found is None and not policy.strict:
                found = names.get(key.strip())
            if found is None:
                policy.meet(key, where)
                if policy.keep:
                    result[key] = item
                continue
            if item is None:
                continue
            name, snake, reader = found
            result[name] = item if reader is None else reader(item, (where, snake), policy)
        return result

    _struct_readers[message] = read  # before the fields: a Schema holds Schemas
    for field in msgspec.structs.fields(message):
        entry = (field.encode_name, field.name, _reader(field.type))
        names[field.encode_name] = names[field.name] = entry
    return read


def _reader(kind: Any) -> _Reader | None:
    """How to read a value of a field's type; ``None`` where it is taken as it is."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(member for member in typing.get_args(kind) if member is not types.NoneType)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return _list_reader(_reader(arguments[0]))
    if origin is dict and kind != JsonObject:
        inner = _reader(arguments[1])
        return None if inner is None else _map_reader(inner)
    if isinstance(kind, type) and issubclass(kind, WireStruct):
        return _struct_reader(kind)
    if kind == JsonObject:
        return _read_object
    return _SCALARS.get(kind)


def _list_reader(inner: _Reader | None) -> _Reader:
    def read(value: Any, where: Where, policy: Policy) -> Any:
        items = value if type(value) is list else [value]
        if policy.lenient:
            items = [item for item in items if item is not None]
        if inner is None:
            return items
        return [inner(item, (where, index), policy) for index, item in enumerate(items)]

    return read


def _map_reader(inner: _Reader) -> _Reader:
    def read(value: Any, where: Where, policy: Policy) -> Any:
        if type(value) is not dict:
            return value
        return {
            key: inner(item, (where, f"[{index}].value"), policy)
            for index, (key, item) in enumerate(value.items())
        }

    return read


def _read_int(value: Any, where: Where, policy: Policy) -> Any:
    if type(value) is str and len(value) <= _MAX_NUMBER_CHARS:
        try:
            return int(value) if value.isascii() else value
        except ValueError:
            return value
    if type(value) is float and value.is_integer():
        return int(value)
    return value


def _read_float(value: Any, where: Where, policy: Policy) -> Any:
    if type(value) is str and len(value) <= _MAX_NUMBER_CHARS:
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _read_bool(value: Any, where: Where, policy: Policy) -> Any:
    if policy.lenient and type(value) in (str, int):
        return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower(), value)
    return value


def _read_text(value: Any, where: Where, policy: Policy) -> Any:
    return str(value) if policy.lenient and type(value) in (int, float) else value


def _read_object(value: Any, where: Where, policy: Policy) -> Any:
    if policy.lenient and type(value) is str:
        try:
            return msgspec.json.decode(value or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return value
    return value


def _read_base64(value: Any, where: Where, policy: Policy) -> Any:
    if type(value) is not str:
        return value
    if "-" in value or "_" in value:
        value = value.replace("-", "+").replace("_", "/")
    missing = -len(value) % 4
    if missing == 3 and not policy.lenient:
        raise WireError.invalid_value(_path_text(where), "not base64")
    return value + "=" * missing if missing else value


_SCALARS: dict[Any, _Reader] = {
    int: _read_int,
    float: _read_float,
    bytes: _read_base64,
    bool: _read_bool,
    str: _read_text,
}

"""Hypothesis strategies for Live API messages, made from the wire types themselves, and other spellings of a
message.
"""

from __future__ import annotations

import base64
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

from livegraph.liveapi import Content, WireStruct

__all__ = ["all_types", "json_objects", "json_values", "messages", "respelled"]

_M = TypeVar("_M", bound=WireStruct)

_texts = st.text(max_size=8)
_scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: _texts,
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bytes: st.binary(max_size=12),
}
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _scalars[int] | _scalars[float] | _texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_texts | st.just("snake_case"), inner, max_size=3)
    ),
    max_leaves=6,
)
json_objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    _texts | st.just("snake_case"), json_values, max_size=3
)


def all_types(kind: type[WireStruct] = WireStruct) -> list[type[WireStruct]]:
    """Every wire type there is."""
    return [found for sub in kind.__subclasses__() for found in [sub, *all_types(sub)]]


def messages(
    kind: type[_M], *, depth: int = 6, without: frozenset[str] = frozenset()
) -> st.SearchStrategy[_M]:
    """Messages of a type, with any few of their fields set, nested down to `depth`; never a field named in
    `without`.
    """
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in without]

    @st.composite
    def build(draw: st.DrawFn) -> _M:
        if depth == 0 or not fields:
            return kind()
        chosen = draw(st.lists(st.sampled_from(fields), max_size=3, unique_by=lambda field: field.name))
        return kind(**{field.name: draw(_values(field.type, depth - 1, without)) for field in chosen})

    return build()


def _values(kind: Any, depth: int, without: frozenset[str]) -> st.SearchStrategy[Any]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(member for member in typing.get_args(kind) if member is not types.NoneType)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return st.lists(_values(arguments[0], depth, without), max_size=2)
    if origin is dict:
        return st.dictionaries(
            _texts | st.just("snake_key"), _values(arguments[1], depth, without), max_size=2
        )
    if isinstance(kind, type) and issubclass(kind, WireStruct):
        return messages(kind, depth=depth, without=without)
    return json_values if kind is Any else _scalars[kind]


def respelled(draw: Callable[..., Any], value: Any, kind: Any) -> Any:
    """JSON for `value`, each choice that the API leaves to the writer taken at random: casing of names,
    alphabet and padding of base64, numbers as strings, null for absent, one value for a list of one, text
    for a Content.
    """
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(member for member in typing.get_args(kind) if member is not types.NoneType)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(value, WireStruct):
        if isinstance(value, Content) and value == Content.of_text(value.plain_text) and draw(st.booleans()):
            return value.plain_text
        result: dict[str, Any] = {}
        for field in msgspec.structs.fields(type(value)):
            item = getattr(value, field.name)
            name = draw(st.sampled_from([field.name, field.encode_name])) + draw(
                st.sampled_from(["", "", " "])
            )
            if item not in ([], {}) if field.default is msgspec.NODEFAULT else item != field.default:
                result[name] = respelled(draw, item, field.type)
            elif draw(st.integers(0, 9)) == 0:
                result[name] = None
        return result
    if origin is list:
        items = [respelled(draw, item, arguments[0]) for item in value]
        if (
            len(items) == 1
            and items[0] is not None
            and not isinstance(items[0], list)
            and draw(st.booleans())
        ):
            return items[0]
        return items
    if origin is dict and arguments[1] is not Any:
        return {key: respelled(draw, item, arguments[1]) for key, item in value.items()}
    if kind is bytes:
        encode = draw(st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
        text = encode(value).decode()
        return text.rstrip("=") if draw(st.booleans()) else text
    if kind is int and draw(st.booleans()):
        return str(value)
    return value

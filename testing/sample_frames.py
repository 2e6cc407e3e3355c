"""Frames of any kind, as a neighbour might send them: what conformance feeds to a box."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import numpy as np

from ..pipeline.frames import AudioFrame, Frame, VideoFrame

__all__ = ["SampleMaker", "sample_frame"]

SampleMaker = Callable[[int, int], Frame]
"""Makes the frame of a number, for a time in nanoseconds."""


def sample_frame(
    kind: type[Frame],
    number: int,
    rate: int,
    now_ns: int,
    makers: Mapping[type[Frame], SampleMaker] | None = None,
) -> Frame:
    """Frame ``number`` of ``kind``: from ``makers``, or made up of what its fields are declared to be.

    Raises ``LookupError`` for a field of which nobody can tell what it may hold.
    """
    if makers and kind in makers:
        return makers[kind](number, now_ns)
    sounds = AudioFrame if kind is Frame else kind
    if issubclass(sounds, AudioFrame):
        samples = np.full(rate // 50, 1_000, np.int16)
        return sounds(samples, rate, time_ns=now_ns, turn=number // 10 + 1)
    if issubclass(kind, VideoFrame):
        return kind(np.full((48, 64, 3), number % 256, np.uint8), time_ns=now_ns)
    hints = typing.get_type_hints(kind)
    values = {
        field.name: _value(hints[field.name], field.name, number, kind)
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    return kind(**values, time_ns=now_ns)


def _value(hint: Any, name: str, number: int, kind: type[Frame]) -> Any:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return _value(inside[0], name, number, kind)
    if origin is Literal:
        return inside[number % len(inside)]
    if origin in (Union, types.UnionType):
        return None if type(None) in inside else _value(inside[0], name, number, kind)
    if origin is tuple and inside[-1:] == (Ellipsis,):
        return (_value(inside[0], name, number, kind),)
    plain = origin or hint
    simple: dict[Any, Any] = {
        str: f"{name} {number}", int: number, float: float(number), bool: number % 2 == 0, bytes: b"\0\1",
        dict: {}, list: [], tuple: (), set: set(), frozenset: frozenset(), Any: number,
    }  # fmt: skip
    if plain in simple:
        return simple[plain]
    raise LookupError(
        f"conformance has no sample of a {kind.__name__}: its field {name!r} is a {hint}; "
        f"give samples={{{kind.__name__}: lambda number, now_ns: {kind.__name__}(...)}}"
    )

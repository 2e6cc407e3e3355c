"""Unions that msgspec does not read, as arguments: ``date | str``, two dataclasses, a model beside anything."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["OneOf", "one_of", "readable_union"]


class _Anything(type):
    """What is read as one of the branches counts as an instance, which is what msgspec asks of its hook."""

    def __instancecheck__(cls, value: object) -> bool:
        return True


class OneOf(metaclass=_Anything):
    """A type that is read as the first of ``branches`` that takes the value; its subclasses are such types."""

    branches: typing.ClassVar[tuple[Any, ...]] = ()

    @classmethod
    def read(cls, value: Any, hook: Callable[[type, Any], Any]) -> Any:
        """``value`` as one of them: to the letter by preference. Raises ``ValueError`` where it is none."""
        told: list[str] = []
        for strict in (True, False):
            for branch in cls.branches:
                try:
                    return msgspec.convert(value, branch, strict=strict, dec_hook=hook)
                except (msgspec.ValidationError, TypeError, ValueError) as error:
                    told.append(str(error))
        raise ValueError("; or ".join(dict.fromkeys(told[len(cls.branches) :])))

    @classmethod
    def schema(cls, hook: Callable[[type], dict[str, Any]]) -> dict[str, Any]:
        """What it may be."""
        return {"anyOf": [msgspec.json.schema(branch, schema_hook=hook) for branch in cls.branches]}


def one_of(kind: Any) -> Any:
    """``kind`` if it is such a type, else ``None``."""
    return kind if isinstance(kind, _Anything) else None


def readable_union(union: Any) -> Any:
    """``union`` itself where msgspec reads it; else a `OneOf`. What is null is null in either."""
    try:
        msgspec.json.schema(union, schema_hook=lambda kind: {})
    except TypeError:
        branches = typing.get_args(union)
        plain = tuple(each for each in branches if each is not types.NoneType)
        made: Any = _one_of(plain)
        return made | None if len(plain) < len(branches) else made
    return union


@functools.lru_cache(maxsize=256)
def _one_of(branches: tuple[Any, ...]) -> type[OneOf]:
    return _Anything("OneOf", (OneOf,), {"branches": branches})  # type: ignore[return-value]

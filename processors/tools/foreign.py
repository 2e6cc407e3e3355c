"""Types that msgspec does not know, as arguments and results of tools: pydantic's models, NumPy's numbers and arrays.

Neither library is needed: they are recognised by what they offer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

from .one_of import one_of

__all__ = ["decode_foreign", "encode_foreign", "foreign_schema", "is_model"]


_AS_TEXT: tuple[Any, ...] = (PurePath, IPv4Address, IPv6Address, IPv4Network, IPv6Network)
"""What is written as text, and read from it."""


def _is_text(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, _AS_TEXT)


def is_model(kind: Any) -> bool:
    """Whether it is a model of pydantic's."""
    return isinstance(kind, type) and hasattr(kind, "model_validate") and hasattr(kind, "model_json_schema")


def _adapter(kind: Any) -> Any:
    """Pydantic's reader of a type of its own that is no model, such as ``EmailStr``; ``None`` for any other type."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not hasattr(kind, "__get_pydantic_core_schema__"):
        return None
    try:
        return pydantic.TypeAdapter(kind)
    except ImportError as error:
        raise TypeError(str(error)) from None


def decode_foreign(kind: type, value: Any) -> Any:
    """The JSON value `value` as `kind`. Raises ``ValueError`` with a sentence, or ``TypeError`` for an unknown type."""
    if (union := one_of(kind)) is not None:
        return union.read(value, decode_foreign)
    if is_model(kind):
        return _validated(kind.model_validate, value)  # type: ignore[attr-defined]
    if (adapter := _adapter(kind)) is not None:
        return _validated(adapter.validate_python, value)
    if _is_text(kind):
        if not isinstance(value, str):
            raise ValueError("Expected a text")
        made: Any = kind
        return made(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(kind, type):
        if issubclass(kind, numpy.bool_) and isinstance(value, bool):
            return kind(value)
        if issubclass(kind, numpy.number) and not issubclass(kind, numpy.complexfloating):
            return _number(numpy, kind, value)
        if issubclass(kind, numpy.ndarray):
            if not isinstance(value, list):
                raise ValueError("Expected an array of numbers")
            return numpy.asarray(value)
    raise TypeError(f"{getattr(kind, '__name__', kind)} is no type that JSON can carry")


def encode_foreign(value: Any) -> Any:
    """`value` as what JSON can carry. Raises ``TypeError`` for an unknown type."""
    if is_model(type(value)):
        return value.model_dump(mode="json")
    if (adapter := _adapter(type(value))) is not None:
        return adapter.dump_python(value, mode="json")
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item()
    if numpy is not None and isinstance(value, numpy.ndarray):
        return value.tolist()
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Collection):
        # A deque, a range, the keys of a dict. Generators are none: they may never end.
        keys = getattr(value, "keys", None)
        return {key: value[key] for key in keys()} if callable(keys) else list(value)  # type: ignore[index]
    if type(value) is SimpleNamespace:
        return vars(value)
    raise TypeError(f"{type(value).__name__} is no type that JSON can carry")


def foreign_schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of such a type. Raises ``TypeError`` for an unknown one."""
    schema: dict[str, Any]
    if (union := one_of(kind)) is not None:
        schema = union.schema(foreign_schema)
        return schema
    if is_model(kind):
        schema = kind.model_json_schema()  # type: ignore[attr-defined]
        return schema
    if (adapter := _adapter(kind)) is not None:
        schema = adapter.json_schema()
        return schema
    if _is_text(kind):
        return {"type": "string"}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(kind, type):
        if issubclass(kind, numpy.bool_):
            return {"type": "boolean"}
        if issubclass(kind, numpy.integer):
            return {"type": "integer"}
        if issubclass(kind, numpy.floating):
            return {"type": "number"}
        if issubclass(kind, numpy.ndarray):
            return {"type": "array", "items": {"type": "number"}}
    raise TypeError(f"{getattr(kind, '__name__', kind)} is no type that JSON can carry")


def _validated(validate: Callable[[Any], Any], value: Any) -> Any:
    try:
        return validate(value)
    except ValueError as error:
        told = getattr(error, "errors", None)
        if told is None:
            raise
        first = told()[0]
        at = ".".join(str(step) for step in first.get("loc", ()))
        raise ValueError(f"{first.get('msg', error)}" + (f" (at {at})" if at else "")) from None


def _number(numpy: Any, kind: Any, value: Any) -> Any:
    if isinstance(value, str):
        # Models write numbers as texts now and then.
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Expected a number")
    if issubclass(kind, numpy.integer):
        limits = numpy.iinfo(kind)
        if value != int(value) or not limits.min <= value <= limits.max:
            raise ValueError(f"Expected a whole number from {limits.min} to {limits.max}")
        return kind(int(value))
    return kind(value)

"""When two function calls ask for the same, however each is written. Pure.

A model that repeats a call writes it anew: an argument that has a default is left out or written, ``1`` becomes ``1.0``
or ``"1"`` where a number is declared, ``9:30`` becomes ``09:30:00``, a name gets another case.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from ...tools.schema import lenient

__all__ = ["wish"]


def wish(name: str, args: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> str:
    """What a call asks for, the same text for the same wish. ``schema``: of the arguments, where it is known."""
    return json.dumps([name, _object(args, schema or {})], sort_keys=True, ensure_ascii=False, default=str)


def _object(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    known = schema.get("properties", {})
    needed = schema.get("required", ())
    found: dict[str, Any] = {}
    for name, item in value.items():
        declared = known.get(name, {})
        plain = _plain(item, declared)
        # Null for what may be left out is its default, whatever that is.
        if name in needed or (plain is not None and plain != _default(declared)):
            found[name] = plain
    return found


def _default(schema: Mapping[str, Any]) -> Any:
    return _plain(schema["default"], schema) if "default" in schema else None


def _plain(value: Any, schema: Mapping[str, Any]) -> Any:
    match value:
        case bool() | None:
            return value
        case int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case str():
            return _text(value, schema)
        case Mapping():
            return _object(value, schema)
        case list() | tuple():
            items = schema.get("items")
            return [_plain(item, items if isinstance(items, dict) else {}) for item in value]
    return value


def _text(value: str, schema: Mapping[str, Any]) -> Any:
    kinds = {schema.get("type"), *(branch.get("type") for branch in schema.get("anyOf", ()))}
    if kinds & {"integer", "number"} and "string" not in kinds:
        try:
            return _plain(float(value), {})
        except (ValueError, OverflowError):
            return value
    return " ".join(unicodedata.normalize("NFC", str(lenient(value, schema))).casefold().split())

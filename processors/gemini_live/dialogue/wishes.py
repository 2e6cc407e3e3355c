"""When two function calls ask for the same, however each is written. Pure.

A model that repeats a call writes it anew: an argument that has a default is left out or written, ``1`` becomes ``1.0``
or ``"1"`` where a number is declared, ``yes`` true, ``9:30`` becomes ``09:30:00``, a name gets another case, a sentence
its full stop, an apostrophe its curve.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from ...tools.schema import lenient

__all__ = ["wish"]

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_MARKS = str.maketrans("\u2018\u2019\u201c\u201d\u2010\u2011\u2012\u2013\u2014\u00a0", "''\"\"----- ")
"""Marks that one keyboard has and another has not."""


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
            return _truth(str(value), schema, value)
        case float():
            return _plain(int(value), schema) if value.is_integer() else value
        case str():
            return _text(value, schema)
        case Mapping():
            return _object(value, _branch(schema, "object"))
        case list() | tuple():
            items = _branch(schema, "array").get("items")
            return [_plain(item, items if isinstance(items, dict) else {}) for item in value]
    return value


def _text(value: str, schema: Mapping[str, Any]) -> Any:
    kinds = _kinds(schema)
    if kinds & {"integer", "number"} and "string" not in kinds:
        try:
            return _plain(float(value), {})
        except (ValueError, OverflowError):
            return value
    read = lenient(value, schema)
    if not isinstance(read, str):
        return read
    plain = unicodedata.normalize("NFC", read).translate(_MARKS).casefold()
    return _truth(plain.strip(), schema, " ".join(plain.split()).rstrip(" ."))


def _truth(text: str, schema: Mapping[str, Any], otherwise: Any) -> Any:
    """True or false, where nothing else is meant."""
    kinds = _kinds(schema)
    return _TRUTHS.get(text, otherwise) if "boolean" in kinds and "string" not in kinds else otherwise


def _kinds(schema: Mapping[str, Any]) -> set[Any]:
    """The types that a value may have."""
    found: set[Any] = set()
    for branch in (schema, *schema.get("anyOf", ())):
        kind = branch.get("type")
        found |= set(kind) if isinstance(kind, list) else {kind}
    return found


def _branch(schema: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """What a schema says of values of this type, also where they may be something else."""
    branches = [each for each in schema.get("anyOf", ()) if each.get("type") == kind]
    return branches[0] if len(branches) == 1 else schema

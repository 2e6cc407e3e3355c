"""The JSON Schema of a tool's arguments as models take it: no references, a type everywhere, dates in their format."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

import msgspec

from ...pipeline.units import SECOND, duration_ns
from .argument_types import said_of_fields
from .foreign import foreign_schema

__all__ = ["arguments_schema", "lenient"]

# Below these names stand values or the user's own names, and no schemas.
_PLAIN = ("default", "enum", "const", "examples", "required")
_DEEPEST = 16
_TRUTHS = {"yes": True, "on": True, "no": False, "off": False}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = re.compile(r"\d{1,3}:\d{2}:\d{2}", re.ASCII)


def arguments_schema(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """Raises ``TypeError`` for an argument that JSON cannot carry, and for a type that refers to itself."""
    whole = msgspec.json.schema(arguments, schema_hook=foreign_schema)
    definitions: dict[str, Any] = whole.get("$defs", {})
    for field in msgspec.structs.fields(arguments):
        for kind, said in said_of_fields(field.type).items():
            properties = definitions.get(kind, {}).get("properties", {})
            for name in said.keys() & properties.keys():
                properties[name] = {**said[name], **properties[name]}
    schema: dict[str, Any] = _plain(whole, definitions, 0)
    return schema


def _plain(part: Any, definitions: Mapping[str, Any], depth: int) -> Any:
    """A schema with every reference put in its place: models do not follow them."""
    if not isinstance(part, dict):
        return part
    inner = {**definitions, **part.get("$defs", {})}
    if "$ref" in part:
        if depth > _DEEPEST:
            raise TypeError("it refers to itself")
        found = inner[part["$ref"].rpartition("/")[2]]
        beside = {key: value for key, value in part.items() if key not in ("$ref", "$defs")}
        return _plain({**found, **beside}, inner, depth + 1)
    made: dict[str, Any] = {}
    for key, value in part.items():
        if key == "$defs" or (key == "title" and isinstance(value, str)):
            # A class's own name says nothing to a model.
            continue
        if key in ("properties", "patternProperties"):
            made[key] = {name: _plain(each, inner, depth) for name, each in value.items()}
        elif key in _PLAIN:
            made[key] = value
        elif key == "description" and isinstance(value, str):
            # msgspec up to 0.22 leaves a docstring's indentation where it is.
            made[key] = inspect.cleandoc(value)
        elif isinstance(value, list):
            made[key] = [_plain(each, inner, depth) for each in value]
        else:
            made[key] = _plain(value, inner, depth)
    return _typed(made)


def _typed(schema: dict[str, Any]) -> dict[str, Any]:
    """An enumeration says of which type its values are; a default that the type, or JSON, does not allow goes."""
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if values and "type" not in schema:
        kinds = sorted({_kind(value) for value in values})
        schema = {"type": kinds[0] if len(kinds) == 1 else kinds, **schema}
    default = schema.get("default", 0)
    unwritable = isinstance(default, float) and not math.isfinite(default)
    if unwritable or (default is None and not _takes_null(schema)):
        del schema["default"]
    return schema


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
    return "string"


def _takes_null(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type", "null" if not schema.keys() - {"default", "description"} else "")
    inside = schema.get("anyOf") or schema.get("oneOf") or []
    return kind == "null" or "null" in kind or any(_takes_null(each) for each in inside)


def lenient(value: Any, schema: Mapping[str, Any]) -> Any:
    """`value` as the reader wants it: of times, seconds and the zone may be left out, ``9:30`` and ``3:30 pm`` are
    times, ``90min`` and ``1:30:00`` durations; ``yes`` is true; an enumeration's values are known in any case.
    """
    if isinstance(value, str):
        if schema.get("type") == "boolean":
            return _TRUTHS.get(value.strip().lower(), value)
        if choices := schema.get("enum"):
            return _chosen(value, choices)
        form = schema.get("format")
        if (
            not form
            and _DATE.fullmatch(value)
            and any(b.get("format") == "date" for b in schema.get("anyOf", ()))
        ):
            # It may be a moment as well, and is what it is.
            return value
        for branch in () if form else schema.get("anyOf", ()):
            if (made := lenient(value, branch)) != value:
                return made
        if form == "duration":
            return _span(value)
        return _moment(value, form) if form in ("date-time", "date", "time") else value
    if isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        return [lenient(each, items) for each in value]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: lenient(each, known.get(name, {})) for name, each in value.items()}
    return value


def _chosen(value: str, choices: Sequence[Any]) -> str:
    if value in choices:
        return value
    told = value.strip().casefold()
    like = [each for each in choices if isinstance(each, str) and each.casefold() == told]
    return like[0] if len(like) == 1 else value


def _span(text: str) -> str:
    """``1h``, ``90 min``, ``1:30:00`` as ISO 8601 has it."""
    told = text.strip()
    try:
        if _CLOCK.fullmatch(told):
            steps = [int(step) for step in told.split(":")]
            return f"PT{sum(step * 60**power for power, step in enumerate(reversed(steps)))}S"
        return f"PT{duration_ns(told.replace(' ', ''), 'duration') / SECOND:f}S"
    except ValueError:
        # ISO 8601 itself, a number of seconds, or what the reader says is wrong.
        return text


def _moment(text: str, form: str) -> str:
    told = text.strip()
    try:
        if form == "date":
            return datetime.fromisoformat(told).date().isoformat()
        if form == "date-time":
            day, sep, hour = told.replace(" ", "T", 1).partition("T")
            return datetime.fromisoformat(f"{day}T{_clock(hour)}" if sep else day).isoformat()
        return time.fromisoformat(_clock(told)).isoformat()
    except ValueError:
        # The reader says what is wrong with it.
        return text


def _clock(text: str) -> str:
    """``3:30 pm`` as ``15:30``, ``9`` and ``9:30`` with two digits."""
    words = (
        text.strip().lower().replace(".", "") if text.strip().lower().endswith(("m", "m.")) else text.strip()
    )
    half = words[-2:] if words[-2:] in ("am", "pm") else ""
    clock = words.removesuffix(half).strip() if half else words
    hour, sep, rest = clock.partition(":")
    if not hour.isdigit() or len(hour) > 2:
        return text
    number = int(hour)
    if half:
        number = number % 12 + (12 if half == "pm" else 0)
    return f"{number:02}:{rest}" if sep else f"{number:02}:00"

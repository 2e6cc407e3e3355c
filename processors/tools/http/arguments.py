"""Arguments of tools that are no Python functions: declared in YAML or as JSON Schema, checked before any call."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ....pipeline.options import MISSING
from ..errors import ToolError

__all__ = ["ArgumentSpec", "check_arguments", "schema_of"]

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "datetime": {"type": "string", "format": "date-time"},
    "list": {"type": "array", "items": {"type": "string"}},
    "object": {"type": "object"},
}


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """One argument as an agent file declares it."""

    type: Literal["text", "integer", "number", "boolean", "date", "time", "datetime", "list", "object"] = (
        "text"
    )
    doc: str = ""
    """What the model is told of it."""
    default: Any = MISSING
    """What it is when the model does not say; without one the model must say it, unless it is not `required`."""
    required: bool = True
    choices: tuple[str, ...] = ()
    """The only texts allowed."""
    range: tuple[float, float] | None = None
    """The least and the greatest number."""
    max_length: int | None = None
    """The most characters of a text, or items of a list."""
    schema: dict[str, Any] | None = None
    """A JSON Schema of its own, in the place of all of these."""

    def json_schema(self) -> dict[str, Any]:
        """The same as JSON Schema."""
        made = dict(self.schema) if self.schema is not None else json.loads(json.dumps(_TYPES[self.type]))
        if self.doc:
            made["description"] = self.doc
        if self.choices:
            made["enum"] = list(self.choices)
        if self.range is not None:
            made["minimum"], made["maximum"] = self.range
        if self.max_length is not None:
            made["maxItems" if self.type == "list" else "maxLength"] = self.max_length
        if self.default is not MISSING:
            made["default"] = self.default
        return made


def schema_of(arguments: Mapping[str, ArgumentSpec]) -> dict[str, Any]:
    """The schema of all of them; empty where there are none."""
    if not arguments:
        return {}
    required = [name for name, one in arguments.items() if one.required and one.default is MISSING]
    properties = {name: one.json_schema() for name, one in arguments.items()}
    return {"type": "object", "properties": properties, "required": required}


def check_arguments(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with defaults, numbers that came as text made numbers. Raises ``ToolError`` that says what is wrong."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    unknown = [name for name in given if name not in properties]
    if unknown and schema.get("additionalProperties") in (None, False):
        there = ", ".join(properties) or "none"
        raise ToolError(f"wrong arguments: there is no argument {unknown[0]!r}; there is: {there}")
    required = set(schema.get("required", ()))
    made: dict[str, Any] = {}
    for name, value in given.items():
        inner = properties.get(name, {})
        if value is None and name not in required and not _takes_null(inner):
            continue
        made[name] = _lenient(value, inner)
    for name, inner in properties.items():
        if name not in made and isinstance(inner, Mapping) and "default" in inner:
            made[name] = inner["default"]
    fault = _first_fault(json.dumps(schema, sort_keys=True, default=str), made)
    if fault:
        raise ToolError(f"wrong arguments: {fault}")
    return made


def _first_fault(schema: str, value: Any) -> str:
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(value))
    if error is None:
        return ""
    where = ".".join(str(step) for step in error.absolute_path)
    said = (
        error.message
        if len(error.message) < 200
        else f"it must be {error.validator}: {error.validator_value}"[:200]
    )
    return f"{said} (at {where})" if where else said


@functools.lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _takes_null(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    kind, values = schema.get("type"), schema.get("enum")
    if kind == "null" or (isinstance(kind, list) and "null" in kind):
        return True
    if isinstance(values, list) and None in values and kind is None:
        return True
    choices = [each for key in ("anyOf", "oneOf") if isinstance(each := schema.get(key), list)]
    return any(_takes_null(one) for each in choices for one in each)


def _lenient(value: Any, schema: Any) -> Any:
    """Models write numbers and booleans as text now and then."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(value, str) and kind in ("integer", "number", "boolean"):
        try:
            read = json.loads(value)
        except ValueError:
            return value
        fits = isinstance(read, bool) if kind == "boolean" else isinstance(read, int | float)
        value = read if fits and (kind == "boolean" or not isinstance(read, bool)) else value
    if isinstance(value, float) and kind == "integer" and value.is_integer():
        return int(value)
    if isinstance(value, list) and kind == "array":
        return [_lenient(one, schema.get("items", {})) for one in value]
    if isinstance(value, dict) and kind == "object":
        inner = schema.get("properties", {})
        return {key: _lenient(one, inner.get(key, {})) for key, one in value.items()}
    return value

"""What an operation of an OpenAPI document takes as its body: single fields where it can be, else one value. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .document import expanded, pointed

__all__ = ["Body", "read_body"]

_JSON = re.compile(r"(?:application|text)/(?:[\w.+-]+\+)?json\b", re.IGNORECASE)
_OTHERS = ("application/x-www-form-urlencoded", "text/plain")


@dataclass(frozen=True, slots=True)
class Body:
    """A body by its fields or as one value."""

    content: str = ""
    """Its type; empty where there is none, or none that can be made."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The schemas of its fields, by name."""
    required: tuple[str, ...] = ()
    """Fields that must be there."""
    encoding: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By field, how a form writes it, where the document says so."""
    whole: dict[str, Any] | None = None
    """Its schema, where it is not taken apart."""
    needed: bool = False
    description: str = ""
    unsendable: str = ""
    """The type that is wanted, where it is none that can be made."""


def read_body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Body:
    """Raises ``BadDocument``."""
    given = pointed(operation.get("requestBody"), document)
    content = given.get("content") if isinstance(given, Mapping) else None
    if not isinstance(content, Mapping) or not content:
        return Body()
    needed = given.get("required") is True
    kinds = [str(kind) for kind in content]
    kind = next(
        (one for one in kinds if _JSON.match(one)), next((one for one in _OTHERS if one in kinds), "")
    )
    if not kind:
        anything = next((one for one in kinds if one in ("*/*", "application/*")), "")
        if not anything:
            return Body(unsendable=kinds[0] if needed else "")
        kind, content = "application/json", {"application/json": content[anything]}
    told = content[kind] if isinstance(content[kind], Mapping) else {}
    schema = expanded(told.get("schema") or {}, document)
    # A type with parameters, such as a version, is sent without the wildcard of the document.
    merged = _merged(schema)
    if merged is not None:
        names = tuple(name for name in merged[1] if name in merged[0]) if needed else ()
        said = told.get("encoding")
        encoding = said.items() if isinstance(said, Mapping) else ()
        return Body(kind, merged[0], names, {key: one for key, one in encoding if isinstance(one, Mapping)})
    description = given.get("description")
    return Body(
        kind,
        whole=schema,
        needed=needed,
        description=description if isinstance(description, str) else "",
    )


def _merged(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]] | None:
    """The fields of an object, those of all parts of ``allOf`` together; ``None`` for what is more than that."""
    if (
        any(key in schema for key in ("oneOf", "anyOf", "not", "if"))
        or schema.get("type", "object") != "object"
    ):
        return None
    fields: dict[str, Any] = {}
    required: list[str] = []
    parts = schema.get("allOf")
    for part in parts if isinstance(parts, list) else ():
        inner = _merged(part) if isinstance(part, Mapping) else None
        if inner is None:
            return None
        fields |= inner[0]
        required += inner[1]
    own = schema.get("properties")
    if isinstance(own, Mapping):
        fields |= own
    needed = schema.get("required")
    required += [str(name) for name in needed] if isinstance(needed, list) else []
    # What has no fields of its own takes any: that is one value.
    return (fields, required) if fields or parts else None

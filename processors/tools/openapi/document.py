"""An OpenAPI document (3.0, 3.1) as data: read, references followed, bounded. Pure.

https://spec.openapis.org/oas/v3.1.1
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin

from ....yaml12 import load

__all__ = ["BadDocument", "Described", "expanded", "operations", "pointed", "read_document"]

_METHODS = ("get", "put", "post", "delete", "patch", "head")
_DEEPEST = 24
_MOST_NODES = 20_000


class BadDocument(ValueError):
    """The document cannot be used; the text says why."""


def read_document(text: str) -> dict[str, Any]:
    """The document in ``text``, JSON or YAML. Raises ``BadDocument``."""
    try:
        data = json.loads(text) if text.lstrip().startswith("{") else load(text)
    except (ValueError, RecursionError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BadDocument(f"it cannot be read: {why}") from None
    if not isinstance(data, dict):
        raise BadDocument("it is no mapping")
    version = str(data.get("openapi", ""))
    if not version.startswith("3."):
        told = (
            "Swagger 2.0" if "swagger" in data else f"version {version}" if version else "no OpenAPI document"
        )
        raise BadDocument(f"it is {told}: OpenAPI 3.0 and 3.1 are read")
    return data


@dataclass(frozen=True, slots=True)
class Described:
    """One operation as the document has it."""

    method: str
    path: str
    operation: Mapping[str, Any]
    parameters: list[Mapping[str, Any]]
    """Its own, and those of its path."""
    server: str
    """The address below which its path is; relative where the document says no more."""


def operations(document: Mapping[str, Any], base: str = "") -> Iterator[Described]:
    """Every operation, in view of where the document is from. Raises ``BadDocument``."""
    for path, item in _mapping(document.get("paths")).items():
        item = _mapping(pointed(item, document))
        shared = _parameters(item, document)
        for method in _METHODS:
            if isinstance(operation := item.get(method), Mapping):
                own = _parameters(operation, document)
                named = {(one.get("name"), one.get("in")) for one in own}
                kept = [one for one in shared if (one.get("name"), one.get("in")) not in named]
                server = next(
                    (_server(part, base) for part in (operation, item, document) if part.get("servers")), ""
                )
                yield Described(
                    method.upper(), str(path), operation, [*kept, *own], server or _server({}, base)
                )


def _parameters(part: Mapping[str, Any], document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = part.get("parameters") or ()
    if not isinstance(given, list | tuple):
        raise BadDocument("its `parameters` are no list")
    found = [pointed(one, document) for one in given]
    return [one for one in found if isinstance(one, Mapping)]


def _server(part: Mapping[str, Any], base: str) -> str:
    """The first server that it names, with its variables' defaults."""
    servers = part.get("servers") or [{"url": "/"}]
    first = _mapping(servers[0]) if isinstance(servers, list) else {}
    url = str(first.get("url", "/"))
    for name, variable in _mapping(first.get("variables")).items():
        url = url.replace("{" + str(name) + "}", str(_mapping(variable).get("default", "")))
    try:
        return (urljoin(base, url) if base else url).rstrip("/")
    except ValueError:
        raise BadDocument(f"its server {url[:80]} is no address") from None


def expanded(schema: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with every reference put in its place, and what OpenAPI 3.0 says otherwise said as JSON Schema does.

    What refers to itself ends as any object. Raises ``BadDocument`` for a reference that leads nowhere or outside.
    """
    made = _expanded(schema, document, (), [_MOST_NODES])
    return made if isinstance(made, dict) else {}


def _expanded(part: Any, document: Mapping[str, Any], trail: tuple[str, ...], left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise BadDocument("its schemas are too large")
    if isinstance(part, list):
        return [_expanded(one, document, trail, left) for one in part]
    if not isinstance(part, Mapping):
        return part
    if isinstance(reference := part.get("$ref"), str):
        if reference in trail or len(trail) > _DEEPEST:
            return {"type": "object"}
        beside = {key: one for key, one in part.items() if key != "$ref"}
        found = _expanded(_target(reference, document), document, (*trail, reference), left)
        return {**found, **beside} if isinstance(found, dict) else found
    dropped = (
        "xml",
        "externalDocs",
        "example",
        "examples",
        "discriminator",
        "readOnly",
        "writeOnly",
        "deprecated",
    )
    made: dict[str, Any] = {}
    for key, one in part.items():
        if key == "properties" and isinstance(one, Mapping):
            made[key] = {name: _expanded(each, document, trail, left) for name, each in one.items()}
        elif key in ("enum", "const", "default", "required"):
            made[key] = one
        elif key not in dropped and not str(key).startswith("x-"):
            made[key] = _expanded(one, document, trail, left)
    if made.pop("nullable", False) is True:
        made = _nullable(made)
    for limit in ("Minimum", "Maximum"):
        if isinstance(strict := made.get(f"exclusive{limit}"), bool):
            del made[f"exclusive{limit}"]
            if strict and (plain := limit.lower()) in made:
                made[f"exclusive{limit}"] = made.pop(plain)
    return made


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or null: said as OpenAPI 3.0 does, beside whatever else is said."""
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        return schema
    told: dict[str, Any] = {
        key: schema.pop(key) for key in ("description", "title", "default") if key in schema
    }
    return {"anyOf": [schema, {"type": "null"}], **told} if schema else told


def pointed(part: Any, document: Mapping[str, Any]) -> Any:
    """What a reference stands for; anything else as it is."""
    seen = 0
    while isinstance(part, Mapping) and isinstance(reference := part.get("$ref"), str):
        part = _target(reference, document)
        seen += 1
        if seen > _DEEPEST:
            raise BadDocument(f"{reference} refers to itself")
    return part


def _target(reference: str, document: Mapping[str, Any]) -> Any:
    if not reference.startswith("#/"):
        raise BadDocument(f"{reference[:80]} lies in another document, which is not read")
    found: Any = document
    for step in unquote(reference[2:]).split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and step.isascii() and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            raise BadDocument(f"{reference[:80]} leads nowhere")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

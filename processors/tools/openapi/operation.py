"""One operation of an OpenAPI document as a function: its arguments, and the request that they make. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import ToolError
from ..http.client import Request
from ..http.tools import with_query
from ..selection import tool_name
from .document import expanded

__all__ = ["Operation", "read_operation"]

_LONGEST_DESCRIPTION = 1_000
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\b")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation takes and where each argument goes."""

    name: str
    method: str
    path: str
    tags: tuple[str, ...]
    description: str
    schema: dict[str, Any]
    """JSON Schema of the arguments; empty when it takes none."""
    places: Mapping[str, tuple[str, str]]
    """For each argument: ``path``, ``query``, ``header``, ``field`` (of the body) or ``body``, and its name there."""
    exploded: Mapping[str, bool]
    """For arguments of the query that are lists: whether each item stands for itself."""
    content: str = ""
    """The type of the body; empty when there is none."""

    def request(self, server: str, values: Mapping[str, Any]) -> Request:
        """The request to ``server``. Raises ``ToolError`` for a value that cannot stand in its place."""
        path, query, headers = self.path, {}, {}
        fields: dict[str, Any] = {}
        body: Any = None
        for argument, (place, name) in self.places.items():
            if argument not in values:
                continue
            value = values[argument]
            if place == "path":
                text = _flat(value)
                if text in ("", ".", ".."):
                    raise ToolError(f"wrong arguments: {argument} cannot be {text!r}")
                path = path.replace("{" + name + "}", quote(text, safe=""))
            elif place == "query":
                query[name] = (
                    value
                    if self.exploded.get(argument, True) or not isinstance(value, list)
                    else _flat(value)
                )
            elif place == "header":
                if any(ord(letter) < 32 for letter in _flat(value)):
                    raise ToolError(f"wrong arguments: {argument} cannot hold a line end")
                headers[name] = _flat(value)
            elif place == "field":
                fields[name] = value
            else:
                body = value
        if "{" in path:
            raise ToolError(f"wrong arguments: a part of {self.path} is missing")
        sent = None
        if self.content:
            whole = fields if any(place == "field" for place, _ in self.places.values()) else body
            if whole is not None:
                form = self.content == _FORM
                sent = (
                    urlencode(whole, doseq=True) if form else json.dumps(whole, ensure_ascii=False)
                ).encode()
                headers["Content-Type"] = self.content
        return Request(self.method, with_query(server + path, query), headers, sent)


def read_operation(
    method: str,
    path: str,
    operation: Mapping[str, Any],
    parameters: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any],
) -> Operation:
    """Raises ``BadDocument``."""
    name = tool_name(str(operation.get("operationId") or f"{method.lower()}_{path.strip('/') or 'root'}"))
    properties: dict[str, Any] = {}
    required: list[str] = []
    places: dict[str, tuple[str, str]] = {}
    exploded: dict[str, bool] = {}
    for parameter in parameters:
        where, own = str(parameter.get("in", "")), str(parameter.get("name", ""))
        if where not in ("path", "query", "header") or own.lower() in (
            "accept",
            "content-type",
            "authorization",
        ):
            continue
        argument = _free(tool_name(own), properties)
        content = parameter.get("content")
        inner = next(iter(content.values()), {}) if isinstance(content, Mapping) else parameter
        properties[argument] = _told(
            expanded(inner.get("schema", {}), document), parameter.get("description")
        )
        places[argument] = (where, own)
        exploded[argument] = bool(parameter.get("explode", parameter.get("style", "form") == "form"))
        if parameter.get("required") or where == "path":
            required.append(argument)
    content_type = _body(operation, document, properties, required, places)
    schema = {"type": "object", "properties": properties, "required": required} if properties else {}
    said = [operation.get("summary"), operation.get("description")]
    description = "\n\n".join(
        dict.fromkeys(text.strip() for text in said if isinstance(text, str) and text.strip())
    )
    tags = tuple(str(tag) for tag in operation.get("tags", ()))
    return Operation(
        name, method, path, tags, description[:_LONGEST_DESCRIPTION], schema, places, exploded, content_type
    )


def _body(
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    properties: dict[str, Any],
    required: list[str],
    places: dict[str, tuple[str, str]],
) -> str:
    """Add the arguments of the body; gives its type, empty where there is none that can be sent."""
    from .document import pointed

    given = pointed(operation.get("requestBody"), document)
    content = given.get("content") if isinstance(given, Mapping) else None
    if not isinstance(content, Mapping):
        return ""
    kind = next((one for one in content if _JSON.match(str(one))), _FORM if _FORM in content else "")
    if not kind:
        return ""
    schema = expanded(content[kind].get("schema", {}), document)
    inner = schema.get("properties")
    whole = bool(given.get("required"))
    if (
        schema.get("type", "object") == "object"
        and isinstance(inner, dict)
        and inner
        and "allOf" not in schema
    ):
        for own, one in inner.items():
            argument = _free(tool_name(own), properties)
            properties[argument] = one
            places[argument] = ("field", own)
            if own in schema.get("required", ()) and whole:
                required.append(argument)
    else:
        argument = _free("body", properties)
        properties[argument] = _told(schema, given.get("description"))
        places[argument] = ("body", "")
        if whole:
            required.append(argument)
    return str(kind)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """``name``, or with a number behind where a place has it already."""
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found


def _told(schema: dict[str, Any], description: Any) -> dict[str, Any]:
    return {**schema, "description": description} if isinstance(description, str) and description else schema


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_flat, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)

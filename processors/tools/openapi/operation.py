"""One operation of an OpenAPI document as a function: its arguments, and the request that they make. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlencode

from ..errors import ToolError
from ..http.client import Request
from ..http.templates import shown
from ..http.tools import header_text
from ..selection import tool_name
from .body import read_body
from .document import Described, expanded
from .styles import Placed, Where, in_cookie, in_form, in_header, in_path, in_query

__all__ = ["Operation", "read_operation"]

_LONGEST_DESCRIPTION = 1_000
_FORM = "application/x-www-form-urlencoded"
_NOT_OURS = frozenset(
    ("accept", "content-type", "authorization", "host", "content-length", "transfer-encoding", "connection")
)
"""Headers that belong to the request itself: the specification has the first three passed over."""
_FIELD = re.compile(r"\{([^{}/]+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation takes and where each argument goes."""

    name: str
    method: str
    path: str
    server: str
    tags: tuple[str, ...]
    description: str
    schema: dict[str, Any]
    """JSON Schema of the arguments; empty when it takes none."""
    places: Mapping[str, Placed]
    """Where each argument goes."""
    content: str = ""
    """The type of the body; empty when there is none."""
    unsendable: str = ""
    """The type of a body that is wanted and that nobody here can make."""

    def request(self, server: str, values: Mapping[str, Any]) -> Request:
        """The request to ``server``. Raises ``ToolError`` for a value that cannot stand in its place."""
        parts: dict[str, str] = {}
        query: list[tuple[str, str]] = []
        headers: dict[str, str] = {}
        cookies: list[str] = []
        fields: dict[str, Any] = {}
        body: Any = None
        for argument, placed in self.places.items():
            if argument not in values:
                continue
            value = values[argument]
            match placed.where:
                case "path":
                    text = in_path(placed, value)
                    if text in ("", ".", ".."):
                        raise ToolError(f"wrong arguments: {argument} cannot be {shown(value)!r}")
                    parts[placed.name] = text
                case "query":
                    query += in_query(placed, value)
                case "header":
                    headers[placed.name] = header_text(argument, in_header(placed, value))
                case "cookie":
                    cookies.append(in_cookie(placed, value))
                case "field":
                    fields[placed.name] = value
                case "body":
                    body = value
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        by_fields = any(placed.where == "field" for placed in self.places.values())
        sent = self._body(fields if by_fields else body)
        if sent is not None:
            headers["Content-Type"] = self.content
        return Request(self.method, _address(server + self._filled(parts), query), headers, sent)

    def _filled(self, parts: Mapping[str, str]) -> str:
        missing = [name for name in _FIELD.findall(self.path) if name not in parts]
        if missing:
            raise ToolError(f"wrong arguments: {missing[0]} is missing")
        return _FIELD.sub(lambda match: parts[match[1]], self.path)

    def _body(self, value: Any) -> bytes | None:
        if not self.content or value is None:
            return None
        if self.content == _FORM and isinstance(value, Mapping):
            written = {placed.name: placed for placed in self.places.values() if placed.where == "field"}
            pairs = (in_form(written.get(name) or Placed("field", name), one) for name, one in value.items())
            return urlencode([pair for each in pairs for pair in each]).encode()
        if self.content == "text/plain":
            return shown(value).encode()
        return json.dumps(value, ensure_ascii=False).encode()


def read_operation(
    described: Described, document: Mapping[str, Any], given: Collection[tuple[str, str]] = ()
) -> Operation:
    """The operation as a function. Raises ``BadDocument``.

    Args:
        given: headers and parts of the query that every request has by the agent file, as ``(where, name)`` in small
            letters: the model is not asked for them.
    """
    operation, path = described.operation, described.path
    method = described.method
    name = tool_name(str(operation.get("operationId") or f"{method.lower()}_{path.strip('/') or 'root'}"))
    properties: dict[str, Any] = {}
    required: list[str] = []
    places: dict[str, Placed] = {}
    for parameter in described.parameters:
        where, own = str(parameter.get("in", "")), str(parameter.get("name", ""))
        if where not in ("path", "query", "header", "cookie") or not own or (where, own.lower()) in given:
            continue
        if where == "header" and own.lower() in _NOT_OURS:
            continue
        argument = _free(tool_name(own), properties)
        content = parameter.get("content")
        inner: Any = next(iter(content.values()), {}) if isinstance(content, Mapping) else parameter
        schema = expanded(inner.get("schema") or {}, document) if isinstance(inner, Mapping) else {}
        properties[argument] = _told(schema, parameter.get("description"))
        assert where in get_args(Where)
        places[argument] = Placed.of(parameter, where)  # type: ignore[arg-type]  # it is one of them
        if parameter.get("required") is True or where == "path":
            required.append(argument)
    in_places = {placed.name for placed in places.values() if placed.where == "path"}
    for own in dict.fromkeys(_FIELD.findall(path)):
        if own not in in_places:
            # A part of the path that nothing describes.
            argument = _free(tool_name(own), properties)
            properties[argument], places[argument] = {"type": "string"}, Placed("path", own, "simple")
            required.append(argument)
    body = read_body(operation, document)
    for own, schema in body.fields.items():
        argument = _free(tool_name(own), properties)
        properties[argument], places[argument] = schema, Placed.field(own, body.encoding.get(own, {}))
        if own in body.required:
            required.append(argument)
    if body.whole is not None:
        argument = _free("body", properties)
        properties[argument], places[argument] = _told(body.whole, body.description), Placed("body")
        if body.needed:
            required.append(argument)
    said = [operation.get("summary"), operation.get("description")]
    description = "\n\n".join(
        dict.fromkeys(text.strip() for text in said if isinstance(text, str) and text.strip())
    )
    tags = operation.get("tags")
    return Operation(
        name,
        method,
        path,
        described.server,
        tuple(map(str, tags)) if isinstance(tags, list) else (),
        description[:_LONGEST_DESCRIPTION],
        {"type": "object", "properties": properties, "required": required} if properties else {},
        places,
        body.content,
        body.unsendable,
    )


def _address(url: str, query: list[tuple[str, str]]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}" if query else url


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """``name``, or with a number behind where a place has it already."""
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found


def _told(schema: dict[str, Any], description: Any) -> dict[str, Any]:
    return {**schema, "description": description} if isinstance(description, str) and description else schema

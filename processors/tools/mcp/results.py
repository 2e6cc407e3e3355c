"""What an MCP server gives as what a tool gives: text, objects, pictures and files. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from ....pipeline.frames import Media
from ....pipeline.turns.words import holds_phrase, words_of
from ..errors import ToolError

__all__ = ["answer_from_words", "asks_yes_or_no", "linked", "read_call_result", "read_resource"]


_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")


def linked(result: Any) -> list[str]:
    """The addresses of resources that a result only names."""
    return [str(one.uri) for one in result.content if one.type == "resource_link"]


def read_call_result(result: Any, fetched: dict[str, Any]) -> Any:
    """The value of a ``CallToolResult``; ``fetched`` are resources that it names. Raises ``ToolError``."""
    parts = [_part(block, fetched) for block in result.content]
    if result.is_error:
        words = " ".join(part for part in parts if isinstance(part, str)) or "the server says that it failed"
        raise ToolError(words[:2_000])
    structured = result.structured_content
    if structured is not None:
        files = [part for part in parts if isinstance(part, Media)]
        if not files:
            return structured
        body = structured if isinstance(structured, dict) else {"output": structured}
        return {**body, "files": files}
    if len(parts) == 1:
        return parts[0]
    return {"output": parts} if parts else {"output": "done"}


def read_resource(contents: Any) -> Any:
    """A resource: its text, or a file."""
    if hasattr(contents, "text"):
        return contents.text
    return Media(
        _bytes(contents.blob), contents.mime_type or "application/octet-stream", _name(str(contents.uri))
    )


def _part(block: Any, fetched: dict[str, Any]) -> Any:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return Media(_bytes(block.data), block.mime_type)
        case "resource":
            return read_resource(block.resource)
        case "resource_link":
            uri = str(block.uri)
            if uri in fetched:
                return fetched[uri]
            return {"resource": uri, "name": block.name, "description": block.description or ""}
    return f"something of the type {block.type}, which is not understood"


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ToolError("the server sent a file that cannot be read") from None


def _name(uri: str) -> str:
    return uri.rpartition("/")[2][:80]


def asks_yes_or_no(schema: dict[str, Any]) -> bool:
    """Whether what a server asks for is one yes or no: then a no is an answer."""
    asked = _asked(schema)
    return len(asked) == 1 and asked[0][1].get("type") == "boolean"


def _asked(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What must be said, name and schema of each; where nothing must be, all of it."""
    properties = schema.get("properties") or {}
    required = schema.get("required") or list(properties)
    return [(name, properties[name]) for name in properties if name in required] or list(properties.items())


def answer_from_words(text: str, schema: dict[str, Any], yes: bool | None) -> dict[str, Any] | None:
    """What the caller said as the answer to what a server asks; ``None`` when it is none.

    Args:
        schema: what is asked for: an object of plain properties, of which one must be said.
        yes: whether the words mean yes, ``None`` when that is not clear.
    """
    asked = _asked(schema)
    if not asked:
        return {} if yes else None
    if len(asked) > 1:
        return None
    name, inner = asked[0]
    said = text.strip()
    match inner.get("type"):
        case "boolean":
            return None if yes is None else {name: yes}
        case "integer" | "number":
            # The last one counts: people correct themselves.
            found = _NUMBER.findall(said)
            if not found:
                return None
            number = float(found[-1])
            if inner["type"] == "integer" and not number.is_integer():
                return None
            return {name: int(number) if inner["type"] == "integer" else number}
    choices = inner.get("enum") or [one.get("const") for one in inner.get("oneOf", ())]
    if choices:
        named = [one for one in choices if holds_phrase(words_of(said), str(one))]
        return {name: named[0]} if len(named) == 1 else None
    return {name: said} if said else None

"""JSON objects as they go and come: never a number that is none, never half a character."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["read_object", "write_object"]

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_object(text: str) -> dict[str, Any] | None:
    """A text as a JSON object (RFC 8259); ``None`` for what is none.

    ``NaN``, infinities and numbers beyond them are no JSON. Halves of characters, which JSON may name though no text
    can hold them, are replaced by U+FFFD.
    """
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        message = _mended(text) if _ESCAPED_SURROGATE.search(text) else None
    return message if isinstance(message, dict) else None


def write_object(message: Mapping[str, Any]) -> str:
    """A message as text; what is no number becomes ``null``, half a character U+FFFD.

    Raises ``TypeError`` when it is not JSON.
    """
    try:
        return msgspec.json.encode(message).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_valid(msgspec.to_builtins(message))).decode()


def _mended(text: str) -> Any:
    try:
        return msgspec.json.decode(json.dumps(_valid(json.loads(text)), ensure_ascii=False))
    except (ValueError, RecursionError):
        return None


def _valid(value: Any) -> Any:
    if isinstance(value, str):
        # Two halves that belong together have been joined by the reader; what is left belongs to nothing.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_valid(each) for each in value]
    if isinstance(value, dict):
        return {_valid(key): _valid(each) for key, each in value.items()}
    return value

"""From messages to bytes, with the oddities that a scenario wants."""

from __future__ import annotations

from typing import Any

import msgspec

from ..liveapi import ServerMessage, encode_server
from .oddities import Oddities

__all__ = ["encode"]

_UNKNOWN = {"fieldOfTheFuture": {"value": 1, "names": ["a", "b"]}}


def encode(message: ServerMessage, oddities: Oddities) -> bytes:
    """A message as the client gets it."""
    data = encode_server(message, pretty=oddities.pretty)
    calls = message.tool_call.function_calls if message.tool_call is not None else []
    if not oddities.calls_in_pieces and not all(call.args for call in calls):
        data = _with_args(data, pretty=oddities.pretty)
    if not oddities.unknown_fields:
        return data
    tree: dict[str, Any] = msgspec.json.decode(data)
    if not tree:
        return data
    for value in tree.values():
        if isinstance(value, dict):
            _grow(value)
    # Never alone: the official SDK fails at a message of which it knows nothing.
    return msgspec.json.encode(tree | _UNKNOWN)


def _with_args(data: bytes, *, pretty: bool) -> bytes:
    """Calls without arguments say so, as the service's do: programs unpack ``args`` without a look."""
    tree: dict[str, Any] = msgspec.json.decode(data)
    for call in tree["toolCall"]["functionCalls"]:
        call.setdefault("args", {})
    made = msgspec.json.encode(tree)
    return msgspec.json.format(made, indent=2) + b"\n" if pretty else made


def _grow(value: dict[str, Any]) -> None:
    """Add fields to an object of the protocol and to those below it, but not to what is the user's data."""
    for key, below in value.items():
        for each in below if isinstance(below, list) else [below]:
            if isinstance(each, dict) and key not in ("args", "response"):
                _grow(each)
    value |= _UNKNOWN

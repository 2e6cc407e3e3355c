"""What a caller says to the server, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from .wire import WireMessage

__all__ = [
    "Ask",
    "FromCaller",
    "HangUp",
    "Keys",
    "Mute",
    "Playout",
    "Text",
    "ToolAnswer",
    "Tune",
    "Watch",
    "fault_of",
    "read_message",
]


class Text(WireMessage, tag="text", frozen=True):
    """What the caller typed. With ``reply`` off the agent takes it in and says nothing to it yet; with ``aloud`` off
    what it says to it is written and not heard."""

    text: str
    reply: bool = True
    aloud: bool = True


class Keys(WireMessage, tag="keys", frozen=True):
    """Keys of a telephone that the caller pressed: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    keys: str


class Mute(WireMessage, tag="mute", frozen=True):
    """The caller has switched their microphone off, or on again: the agent waits for nothing that comes from it."""

    muted: bool


class Ask(WireMessage, tag="ask", frozen=True):
    """The page asks the program around the agent; ``reply`` with the same ``id`` answers."""

    id: str
    name: str
    data: Any = None


class Playout(WireMessage, tag="playout", frozen=True):
    """How long the caller's side keeps the agent's sound before it is heard."""

    delay_ms: float


class HangUp(WireMessage, tag="hangup", frozen=True):
    """The caller hangs up."""

    dismissed: bool = False
    """Whether it stays to be told that the call is over, rather than to close the line itself."""


class ToolAnswer(WireMessage, tag="tool_answer", frozen=True):
    """What a function of the page gave; where it failed, ``result`` says how."""

    id: str
    ok: bool
    result: Any = None


class Watch(WireMessage, tag="watch", frozen=True):
    """The caller wants to see the inside of its call, or no longer. Answered where it is told everything."""

    on: bool


class Tune(WireMessage, tag="tune", frozen=True):
    """The caller turns an option of its running call. Done where it is told everything."""

    node: str
    option: str
    value: bool | int | float


FromCaller = Text | Keys | Mute | Playout | ToolAnswer | Ask | Watch | Tune | HangUp

_CALLERS = {kind.__struct_config__.tag: kind for kind in get_args(FromCaller)}


def read_message(message: Mapping[str, Any]) -> FromCaller | None:
    """A caller's JSON object as what it means; ``None`` for what is unknown or malformed."""
    read = _read(message)
    return None if isinstance(read, str) else read


def fault_of(message: Mapping[str, Any]) -> str:
    """What is wrong with a caller's JSON object; empty for a good one, and for one of a type that is unknown."""
    read = _read(message)
    return read if isinstance(read, str) else ""


def _read(message: Mapping[str, Any]) -> FromCaller | str | None:
    tag = message.get("type")
    kind = _CALLERS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        return None
    try:
        read: FromCaller = msgspec.convert(dict(message), kind)
    except msgspec.ValidationError as error:
        return f"`{tag}`: {str(error)[:200]}"
    return read

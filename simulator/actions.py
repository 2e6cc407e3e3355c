"""What a turn of the model is made of: from a brain's rules, or from a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..liveapi import ServerContent
from .mind import MindRequest

__all__ = [
    "ACTIONS",
    "Action",
    "CallTool",
    "Cue",
    "Ignore",
    "Ponder",
    "Reject",
    "Say",
    "SayPart",
    "Show",
    "Silent",
    "StopSpeaking",
    "Think",
    "Write",
]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call a declared tool, then tell the brain with `Brain.tool_result` or one of its sisters."""

    name: str
    args: Mapping[str, object]
    call_key: str
    """Names this call towards the brain; unique in a session. ``""``: a scenario's, of which no brain knows."""
    id: str = ""
    """The id to call it by; ``""`` makes one."""


@dataclass(frozen=True, slots=True)
class Think:
    """Send a summary of a thought, to a client that asked for thoughts."""

    text: str


@dataclass(frozen=True, slots=True)
class Show:
    """Send content that is neither speech nor a call: grounding, code and what it printed, pages that were read."""

    content: ServerContent


@dataclass(frozen=True, slots=True)
class Silent:
    """Answer nothing: an empty turn."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Begin no turn at all, as if nobody had said anything."""


@dataclass(frozen=True, slots=True)
class Write:
    """Answer in text, though sound was asked for."""

    text: str


@dataclass(frozen=True, slots=True)
class Reject:
    """End the turn with nothing but a reason."""

    reason: str = "RESPONSE_REJECTED"


@dataclass(frozen=True, slots=True)
class SayPart:
    """Speak the first half of `text`; the turn ends as if that were all."""

    text: str


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Speak the first half of `text`, after which nothing more comes, not even the turn's end."""

    text: str


@dataclass(frozen=True, slots=True)
class Ponder:
    """Ask a real mind what to say; its answer comes in the place of this."""

    request: MindRequest


@dataclass(frozen=True, slots=True)
class Cue:
    """When everything before it is out, a scenario goes on with `acts`."""

    acts: tuple[object, ...]


ACTIONS = (Say, CallTool, Think, Show, Silent, Ignore, Write, Reject, SayPart, StopSpeaking)
"""All that a scenario can name."""

Action = (
    Say | CallTool | Think | Show | Silent | Ignore | Write | Reject | SayPart | StopSpeaking | Cue | Ponder
)

"""What a turn of the model is made of: from a brain's rules, or from a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..liveapi import ServerContent

__all__ = ["Action", "CallTool", "Say", "Show", "Silent", "Think"]


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
    """Answer nothing."""


Action = Say | CallTool | Think | Show | Silent

"""Events of a call as JSON objects: what the page is sent and what ``livegraph call --json`` prints.

The page's side of it is documented in ``page/protocol.js``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from ..pipeline.errors import LivegraphError, ProcessorError
from ..pipeline.events import (
    Event,
    Interrupted,
    NodeFailed,
    ServiceChanged,
    SpeechChanged,
    StateChanged,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    Transcript,
    Usage,
)
from ..pipeline.units import MS
from ..transports.webrtc.measured import MediaMeasured

__all__ = ["Json", "describe", "describe_error"]

Json = dict[str, Any]
Level = Literal["none", "names", "full"]


def describe(event: Event, level: Level = "full") -> Json | None:
    """``{"type": ..., ...}`` for an event that people or programs outside want to know of, else ``None``.

    ``level`` is how much of it: see ``access.grant.ReportLevel``.
    """
    full = level == "full"
    match event:
        case ToolCalled() | ToolFinished() | ToolCancelled() | Usage() | ServiceChanged() if level == "none":
            return None
        case Transcript():
            return _transcript(event)
        case StateChanged():
            return {"type": "state", "state": event.state}
        case SpeechChanged():
            return {"type": "speech", "speaking": event.speaking}
        case ToolCalled():
            return {
                "type": "tool_call",
                "id": event.id,
                "name": event.name,
                "args": event.args if full else {},
            }
        case ToolFinished():
            return {
                "type": "tool_result",
                "id": event.id,
                "name": event.name,
                "ok": event.ok,
                "result": event.result if full else {},
                "duration_ms": round(event.duration_ns / MS),
            }
        case ToolCancelled():
            return {"type": "tool_cancelled", "id": event.id, "name": event.name}
        case Interrupted():
            return {"type": "interrupted", "turn": event.turn}
        case Usage():
            return {
                "type": "usage",
                "node": event.node,
                "input_tokens": event.input_tokens,
                "output_tokens": event.output_tokens,
                "total_tokens": event.total_tokens,
            }
        case ServiceChanged():
            return {"type": "service", "node": event.node, "state": event.state, "detail": event.detail}
        case MediaMeasured():
            return {"type": "line", **dataclasses.asdict(event.statistics)}
        case NodeFailed():
            return _failure(event.message, event.node, event.remedy)
        case _:
            return None


def describe_error(error: Exception) -> Json:
    """The error that ended a call, as the object of type ``error``."""
    if isinstance(error, ProcessorError):
        return _failure(str(error), error.node, error.remedy)
    if isinstance(error, LivegraphError):
        return {"type": "error", "message": str(error), "remedy": ""}
    # A mistake of ours: its text is for the log.
    return {"type": "error", "message": "The server had a fault.", "remedy": ""}


def _transcript(event: Transcript) -> Json:
    said: Json = {
        "type": "transcript",
        "role": event.role,
        "text": event.text,
        "final": event.final,
        "turn": event.turn,
        "utterance": event.utterance,
    }
    return {**said, "interrupted": True} if event.interrupted else said


def _failure(message: str, node: str, remedy: str) -> Json:
    # The node and the remedy go beside the message, not into it as well.
    text = message.removeprefix(f"{node}: ")
    text = text.removesuffix(f". {remedy}") if remedy else text
    return {"type": "error", "node": node, "message": text, "remedy": remedy}

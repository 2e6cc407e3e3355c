"""Events of a call as messages: what callers are sent, and what ``livegraph call --json`` prints."""

from __future__ import annotations

import dataclasses
from typing import Literal, TypeVar

import msgspec

from ..pipeline import events
from ..pipeline.errors import LivegraphError, ProcessorError
from ..pipeline.units import MS
from ..processors.gemini_live.events import LiveThought
from ..transports.webrtc.measured import MediaMeasured
from . import protocol as say

__all__ = ["describe", "describe_error"]

_M = TypeVar("_M", bound=msgspec.Struct)
Level = Literal["none", "names", "full"]

_OF_TOOLS_AND_SERVICES = (
    events.ToolCalled,
    events.ToolFinished,
    events.ToolCancelled,
    events.ToolProgress,
    events.Confirmed,
    events.Usage,
    events.ServiceChanged,
)


def describe(event: events.Event, level: Level = "full") -> say.FromServer | None:
    """The message of an event that people or programs outside want to know of, else ``None``.

    ``level`` is how much of it: see ``access.grant.ReportLevel``.
    """
    if level == "none" and isinstance(event, _OF_TOOLS_AND_SERVICES):
        return None
    full = level == "full"
    if isinstance(event, LiveThought):
        return say.Thought(turn=event.turn, text=event.text) if full else None
    match event:
        case events.Transcript():
            return _same(say.Transcript, event)
        case events.StateChanged():
            return _same(say.State, event)
        case events.SpeechChanged():
            return _same(say.Speech, event)
        case events.ToolCalled():
            args = dict(event.args) if full else {}
            # That it runs in the caller's own page is no secret; where else tools come from is.
            return say.ToolCall(
                id=event.id, name=event.name, args=args, kind="page" if event.kind == "page" else ""
            )
        case events.ToolFinished():
            return say.ToolResult(
                id=event.id,
                name=event.name,
                ok=event.ok,
                result=event.result if full else {},
                duration_ms=round(event.duration_ns / MS),
            )
        case events.ToolCancelled():
            return _same(say.ToolCancelled, event)
        case events.ToolProgress():
            words = event.text if full else ""
            return say.ToolProgress(id=event.id, name=event.name, text=words, fraction=event.fraction)
        case events.Confirmed():
            return _same(say.Confirmed, event)
        case events.MuteChanged():
            return _same(say.Muted, event)
        case events.Interrupted():
            return _same(say.Interrupted, event)
        case events.PersonaChanged():
            return _same(say.Persona, event)
        case events.TransferAsked():
            return say.Transfer(
                to=event.to,
                sip=event.sip,
                number=event.number,
                callback=event.callback,
                # How a human is reached concerns the caller; what they are told of the caller need not.
                reason=event.reason if full else "",
                summary=event.summary if full else "",
            )
        case events.Usage():
            return _same(say.Usage, event)
        case events.ServiceChanged():
            return _same(say.Service, event)
        case MediaMeasured():
            return say.LineNumbers(**dataclasses.asdict(event.statistics))
        case events.NodeFailed():
            return _failure(event.message, event.node, event.remedy)
        case _:
            return None


def _same(kind: type[_M], event: events.Event) -> _M:
    """The message whose every field is the event's own of that name."""
    return kind(**{name: getattr(event, name) for name in kind.__struct_fields__})


def describe_error(error: Exception) -> say.Error:
    """The error that ended a call, in full: for whoever runs it."""
    if isinstance(error, ProcessorError):
        return _failure(str(error), error.node, error.remedy)
    if isinstance(error, LivegraphError):
        return say.Error(message=str(error), remedy="")
    # A mistake of ours: its text is for the log.
    return say.Error(message="The server had a fault.", remedy="")


def _failure(message: str, node: str, remedy: str) -> say.Error:
    # The node and the remedy go beside the message, not into it as well.
    text = message.removeprefix(f"{node}: ")
    text = text.removesuffix(f". {remedy}") if remedy else text
    return say.Error(message=text, remedy=remedy, node=node)

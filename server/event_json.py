"""Events of a call as messages: what callers are sent, and what ``livegraph call --json`` prints."""

from __future__ import annotations

import dataclasses
from typing import Literal

from ..pipeline import events
from ..pipeline.errors import LivegraphError, ProcessorError
from ..pipeline.units import MS
from ..processors.gemini_live.events import LiveThought
from ..transports.webrtc.measured import MediaMeasured
from . import protocol as say

__all__ = ["describe", "describe_error"]

Level = Literal["none", "names", "full"]

_OF_TOOLS_AND_SERVICES = (
    events.ToolCalled,
    events.ToolFinished,
    events.ToolCancelled,
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
            return say.Transcript(
                role=event.role,
                text=event.text,
                final=event.final,
                turn=event.turn,
                utterance=event.utterance,
                interrupted=event.interrupted,
            )
        case events.StateChanged():
            return say.State(state=event.state)
        case events.SpeechChanged():
            return say.Speech(speaking=event.speaking)
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
            return say.ToolCancelled(id=event.id, name=event.name)
        case events.Interrupted():
            return say.Interrupted(turn=event.turn)
        case events.PersonaChanged():
            return say.Persona(persona=event.persona, before=event.before)
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
            return say.Usage(
                node=event.node,
                input_tokens=event.input_tokens,
                output_tokens=event.output_tokens,
                total_tokens=event.total_tokens,
                call_cost_usd=event.call_cost_usd,
            )
        case events.ServiceChanged():
            return say.Service(node=event.node, state=event.state, detail=event.detail)
        case MediaMeasured():
            return say.LineNumbers(**dataclasses.asdict(event.statistics))
        case events.NodeFailed():
            return _failure(event.message, event.node, event.remedy)
        case _:
            return None


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

"""What a caller is told of its call."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..pipeline.events import (
    CallStarted,
    Confirmed,
    Event,
    EventBus,
    MuteChanged,
    NodeFailed,
    PersonaChanged,
    SpeechChanged,
    StateChanged,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    ToolProgress,
    Transcript,
    TransferAsked,
    Usage,
)
from ..pipeline.latencies import Latencies
from ..pipeline.units import MS
from ..processors.gemini_live.events import LiveThought
from ..transports.webrtc.measured import MediaMeasured
from .access.grant import ReportLevel
from .event_json import describe
from .protocol import PROTOCOL_VERSION, End, EndReason, Error, FromServer, Ready, State, Waited
from .telling import Told, new_id, told

__all__ = ["CallEvents"]

logger = logging.getLogger("livegraph.server")

_SHOWN: tuple[type[Event], ...] = (
    StateChanged,
    SpeechChanged,
    Transcript,
    ToolCalled,
    ToolFinished,
    ToolCancelled,
    ToolProgress,
    Confirmed,
    MuteChanged,
    PersonaChanged,
    TransferAsked,
    MediaMeasured,
    Usage,
)
_TIMED: tuple[type[Event], ...] = (CallStarted, SpeechChanged, StateChanged)
"""By which it is told how long somebody waited."""


class CallEvents:
    """An observer of one call: ``tell(message)`` gets what the caller shall know, in order.

    Args:
        call: its id, for the log.
        agent, live: what the caller is told when the call runs: the agent's name, and where its Live API is.
        level: how much it is told besides the conversation.
    """

    def __init__(
        self,
        events: EventBus,
        tell: Callable[[FromServer], object],
        *,
        call: str,
        agent: str,
        live: str,
        level: ReportLevel,
    ) -> None:
        self._tell = tell
        self._call = call
        self._level: ReportLevel = level
        self._ready = Ready(version=PROTOCOL_VERSION, agent=agent, live=live, report=level)
        self._latencies = Latencies()
        events.subscribe(CallStarted, self._started)
        for kind in _SHOWN:
            events.subscribe(kind, self._happened)
        if level != "none":
            for kind in _TIMED:
                events.subscribe(kind, self._timed)
        if level == "full":
            # Only then: an event that nobody is told of need not be made.
            events.subscribe(LiveThought, self._happened)
        events.subscribe(NodeFailed, self._failed)

    def over(self, reason: EndReason, detail: str, error: Exception | None) -> None:
        """The call is over: the last words to the caller, after the cause if it failed."""
        if error is not None:
            self._tell_of(told(error), getattr(error, "node", ""), fatal=True)
        self._tell(End(reason=reason, detail=detail))

    def _started(self, _: CallStarted) -> None:
        self._tell(self._ready)
        self._tell(State(state="listening"))

    def _happened(self, event: Event) -> None:
        message = describe(event, self._level)
        if message is not None:
            self._tell(message)

    def _timed(self, event: Event) -> None:
        wait = self._latencies.see(event)
        if wait is not None:
            self._tell(Waited(what=wait.what, waited_ms=round(wait.waited_ns / MS), turn=wait.turn))

    def _failed(self, event: NodeFailed) -> None:
        # What ends the call is told when it has ended: by then the error itself is known.
        if not event.fatal and self._level != "none":
            words = "A part of the agent failed, and the call goes on."
            self._tell_of(Told("part_failed", words, "", new_id()), event.node)

    def _tell_of(self, error: Told, node: str, *, fatal: bool = False) -> None:
        """Tell of an error by its number, and put the number into the log, where the cause is."""
        logger.warning("%s: the caller was told of error %s (%s)", self._call, error.id, error.code)
        self._tell(
            Error(
                code=error.code,
                message=f"{error.message} (error {error.id})",
                remedy=error.remedy,
                id=error.id,
                node=node if self._level != "none" else "",
                fatal=fatal,
            )
        )

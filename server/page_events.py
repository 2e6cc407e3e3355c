"""What the page is told of its call, in the words of ``page/protocol.js``."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..pipeline.events import (
    CallStarted,
    Event,
    EventBus,
    NodeFailed,
    SpeechChanged,
    StateChanged,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    Transcript,
)
from ..transports.webrtc.measured import MediaMeasured
from .access.grant import ReportLevel
from .event_json import Json, describe
from .telling import Told, new_id, told

__all__ = ["PageEvents"]

logger = logging.getLogger("livegraph.server")

_SHOWN: tuple[type[Event], ...] = (
    StateChanged,
    SpeechChanged,
    Transcript,
    ToolCalled,
    ToolFinished,
    ToolCancelled,
    MediaMeasured,
)


class PageEvents:
    """An observer of one call: ``send(object)`` gets what the page shall know, in order.

    Args:
        call: its id, for the log.
        agent, live: what the page is told when the call runs: the agent's name, and where its Live API is.
        level: how much it is told besides the conversation.
    """

    def __init__(
        self,
        events: EventBus,
        send: Callable[[Json], object],
        *,
        call: str,
        agent: str,
        live: str,
        level: ReportLevel,
    ) -> None:
        self._send = send
        self._call = call
        self._level: ReportLevel = level
        self._ready: Json = {"type": "ready", "agent": agent, "live": live}
        events.subscribe(CallStarted, self._started)
        for kind in _SHOWN:
            events.subscribe(kind, self._happened)
        events.subscribe(NodeFailed, self._failed)

    def over(self, reason: str, error: Exception | None) -> None:
        """The call is over: the last words to the page, after the cause if it failed."""
        if error is not None:
            self._tell(told(error), getattr(error, "node", ""))
        self._send({"type": "end", "reason": reason})

    def _started(self, _: CallStarted) -> None:
        self._send(self._ready)
        self._send({"type": "state", "state": "listening"})

    def _happened(self, event: Event) -> None:
        message = describe(event, self._level)
        if message is not None:
            self._send(message)

    def _failed(self, event: NodeFailed) -> None:
        # What ends the call is told when it has ended: by then the error itself is known.
        if not event.fatal and self._level != "none":
            words = "A part of the agent failed, and the call goes on."
            self._tell(Told("part_failed", words, "", new_id()), event.node)

    def _tell(self, error: Told, node: str) -> None:
        """Tell of an error by its number, and put the number into the log, where the cause is."""
        logger.warning("%s: the caller was told of error %s (%s)", self._call, error.id, error.code)
        message: Json = {
            "type": "error",
            "code": error.code,
            "message": f"{error.message} (error {error.id})",
            "remedy": error.remedy,
            "id": error.id,
        }
        if node and self._level != "none":
            message["node"] = node
        self._send(message)

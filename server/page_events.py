"""What the page is told of its call, in the words of ``page/protocol.js``."""

from __future__ import annotations

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
from .event_json import Json, describe, describe_error

__all__ = ["PageEvents"]

_SHOWN: tuple[type[Event], ...] = (
    StateChanged,
    SpeechChanged,
    Transcript,
    ToolCalled,
    ToolFinished,
    ToolCancelled,
    NodeFailed,
)


class PageEvents:
    """An observer of one call: ``send(object)`` gets what the page shall know, in order.

    ``agent`` and ``live`` are what the page is told when the call runs: the agent's name, and where its
    Live API is.
    """

    def __init__(self, events: EventBus, send: Callable[[Json], object], *, agent: str, live: str) -> None:
        self._send = send
        self._ready: Json = {"type": "ready", "agent": agent, "live": live}
        self._told_cause = False
        events.subscribe(CallStarted, self._started)
        for kind in _SHOWN:
            events.subscribe(kind, self._happened)

    def over(self, reason: str, error: Exception | None) -> None:
        """The call is over: the last words to the page, after the cause if that was not told yet."""
        if error is not None and not self._told_cause:
            self._send(describe_error(error))
        self._send({"type": "end", "reason": reason})

    def _started(self, _: CallStarted) -> None:
        self._send(self._ready)
        self._send({"type": "state", "state": "listening"})

    def _happened(self, event: Event) -> None:
        if isinstance(event, NodeFailed) and event.fatal:
            self._told_cause = True
        message = describe(event)
        if message is not None:
            self._send(message)

"""How long callers wait, by the events of a call. Sans-IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .events import CallStarted, Event, SpeechChanged, StateChanged

__all__ = ["Latencies", "Latency"]

What = Literal["greeting", "answer", "silence"]


@dataclass(frozen=True, slots=True)
class Latency:
    """One wait, which ended at ``time_ns``.

    ``greeting``: from the start of the call to the agent's first word. ``answer``: from the end of the caller's
    speech to the agent's next word. ``silence``: from the caller's speech over the agent to the agent's silence.
    """

    what: What
    time_ns: int
    waited_ns: int
    turn: int


class Latencies:
    """Told of every event of a call, in order, it says what ended with it."""

    def __init__(self) -> None:
        self._started_ns: int | None = None
        """Until the first sound of either side."""
        self._ended_ns: int | None = None
        self._over_ns: int | None = None
        """Since when the caller speaks over the agent."""
        self._speaking = False

    def see(self, event: Event) -> Latency | None:
        """What the caller has waited for, when ``event`` is the end of it."""
        match event:
            case CallStarted():
                self._started_ns = event.time_ns
            case SpeechChanged():
                self._started_ns = None
                self._ended_ns = None if event.speaking else event.time_ns
                self._over_ns = event.time_ns if event.speaking and self._speaking else None
            case StateChanged():
                return self._state(event)
        return None

    def _state(self, event: StateChanged) -> Latency | None:
        self._speaking = event.state == "speaking"
        found: Latency | None = None
        if not self._speaking:
            if self._over_ns is not None:
                found = _waited("silence", self._over_ns, event)
                self._over_ns = None
            return found
        if self._started_ns is not None:
            found = _waited("greeting", self._started_ns, event)
        elif self._ended_ns is not None:
            found = _waited("answer", self._ended_ns, event)
        self._started_ns = self._ended_ns = None
        return found


def _waited(what: What, since_ns: int, event: StateChanged) -> Latency:
    return Latency(what, event.time_ns, event.time_ns - since_ns, event.turn)

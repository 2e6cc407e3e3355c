"""What happens in a call, for whoever watches: logs, metrics, a recorder, the browser's data channel.

Observers are not boxes in the media's way, and an event that nobody listens to is never made::

    if events.wants(ToolCalled):
        events.publish(ToolCalled(time_ns=now, id=..., name=..., args=...))
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec

from .frames import Role, Turn

__all__ = [
    "CallEnded",
    "CallStarted",
    "EdgeStalled",
    "Event",
    "EventBus",
    "Interrupted",
    "NodeFailed",
    "ServiceChanged",
    "SpeechChanged",
    "StateChanged",
    "ToolCalled",
    "ToolCancelled",
    "ToolFinished",
    "Transcript",
    "Tuned",
    "Usage",
]

logger = logging.getLogger("livegraph.events")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened at ``time_ns`` of the call's clock. Subclass it to define your own.

    Events are plain data. A field ``turn`` holds the number of a turn; where the event has a field ``source`` that was
    left out, it is the node whose turn it is.
    """

    time_ns: int

    def __post_init__(self) -> None:
        turn = getattr(self, "turn", None)
        if isinstance(turn, Turn):
            msgspec.structs.force_setattr(self, "turn", int(turn))
            if getattr(self, "source", None) == "":
                msgspec.structs.force_setattr(self, "source", turn.source)


class CallStarted(Event, frozen=True, kw_only=True):
    """Every node has started."""

    call: str


class CallEnded(Event, frozen=True, kw_only=True):
    """The call is over; ``error`` is empty unless it failed."""

    call: str
    reason: str
    error: str = ""


class StateChanged(Event, frozen=True, kw_only=True):
    """The conversation entered a state (``listening``, ``thinking``, ``speaking``, ``paused``, ``interrupted``)."""

    state: str
    turn: int
    source: str = ""
    """The node whose turn it is."""


class SpeechChanged(Event, frozen=True, kw_only=True):
    """The user began or stopped speaking."""

    speaking: bool


class Interrupted(Event, frozen=True, kw_only=True):
    """Every turn of ``source`` up to ``turn`` was cut; of all sources where it is empty."""

    turn: int
    source: str = ""


class Transcript(Event, frozen=True, kw_only=True):
    """What somebody has said so far: ``text`` replaces what was known of ``utterance`` of ``role``."""

    role: Role
    utterance: int
    text: str
    final: bool
    turn: int = 0
    interrupted: bool = False
    source: str = ""
    """The node whose turn it is."""


class ToolCalled(Event, frozen=True, kw_only=True):
    """The model asked for a function."""

    id: str
    name: str
    args: dict[str, Any]


class ToolFinished(Event, frozen=True, kw_only=True):
    """A function answered, or failed."""

    id: str
    name: str
    ok: bool
    result: dict[str, Any]
    duration_ns: int


class ToolCancelled(Event, frozen=True, kw_only=True):
    """The model withdrew a call before it was answered."""

    id: str
    name: str


class Usage(Event, frozen=True, kw_only=True):
    """Tokens that a service counted for one turn, and what they cost.

    Costs are ``None`` where the price is not known; ``call_cost_usd`` is the sum of the call so far.
    """

    node: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_by_modality: dict[str, int]
    output_by_modality: dict[str, int]
    thought_tokens: int = 0
    tool_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    call_cost_usd: float | None = None


class ServiceChanged(Event, frozen=True, kw_only=True):
    """A connection to a service was made, lost, resumed, or is about to be closed."""

    node: str
    state: Literal["connected", "lost", "resumed", "renewed", "going_away", "closed"]
    detail: str = ""


class NodeFailed(Event, frozen=True, kw_only=True):
    """A node raised; ``fatal`` when the call ends for it."""

    node: str
    message: str
    remedy: str = ""
    fatal: bool = True


class EdgeStalled(Event, frozen=True, kw_only=True):
    """Frames wait on an edge because ``node`` has been busy for ``age_ns``."""

    edge: str
    node: str
    age_ns: int


class Tuned(Event, frozen=True, kw_only=True):
    """A node took new values of these options: they count from its next frame on."""

    node: str
    options: tuple[str, ...]


E = TypeVar("E", bound=Event)


class EventBus:
    """Publishes events to observers, in order of subscription, at once."""

    def __init__(self) -> None:
        self._observers: list[tuple[type[Event], Callable[[Any], None]]] = []
        self._by_type: dict[type[Event], tuple[Callable[[Any], None], ...]] = {}

    def subscribe(self, kind: type[E], observer: Callable[[E], None]) -> Callable[[], None]:
        """Call ``observer`` for every event of ``kind`` or a subclass; returns what ends the subscription."""
        entry = (kind, observer)
        self._observers.append(entry)
        self._by_type.clear()

        def unsubscribe() -> None:
            if entry in self._observers:
                self._observers.remove(entry)
                self._by_type.clear()

        return unsubscribe

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody would see an event of ``kind``."""
        return bool(self._for(kind))

    def publish(self, event: Event) -> None:
        """Tell every observer. One that raises is taken off the bus and named in the log: the call goes on."""
        for observer in self._for(type(event)):
            try:
                observer(event)
            except Exception:
                # An observer is outside the media's way; its fault must not become the caller's.
                logger.exception("observer %r failed on %s and was removed", observer, type(event).__name__)
                self._observers = [entry for entry in self._observers if entry[1] is not observer]
                self._by_type.clear()

    def _for(self, kind: type[Event]) -> tuple[Callable[[Any], None], ...]:
        found = self._by_type.get(kind)
        if found is None:
            found = tuple(observer for wanted, observer in self._observers if issubclass(kind, wanted))
            self._by_type[kind] = found
        return found

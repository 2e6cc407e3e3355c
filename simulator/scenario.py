"""A scenario as data: what happens when. `scenario_file` reads one from YAML, `director` plays it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .actions import CallTool, Ignore, Reject, Say, SayPart, Show, Silent, StopSpeaking, Think, Write
from .brain_script import Script
from .faults import HangUp, RawBytes, RawMessage, Stall

__all__ = [
    "Act",
    "CancelCalls",
    "Close",
    "Cut",
    "Event",
    "ForgetSession",
    "GoAway",
    "Interrupt",
    "RefuseConnection",
    "RefuseResume",
    "Scenario",
    "Scene",
    "SetOddities",
    "Wait",
    "When",
]

Event = Literal["connect", "time", "turn", "tool_response", "audio", "sent", "received"]


@dataclass(frozen=True, slots=True)
class When:
    """What sets a scene off.

    Attributes:
        event: what happens.
        subject: the kind of message, or the name of the tool; ``""`` is any.
        number: the how-manieth, counting from 1; None is each.
        at_ns: since the connection began, or how much audio it brought.
        every: whether it happens again and again in that distance.
        connection: only on this one, counting from 1 from the simulator's start.
        times: how often the scene plays in all.
    """

    event: Event
    subject: str = ""
    number: int | None = None
    at_ns: int = 0
    every: bool = False
    connection: int | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass before what follows."""

    for_ns: int


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection, with `half` in the middle of a message."""

    code: int
    reason: str = ""
    half: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Lose the connection in the middle of a message: by a reset, or as a program does that dies."""

    reset: bool = True


@dataclass(frozen=True, slots=True)
class GoAway:
    """Warn that the connection ends in `left_ns`, and, with `close`, end it then."""

    left_ns: int
    close: bool = True


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Cut the model off, as if the user had begun to speak."""


@dataclass(frozen=True, slots=True)
class CancelCalls:
    """Send ``toolCallCancellation`` for all calls that wait."""


@dataclass(frozen=True, slots=True)
class RefuseResume:
    """Close the next `times` attempts to resume a session, whichever."""

    times: int
    code: int = 1011
    reason: str = "Internal error encountered."


@dataclass(frozen=True, slots=True)
class ForgetSession:
    """Forget the handles of this session."""


@dataclass(frozen=True, slots=True)
class RefuseConnection:
    """Answer the connection's request with an HTTP status instead of a WebSocket."""

    status: int


@dataclass(frozen=True, slots=True)
class SetOddities:
    """Change the oddities of the connection (`oddities`)."""

    changes: Mapping[str, object]


Act = (
    Say
    | CallTool
    | Think
    | Show
    | Silent
    | Ignore
    | Write
    | Reject
    | SayPart
    | StopSpeaking
    | Wait
    | Close
    | Cut
    | GoAway
    | Interrupt
    | CancelCalls
    | RefuseResume
    | ForgetSession
    | RefuseConnection
    | SetOddities
    | RawMessage
    | RawBytes
    | HangUp
    | Stall
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is done when something happens."""

    when: When
    do: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that a simulator was told to do besides answering.

    Attributes:
        scenes: what happens when; of several for one event all play, in order.
        settings: options of `Simulator`, by name.
        brain: what is said where no scene says something else; None is as usual.
    """

    scenes: tuple[Scene, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    brain: Script | None = None

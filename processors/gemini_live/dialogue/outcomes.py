"""What follows from a message of the server: the vocabulary between `protocol` and `dispatch`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..wire import FunctionResponse, UsageMetadata

__all__ = [
    "Answer",
    "Audio",
    "CallTool",
    "CancelTools",
    "Cut",
    "EndSound",
    "EndWords",
    "Failed",
    "GoingAway",
    "Outcome",
    "Remark",
    "StartTurn",
    "TurnComplete",
    "Used",
    "UserEnded",
    "UserPreview",
    "UserSpeech",
    "UserWords",
    "Words",
]


@dataclass(frozen=True, slots=True)
class Cut:
    """The server cut ``turn``: nothing more of it may be heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class StartTurn:
    """The model begins to answer."""

    turn: int


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound of ``turn``: s16le mono at ``rate``; it begins ``at_ns`` after the turn's first sample."""

    turn: int
    pcm: bytes
    rate: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Words:
    """What the model says, a piece of it, from ``at_ns`` of the turn's sound on."""

    turn: int
    text: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class EndSound:
    """No more sound of ``turn`` follows."""

    turn: int


@dataclass(frozen=True, slots=True)
class EndWords:
    """No more words of ``turn`` follow; its sound is ``at_ns`` long."""

    turn: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class TurnComplete:
    """The model's turn is over, with or without sound."""


@dataclass(frozen=True, slots=True)
class UserWords:
    """What the user said, a piece of it."""

    text: str


@dataclass(frozen=True, slots=True)
class UserPreview:
    """A guess at what the user is saying; it replaces the guess before."""

    text: str


@dataclass(frozen=True, slots=True)
class UserEnded:
    """The user's utterance is whole."""


@dataclass(frozen=True, slots=True)
class UserSpeech:
    """The server hears the user's voice begin or end."""

    speaking: bool


@dataclass(frozen=True, slots=True)
class CallTool:
    """The model asks for a function."""

    id: str
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CancelTools:
    """The model no longer wants the results of these calls."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """To be sent at once."""

    response: FunctionResponse


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens that the service counted."""

    usage: UsageMetadata


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The server ends this connection soon."""

    left: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd, for the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An error in band: fatal."""

    text: str


Outcome = (
    Cut
    | StartTurn
    | Audio
    | Words
    | EndSound
    | EndWords
    | TurnComplete
    | UserWords
    | UserPreview
    | UserEnded
    | UserSpeech
    | CallTool
    | CancelTools
    | Answer
    | Used
    | GoingAway
    | Remark
    | Failed
)

"""What follows from a message of the server: the vocabulary between `protocol` and whoever carries it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ....liveapi import (
    FunctionResponse,
    GroundingMetadata,
    Transcription,
    UrlContextMetadata,
    UsageMetadata,
)
from ..answers.decisions import Decision

__all__ = [
    "Answer",
    "Audio",
    "CallTool",
    "CancelTools",
    "Code",
    "CodeOutput",
    "Consumed",
    "Cut",
    "EndSound",
    "EndWords",
    "Failed",
    "Generated",
    "GoingAway",
    "Grounded",
    "Interaction",
    "LateWords",
    "Media",
    "Note",
    "Opened",
    "Outcome",
    "PagesRead",
    "Remark",
    "StartTurn",
    "Transcribed",
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
    """The server cut ``turn``: no more of it comes. ``sounding``, ``worded``: it had not ended its sound, its words."""

    turn: int
    sounding: bool = field(default=False, compare=False)
    worded: bool = field(default=False, compare=False)


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
    """What the model says, a piece of it, from ``at_ns`` of the turn's sound on; ``None``: it has no sound."""

    turn: int
    text: str
    at_ns: int | None


@dataclass(frozen=True, slots=True)
class LateWords:
    """The last words of ``turn``, which is complete; its sound is ``at_ns`` long."""

    turn: int
    text: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class EndSound:
    """No more sound of ``turn`` follows."""

    turn: int


@dataclass(frozen=True, slots=True)
class EndWords:
    """No more words of ``turn`` follow; its sound is ``at_ns`` long. ``broken``: the model had more to say."""

    turn: int
    at_ns: int
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Generated:
    """The model has produced all of ``turn``; its sound is ``sound_ns`` long."""

    turn: int
    sound_ns: int = 0


@dataclass(frozen=True, slots=True)
class TurnComplete:
    """The model's turn is over, with or without sound. ``reason`` is empty where nothing is wrong."""

    turn: int = 0
    reason: str = ""
    waiting: bool = False
    """Whether the model says nothing because it expects the user to go on."""
    cut: bool = False
    """Whether it is the end of a turn that was cut."""


@dataclass(frozen=True, slots=True)
class UserWords:
    """What the user said, a piece of it."""

    text: str
    answered: bool = False
    """Whether it came after the answer to it."""


@dataclass(frozen=True, slots=True)
class UserPreview:
    """A guess at what the user is saying; it replaces the guess before."""

    text: str


@dataclass(frozen=True, slots=True)
class UserEnded:
    """The user's utterance is whole."""


@dataclass(frozen=True, slots=True)
class UserSpeech:
    """The server hears the user's voice begin or end, ``offset_ns`` into all audio of the session."""

    speaking: bool
    offset_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A piece of speech as the server tells it, with all that it says of it."""

    user: bool
    piece: Transcription
    interim: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Text of the model that is no answer: a thought (``thought``), or a remark beside its speech."""

    turn: int
    text: str
    thought: bool


@dataclass(frozen=True, slots=True)
class Code:
    """Code that the model wrote and the server runs."""

    turn: int
    code: str
    language: str
    id: str


@dataclass(frozen=True, slots=True)
class CodeOutput:
    """What that code printed."""

    turn: int
    outcome: str
    output: str
    id: str


@dataclass(frozen=True, slots=True)
class Media:
    """Anything else that the model made: a picture, a piece of video."""

    turn: int
    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Grounded:
    """Where the answer comes from."""

    turn: int
    metadata: GroundingMetadata


@dataclass(frozen=True, slots=True)
class PagesRead:
    """Which pages the model has read."""

    turn: int
    metadata: UrlContextMetadata


@dataclass(frozen=True, slots=True)
class Interaction:
    """How far an interaction of several turns has come (``IN_PROGRESS``, ``IDLE``)."""

    status: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is set up on this connection."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Consumed:
    """The server has taken in the first ``index`` messages of this connection."""

    index: int


@dataclass(frozen=True, slots=True)
class CallTool:
    """The model asks for a function."""

    id: str
    name: str
    args: dict[str, Any]
    key: str = ""
    """The same for the same wish of the user, however often the model asks."""


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
    """The server ends this connection in ``left_ns``; ``None``: it does not say when."""

    left_ns: int | None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd, for the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An error in band: fatal."""

    text: str


Outcome = (
    Decision
    | Answer
    | Audio
    | CallTool
    | CancelTools
    | Code
    | CodeOutput
    | Consumed
    | Cut
    | EndSound
    | EndWords
    | Failed
    | Generated
    | GoingAway
    | Grounded
    | Interaction
    | LateWords
    | Media
    | Note
    | Opened
    | PagesRead
    | Remark
    | StartTurn
    | Transcribed
    | TurnComplete
    | Used
    | UserEnded
    | UserPreview
    | UserSpeech
    | UserWords
    | Words
)

"""One turn of the model: what is still to come of it, and when."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from .actions import (
    Action,
    CallTool,
    Cue,
    Ignore,
    Ponder,
    Reject,
    Say,
    SayPart,
    Show,
    Silent,
    StopSpeaking,
    Think,
    Write,
)
from .session_store import PendingCall
from .speaking import Speech
from .usage import Made
from .voice import split_sentences

__all__ = ["Agenda", "ModelTurn", "Stuck", "Text", "plan"]

_PIECE = re.compile(r"\s*\S+(?:\s+\S+){0,3}")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an answer in text."""

    text: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """Here the turn stops, and does not end."""


Agenda = deque[str | Text | Think | Show | Reject | Stuck | Cue | Ponder | list[CallTool]]
"""What is still to come: sentences to be spoken, pieces of text, thoughts, other content, calls of tools, odd ends."""


def plan(agenda: Agenda, actions: Iterable[Action], *, speaks: bool) -> None:
    """Append `actions` to `agenda`; calls in a row go into one message."""
    for action in actions:
        match action:
            case Say(text=text) if speaks:
                agenda.extend(split_sentences(text))
            case Say(text=text) | Write(text=text):
                agenda.extend(Text(piece.group()) for piece in _PIECE.finditer(text))
            case SayPart(text=text) | StopSpeaking(text=text):
                part = _first_half(text)
                agenda.extend(split_sentences(part) if speaks else [Text(part)])
                if isinstance(action, StopSpeaking):
                    agenda.append(Stuck())
            case CallTool():
                if agenda and isinstance(calls := agenda[-1], list):
                    calls.append(action)
                else:
                    agenda.append([action])
            case Think() | Show() | Reject() | Cue() | Ponder():
                agenda.append(action)
            case Silent() | Ignore():
                pass


def _first_half(text: str) -> str:
    """The words up to the middle of it, at least one."""
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)]).rstrip(".!?,;:")


@dataclass(slots=True)
class ModelTurn:
    """The turn under way."""

    speech: Speech
    not_before_ns: int
    """When the next output may come: the model thinks."""
    agenda: Agenda = field(default_factory=deque)
    making: tuple[int, str] | None = None
    """The key and the text of the sentence that is being made into sound."""
    pondering: int | None = None
    """The key of what a mind was asked."""
    waiting: list[PendingCall] = field(default_factory=list)
    """The blocking calls that hold the turn open."""
    answers: list[Action] = field(default_factory=list)
    """What the brain has to say to the responses that came while others are missing."""
    written: str = ""
    """What was answered in text."""
    made: Made = field(default_factory=Made)
    generated_ns: int | None = None
    reason: str = ""
    """Why it ends, where that is not as usual."""
    stuck: bool = False
    """Whether nothing more comes of it."""
    cut: bool = False
    """Whether it was interrupted."""
    begun: bool = False
    """Whether anything has come of it: sound, text, a call."""

    def due_ns(self) -> int | None:
        """When its next output comes; None while it waits for work or for a response."""
        if self.generated_ns is not None:
            return max(self.generated_ns, self.speech.play_end_ns)
        if self.stuck:
            return None
        more_comes = (
            self.making is not None
            or self.pondering is not None
            or bool(self.agenda and isinstance(self.agenda[0], str))
        )
        if self.speech.has_chunk(more_comes=more_comes):
            return max(self.not_before_ns, self.speech.next_ns)
        if more_comes or (self.waiting and not self.agenda):
            return None
        return max(self.not_before_ns, self.speech.last_ns or 0)

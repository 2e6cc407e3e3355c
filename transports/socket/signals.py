"""What the far side of a socket says, whatever its words are, and how it is spoken to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .codings import Coding

__all__ = [
    "Answer",
    "BadSignal",
    "Codec",
    "Data",
    "Left",
    "Marked",
    "Pressed",
    "Said",
    "Signal",
    "Sound",
    "Unclear",
]

Data = str | bytes
"""One message of a socket: text or binary."""


class BadSignal(ValueError):
    """A message that cannot be what the far side's protocol says; the socket is closed with these words."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of the caller's voice, as its coding has it."""

    payload: bytes
    chunk: int | None = None
    """Its number, where pieces are counted: they may come out of order."""
    at_ms: int | None = None
    """When it begins, in milliseconds since some beginning, where that is told."""


@dataclass(frozen=True, slots=True)
class Marked:
    """All that was sent before the mark of this name has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key of a telephone: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    key: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the protocol of calls, a JSON object with a ``type``."""

    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the far side's own protocol answers to this; it is no business of the call."""

    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Left:
    """The far side hangs up, or says that its line is gone."""

    reason: str = "the caller hung up"


@dataclass(frozen=True, slots=True)
class Unclear:
    """A message that is not as its protocol has it: it is dropped and counted, and the call goes on."""

    why: str


Signal = Sound | Marked | Pressed | Said | Answer | Left | Unclear


class Codec(Protocol):
    """The words of one kind of far side. Pure: it knows no socket and no time. A method gives ``None`` for what the
    far side has no word for."""

    coding_in: Coding
    """How the caller's voice comes."""
    coding_out: Coding
    """How the agent's is sent."""
    confirms: bool
    """Whether marks come back when their sound has been played."""

    def read(self, data: Data) -> Iterable[Signal]:
        """What a message says; nothing for what is unknown. Raises ``BadSignal``."""
        ...

    def sound(self, payload: bytes) -> Data:
        """A piece of the agent's voice, 20 ms of it."""
        ...

    def mark(self, name: str) -> Data | None:
        """To be told when all that was sent before has been played."""
        ...

    def clear(self) -> Data | None:
        """To forget what was sent and is not played yet."""
        ...

    def key(self, key: str) -> Data | None:
        """To give out a key's tone."""
        ...

    def say(self, message: Mapping[str, Any]) -> Data | None:
        """A message of the protocol of calls."""
        ...

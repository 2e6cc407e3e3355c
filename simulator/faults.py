"""What a scenario does to a connection, in the order of the messages around it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Fault", "Half", "HangUp", "RawBytes", "RawMessage", "Stall"]


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A whole message of any content: text, or bytes in a binary frame."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class RawBytes:
    """Bytes that belong to no message. They break the protocol, so the client ends the connection."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Half:
    """The beginning of a message of which no more comes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the connection with no word: by a reset, or as a program does that dies."""

    reset: bool


@dataclass(frozen=True, slots=True)
class Stall:
    """Stop reading or writing or both; `for_ns` None is for ever."""

    reading: bool
    writing: bool
    for_ns: int | None


Fault = RawMessage | RawBytes | Half | HangUp | Stall

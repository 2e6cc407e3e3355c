"""What the streams of all three providers have in common: how their messages are read, and what they mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, get_args

import msgspec

from ..socket.signals import Data, Left, Marked, Pressed, Signal, Sound, Unclear
from .started import Started

__all__ = ["Digit", "Media", "Message", "Name", "Number", "TelephoneCodec", "text_of"]

Number = str | int | float | None
"""Providers write numbers as texts, and some of them as numbers."""

_MOST_CHARS = 256 * 1024
_MOST_NUMBER = 1 << 53
_BEGUN = frozenset(("connected", "start"))
_KEYS = frozenset("0123456789*#ABCD")
_HUNG_UP = Left("the caller hung up")


class Message(msgspec.Struct, frozen=True, tag_field="event"):
    """A JSON object whose ``event`` says which it is. Fields that are not known here are left alone."""


class Media(msgspec.Struct, frozen=True):
    """A piece of sound, 20 ms as a rule: base64 of its bytes, without a header."""

    payload: bytes
    track: str | None = None
    """``outbound`` is the agent's own voice, which some send back."""
    chunk: Number = None
    """Its place in the stream, from 1."""
    timestamp: Number = None
    """When it begins, in milliseconds since the stream did."""

    @property
    def sound(self) -> Sound | None:
        """The caller's; ``None`` for that of the agent, and for nothing."""
        if self.track in ("outbound", "outbound_track") or not self.payload:
            return None
        return Sound(self.payload, _whole(self.chunk), _whole(self.timestamp))


class Digit(msgspec.Struct, frozen=True):
    """A key that the caller pressed."""

    digit: str

    @property
    def pressed(self) -> Signal:
        """The key: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""
        key = self.digit.upper()
        return Pressed(key) if key in _KEYS else Unclear(f"no telephone has the key {self.digit[:20]!r}")


class Name(msgspec.Struct, frozen=True):
    """Of a mark."""

    name: str


def _read(kinds: Any, data: Data) -> Message | Unclear | None:
    """A text as one of the structs ``kinds``; ``None`` for an event that is none of theirs: providers learn words."""
    if isinstance(data, bytes) or len(data) > _MOST_CHARS:
        return Unclear("a message that is no text of a telephone's stream")
    try:
        message: Message = msgspec.json.decode(data, type=kinds)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return _why_not(kinds, data, error)
    return message


class _Event(msgspec.Struct):
    event: str


def _why_not(kinds: Any, data: str, error: Exception) -> Unclear | None:
    try:
        event = msgspec.json.decode(data, type=_Event).event
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Unclear("a message that is no JSON object with an event")
    if event in _BEGUN:
        return Unclear(f"`{event}`: the call has begun already")
    known = {kind.__struct_config__.tag for kind in get_args(kinds) or (kinds,)}
    return Unclear(f"`{event}`: {str(error)[:200]}") if event in known else None


class TelephoneCodec:
    """See ``Codec``. What is malformed or of another stream is dropped and counted; what is unknown says nothing."""

    confirms = True
    _kinds: ClassVar[Any]
    """What the provider says: a union of structs."""

    def __init__(self, started: Started) -> None:
        self.started = started
        self.coding_in = self.coding_out = started.coding
        self._id = started.stream_id

    def read(self, data: Data) -> Iterable[Signal]:
        """See ``Codec``."""
        message = _read(self._kinds, data)
        if message is None or isinstance(message, Unclear):
            return () if message is None else (message,)
        found = self._meant(message)
        return () if found is None else (found,)

    def say(self, message: Mapping[str, Any]) -> Data | None:
        """See ``Codec``. A telephone has no words for messages."""
        return None

    def key(self, key: str) -> Data | None:
        """See ``Codec``. Where there is no word for a key its tone is played."""
        return None

    def _meant(self, message: Any) -> Signal | None:
        raise NotImplementedError

    def _signal(self, of: str | None, signal: Signal | None) -> Signal | None:
        """``signal``, unless its message is of another stream."""
        return Unclear("a message of another stream") if of and of != self._id else signal

    def _marked(self, of: str | None, name: str) -> Signal | None:
        return self._signal(of, Marked(name))

    def _stopped(self, of: str | None) -> Signal | None:
        return self._signal(of, _HUNG_UP)


def text_of(message: Message) -> str:
    """As it goes over the wire."""
    return msgspec.json.encode(message).decode()


def _whole(value: Number) -> int | None:
    """A number that counts something; ``None`` for what cannot."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdecimal() and len(value) < 17 else None
    return value if isinstance(value, int) and 0 <= value < _MOST_NUMBER else None

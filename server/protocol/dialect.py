"""How one caller's side spells what is said: our own words, and the seam for those of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from .from_caller import FromCaller, fault_of, read_message
from .from_server import Error, FromServer
from .wire import Json

__all__ = ["Dialect", "Native", "to_json"]


def to_json(message: FromServer | FromCaller) -> Json:
    """The message as the JSON object that goes over the wire."""
    given = msgspec.to_builtins(message)
    assert isinstance(given, dict)
    return given


class Dialect(Protocol):
    """Words for the same things: how one caller's side spells what is said to it, and what it says. Sans-IO."""

    def spell(self, message: FromServer) -> Iterable[Json]:
        """What goes over the wire for a message of ours; nothing where the dialect has no word for it."""
        ...

    def read(self, message: Mapping[str, Any]) -> Iterable[FromCaller]:
        """What a caller's JSON object means. Nothing is raised for what is unknown or malformed."""
        ...

    def replies(self) -> Iterable[Json]:
        """What the dialect itself has to say to what was read since it was asked last: handshakes, refusals."""
        ...

    def farewell(self) -> Iterable[Json]:
        """What goes over the wire last, before the connection is closed at this end."""
        ...


class Native:
    """Our own."""

    def __init__(self) -> None:
        self._replies: list[Json] = []

    def spell(self, message: FromServer) -> Iterable[Json]:
        """See ``Dialect``."""
        return (to_json(message),)

    def read(self, message: Mapping[str, Any]) -> Iterable[FromCaller]:
        """See ``Dialect``."""
        read = read_message(message)
        if read is not None:
            return (read,)
        if fault := fault_of(message):
            self._replies.append(to_json(Error(message=f"{fault}.", remedy="", code="bad_message")))
        return ()

    def replies(self) -> Iterable[Json]:
        """See ``Dialect``: what is wrong with messages that were not as they should be."""
        replies, self._replies = self._replies, []
        return replies

    def farewell(self) -> Iterable[Json]:
        """See ``Dialect``."""
        return ()

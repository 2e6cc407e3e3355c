"""Our own words on a socket: sound in binary messages, everything else as JSON objects with a ``type``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from ..json_objects import read_object, write_object
from .codings import Coding
from .signals import BadSignal, Data, Left, Marked, Said, Signal, Sound, Unclear
from .words import Clear, Hello, Key, Mark
from .words import Marked as MarkedMessage

__all__ = ["Judge", "NativeCodec"]

_MOST_TEXT_CHARS = 64 * 1024
_MARKED = MarkedMessage.__struct_config__.tag
_HELLO = Hello.__struct_config__.tag

Judge = Callable[[Mapping[str, Any]], str]
"""What is wrong with a message of the protocol of calls; empty where nothing is, or where it is unknown."""


class NativeCodec:
    """See ``Codec``. A binary message is a piece of sound and nothing else: PCM of any length, or one packet of Opus.

    What is said about the sound itself is in ``words``. Other objects are messages of the protocol of calls, as
    ``judge`` knows them.
    """

    def __init__(
        self, coding_in: Coding, coding_out: Coding, *, confirms: bool, judge: Judge = lambda message: ""
    ) -> None:
        self.coding_in, self.coding_out, self.confirms = coding_in, coding_out, confirms
        self._judge = judge

    def read(self, data: Data) -> Iterable[Signal]:
        """See ``Codec``."""
        if isinstance(data, bytes):
            return (Sound(data),) if data else ()
        if len(data) > _MOST_TEXT_CHARS:
            raise BadSignal(f"a text of {len(data)} characters; {_MOST_TEXT_CHARS} are the most")
        message = read_object(data)
        kind = None if message is None else message.get("type")
        if message is None or not isinstance(kind, str):
            return (Unclear("a text that is no JSON object with a `type`"),)
        if kind == _MARKED:
            name = message.get("id")
            return (
                Marked(name) if isinstance(name, str) else Unclear("`marked`: its `id` has to be a text"),
            )
        if kind == _HELLO:
            return (Unclear("`hello`: the call has begun already"),)
        if fault := self._judge(message):
            return (Unclear(fault),)
        return (Said(message), Left()) if kind == "hangup" else (Said(message),)

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        return payload

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return _text(Mark(name)) if self.confirms else None

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return _text(Clear())

    def key(self, key: str) -> Data | None:
        """See ``Codec``."""
        return _text(Key(key))

    def say(self, message: Mapping[str, Any]) -> Data | None:
        """See ``Codec``."""
        return write_object(message)


def _text(message: Any) -> str:
    return msgspec.json.encode(message).decode()

"""Our own words on a socket: sound in binary messages, everything else as JSON objects with a ``type``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .codings import Coding
from .signals import BadSignal, Data, Left, Marked, Said, Signal, Sound
from .words import Clear, Key, Mark
from .words import Marked as MarkedMessage

__all__ = ["NativeCodec", "read_object"]

_MOST_TEXT_CHARS = 64 * 1024
_MARKED = MarkedMessage.__struct_config__.tag


def read_object(data: str) -> dict[str, Any] | None:
    """A text as a JSON object; ``None`` for what is none."""
    try:
        message = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


class NativeCodec:
    """See ``Codec``. A binary message is a piece of sound and nothing else: PCM of any length, or one packet of Opus.

    What is said about the sound itself is in ``words``. Other objects are messages of the protocol of calls.
    """

    def __init__(self, coding_in: Coding, coding_out: Coding, *, confirms: bool) -> None:
        self.coding_in, self.coding_out, self.confirms = coding_in, coding_out, confirms

    def read(self, data: Data) -> Iterable[Signal]:
        """See ``Codec``."""
        if isinstance(data, bytes):
            return (Sound(data),) if data else ()
        if len(data) > _MOST_TEXT_CHARS:
            raise BadSignal(f"a text of {len(data)} characters; {_MOST_TEXT_CHARS} are the most")
        message = read_object(data)
        kind = None if message is None else message.get("type")
        if message is None or not isinstance(kind, str):
            return ()
        if kind == _MARKED:
            name = message.get("id")
            return (Marked(name),) if isinstance(name, str) else ()
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
        return _text(message)


def _text(message: Any) -> str:
    return msgspec.json.encode(message).decode()

"""The frames that Pipecat's clients send over a WebSocket: messages of protobuf, few and small. Sans-IO.

A ``Frame`` has one of: 1 text, 2 audio (3 bytes of PCM, 4 sample rate, 5 channels), 3 transcription, 4 message
(1 JSON), 5 interruption. Fields that are not known are skipped, as protobuf wants it (Encoding, protobuf.dev).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Audio", "BadFrame", "Told", "audio_frame", "message_frame", "read_frame"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_AUDIO, _MESSAGE = 2, 4
_LONGEST_VARINT = 10


class BadFrame(ValueError):
    """Bytes that are no such frame."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A piece of sound: 16 bits, little-endian, channels beside each other."""

    pcm: bytes
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Told:
    """A message, as JSON."""

    text: str


def read_frame(data: bytes) -> Audio | Told | None:
    """What is in a frame; ``None`` for a kind that says nothing here. Raises ``BadFrame``."""
    found: Audio | Told | None = None
    for number, value in _fields(data):
        if number == _AUDIO and isinstance(value, bytes):
            parts = dict(_fields(value))
            pcm, rate, channels = parts.get(3, b""), parts.get(4, 0), parts.get(5, 0)
            if not isinstance(pcm, bytes) or not isinstance(rate, int) or not isinstance(channels, int):
                raise BadFrame("a frame of sound has fields of other types")
            found = Audio(pcm, rate, channels)
        elif number == _MESSAGE and isinstance(value, bytes):
            text = dict(_fields(value)).get(1, b"")
            try:
                found = Told(text.decode() if isinstance(text, bytes) else "")
            except UnicodeDecodeError:
                raise BadFrame("a message is no UTF-8") from None
    return found


def audio_frame(pcm: bytes, rate: int) -> bytes:
    """A piece of mono sound."""
    body = _bytes(3, pcm) + _tag(4, _VARINT) + _varint(rate) + _tag(5, _VARINT) + _varint(1)
    return _bytes(_AUDIO, body)


def message_frame(text: str) -> bytes:
    """A message, as JSON."""
    return _bytes(_MESSAGE, _bytes(1, text.encode()))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        size, at = (
            _read_varint(data, at) if kind == _BYTES else ({_FIXED64: 8, _FIXED32: 4}.get(kind, -1), at)
        )
        if size < 0 or at + size > len(data) or number == 0:
            raise BadFrame("the bytes are no frame of protobuf")
        yield number, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise BadFrame("a number has no end")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _bytes(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value

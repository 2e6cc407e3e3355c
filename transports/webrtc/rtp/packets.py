"""RTP packets and their header extensions (RFC 3550, section 5; RFC 8285)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["RtpPacket", "build_rtp", "is_rtcp", "pack_extensions", "parse_rtp", "read_extensions"]

_HEADER = struct.Struct("!BBHII")
_ONE_BYTE_PROFILE = 0xBEDE
_TWO_BYTE_PROFILE = 0x1000
_made = tuple.__new__
"""Of a named tuple: its own constructor is a function in Python, which costs as much as parsing does."""


class RtpPacket(NamedTuple):
    """A packet that is well-formed."""

    payload_type: int
    marker: bool
    sequence: int
    """16 bits; see ``sequence.unwrap``."""
    timestamp: int
    """32 bits, in the codec's clock."""
    ssrc: int
    payload: bytes
    """Without padding; may be empty."""
    extension: bytes = b""
    """The header extension with its profile, unread; see ``read_extensions``."""


def is_rtcp(packet: bytes) -> bool:
    """Whether what came on a port for both is RTCP (RFC 5761, section 4). ``packet`` has at least two bytes."""
    return 192 <= packet[1] <= 223


def parse_rtp(data: bytes) -> RtpPacket | None:
    """The packet in ``data``; ``None`` when it breaks the format."""
    size = len(data)
    if size < 12:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first == 0x80:
        plain = (second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[12:], b"")
        return _made(RtpPacket, plain)
    if first >> 6 != 2:
        return None
    at = 12 + 4 * (first & 0x0F)
    extension = b""
    if first & 0x10:
        if at + 4 > size:
            return None
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > size:
            return None
        extension, at = data[at:end], end
    end = size
    if first & 0x20:
        padding = data[-1]
        if not padding:
            return None
        end -= padding
    if at > end:
        return None
    parts = (second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[at:end], extension)
    return _made(RtpPacket, parts)


def build_rtp(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool = False,
    extension: bytes = b"",
) -> bytes:
    """A packet; ``extension`` is of ``pack_extensions``."""
    first = 0x90 if extension else 0x80
    return (
        _HEADER.pack(first, payload_type | (0x80 if marker else 0), sequence, timestamp, ssrc)
        + extension
        + payload
    )


def read_extensions(extension: bytes) -> dict[int, bytes]:
    """The values by their numbers; what is malformed is left out. Both forms of RFC 8285."""
    if len(extension) < 4:
        return {}
    profile = int.from_bytes(extension[:2], "big")
    if profile == _ONE_BYTE_PROFILE:
        return _one_byte(extension)
    return _two_byte(extension) if profile & 0xFFF0 == _TWO_BYTE_PROFILE else {}


def pack_extensions(values: Mapping[int, bytes]) -> bytes:
    """The extension for ``build_rtp``: numbers 1 to 14, values of 1 to 16 bytes. Empty for nothing."""
    if not values:
        return b""
    body = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in values.items())
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", _ONE_BYTE_PROFILE, len(body) // 4) + body


def _one_byte(extension: bytes) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    at, end = 4, len(extension)
    while at < end:
        number, size = extension[at] >> 4, (extension[at] & 0x0F) + 1
        if not extension[at]:
            at += 1
            continue
        if number == 15 or at + 1 + size > end:
            break
        if number:
            values[number] = extension[at + 1 : at + 1 + size]
        at += 1 + size
    return values


def _two_byte(extension: bytes) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    at, end = 4, len(extension)
    while at < end:
        number = extension[at]
        if not number:
            at += 1
            continue
        if at + 2 > end or at + 2 + extension[at + 1] > end:
            break
        values[number] = extension[at + 2 : at + 2 + extension[at + 1]]
        at += 2 + extension[at + 1]
    return values

"""Payloads within payloads: RED (RFC 2198) and retransmission (RTX, RFC 4588)."""

from __future__ import annotations

from typing import NamedTuple

from .packets import RtpPacket

__all__ = ["RedBlock", "unwrap_red", "unwrap_rtx"]

_MOST_BLOCKS = 8


class RedBlock(NamedTuple):
    """A payload in a RED packet."""

    payload_type: int
    offset: int
    """How much older it is than the packet's timestamp; 0 for the last, which is the packet's own."""
    payload: bytes


def unwrap_red(payload: bytes) -> list[RedBlock] | None:
    """The blocks of a RED payload, the oldest first; ``None`` when it is malformed."""
    headers: list[tuple[int, int, int]] = []
    at, size = 0, len(payload)
    while at < size and payload[at] & 0x80:
        if at + 4 > size or len(headers) >= _MOST_BLOCKS:
            return None
        bits = int.from_bytes(payload[at : at + 4], "big")
        headers.append((bits >> 24 & 0x7F, bits >> 10 & 0x3FFF, bits & 0x3FF))
        at += 4
    if at >= size:
        return None
    last = payload[at] & 0x7F
    at += 1
    blocks = []
    for payload_type, offset, length in headers:
        if at + length > size:
            return None
        blocks.append(RedBlock(payload_type, offset, payload[at : at + length]))
        at += length
    return [*blocks, RedBlock(last, 0, payload[at:])]


def unwrap_rtx(packet: RtpPacket, payload_type: int, ssrc: int) -> RtpPacket | None:
    """The packet that was sent again in ``packet``, by its own payload type and source; ``None`` for mere padding."""
    if len(packet.payload) < 2:
        return None
    sequence = int.from_bytes(packet.payload[:2], "big")
    return packet._replace(
        payload_type=payload_type, sequence=sequence, ssrc=ssrc, payload=packet.payload[2:]
    )

"""What a video payload says of its place in a picture: VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["READERS", "VideoPart"]

_START = b"\0\0\0\1"
_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


class VideoPart(NamedTuple):
    """One packet's share of a picture."""

    begins: bool
    """Whether the picture certainly begins with it."""
    key: bool | None
    """Whether the picture can be decoded by itself; ``None`` when this packet does not tell."""
    data: bytes
    """Its bytes, as the decoder takes them, one packet's after the other's."""


def _vp8(payload: bytes) -> VideoPart | None:
    first, at = payload[0], 1
    if first & 0x80:
        more = payload[1]
        at = 2
        if more & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += bool(more & 0x40) + bool(more & 0x30)
    begins = bool(first & 0x10) and not first & 0x07
    data = payload[at:]
    if not data:
        return None
    return VideoPart(begins, not data[0] & 1 if begins else None, data)


def _vp9(payload: bytes) -> VideoPart | None:
    first, at = payload[0], 1
    inter, layers, flexible = first & 0x40, first & 0x20, first & 0x10
    layer = 0
    if first & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if layers:
        layer = payload[at] >> 1 & 7
        at += 1 if flexible else 2
    if flexible and inter:
        for _ in range(3):
            more = payload[at] & 1
            at += 1
            if not more:
                break
    if first & 0x02:
        at = _skip_structure(payload, at)
    data = payload[at:]
    if not data:
        return None
    begins = bool(first & 0x08) and layer == 0
    return VideoPart(begins, not inter if begins else None, data)


def _skip_structure(payload: bytes, at: int) -> int:
    """Where the scalability structure ends."""
    head = payload[at]
    at += 1
    if head & 0x10:
        at += 4 * ((head >> 5) + 1)
    if head & 0x08:
        count = payload[at]
        at += 1
        for _ in range(count):
            at += 1 + (payload[at] >> 2 & 3)
    return at


def _h264(payload: bytes) -> VideoPart | None:
    kind = payload[0] & 0x1F
    if 0 < kind < _STAP_A:
        return VideoPart(kind == _SPS, _tells(kind), _START + payload)
    if kind == _STAP_A:
        return _aggregated(payload)
    if kind != _FU_A:
        return None
    head = payload[1]
    inside = head & 0x1F
    if head & 0x80:
        return VideoPart(
            inside == _SPS, _tells(inside), _START + bytes((payload[0] & 0xE0 | inside,)) + payload[2:]
        )
    return VideoPart(False, _tells(inside), payload[2:])


def _aggregated(payload: bytes) -> VideoPart | None:
    at, units, kinds = 1, [], []
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) < size:
            return None
        units.append(_START + unit)
        kinds.append(unit[0] & 0x1F)
        at += 2 + size
    if not units:
        return None
    told = [key for kind in kinds if (key := _tells(kind)) is not None]
    return VideoPart(_SPS in kinds, True if True in told else (False if told else None), b"".join(units))


def _tells(kind: int) -> bool | None:
    """Parameter sets come before key frames alone; slices say which they are."""
    if kind in (_IDR, _SPS):
        return True
    return False if kind in (1, 2) else None


def _guarded(read: Callable[[bytes], VideoPart | None]) -> Callable[[bytes], VideoPart | None]:
    def reader(payload: bytes) -> VideoPart | None:
        try:
            return read(payload)
        except IndexError:
            return None

    return reader


READERS: dict[str, Callable[[bytes], VideoPart | None]] = {
    "vp8": _guarded(_vp8),
    "vp9": _guarded(_vp9),
    "h264": _guarded(_h264),
}
"""By the codec's name, what reads a payload; ``None`` for one that is malformed."""

"""What an Opus packet says of itself, without decoding it (RFC 6716, section 3)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = [
    "MOST_PACKET_SAMPLES",
    "PACKET_MS",
    "RATES",
    "SILENCE",
    "Mode",
    "PacketInfo",
    "has_fec",
    "inspect_packet",
    "packet_samples",
    "silence_packet",
]

PACKET_MS = 20
"""How much sound a packet of ours holds unless the other side asked for something else."""

RATES = (48_000, 24_000, 16_000, 12_000, 8_000)
"""The rates that Opus takes and gives, in hertz."""

SILENCE = b"\xf8\xff\xfe"
"""20 ms of nothing: CELT, full band, mono, its silence flag set."""

MOST_PACKET_SAMPLES = 5_760
"""The longest packet, 120 ms, in samples at 48 kHz."""

_MOST_FRAMES = 48
_MOST_FRAME_BYTES = 1_275
# Samples at 48 kHz of one frame, by the configuration number in the upper five bits of the first byte.
_SILK = (480, 960, 1_920, 2_880)
_CELT = (120, 240, 480, 960)
_FRAME_SAMPLES = (*_SILK * 3, *(480, 960) * 2, *_CELT * 4)


class Mode(Enum):
    """The codec inside."""

    SILK = "silk"
    HYBRID = "hybrid"
    CELT = "celt"


class PacketInfo(NamedTuple):
    """A packet that is well-formed."""

    mode: Mode
    stereo: bool
    frame_samples: int
    """Samples of one frame at 48 kHz, 120 (2.5 ms) to 2,880 (60 ms)."""
    frame_sizes: tuple[int, ...]
    """Bytes of each frame; 0 is one that the sender left out (DTX)."""
    first_frame: int
    """Where in the packet the first frame begins."""

    @property
    def samples(self) -> int:
        """Samples of the whole packet at 48 kHz, at most ``MOST_PACKET_SAMPLES``."""
        return self.frame_samples * len(self.frame_sizes)


def packet_samples(packet: bytes) -> int:
    """How long ``packet`` lasts, in samples at 48 kHz; 0 when it cannot be told or is above 120 ms.

    Looks at the first two bytes alone: cheap, and no promise that the rest is well-formed.
    """
    if not packet:
        return 0
    code, frames = packet[0] & 3, 2
    if code == 0:
        return _FRAME_SAMPLES[packet[0] >> 3]
    if code == 3:
        frames = packet[1] & 0x3F if len(packet) > 1 else 0
    samples = frames * _FRAME_SAMPLES[packet[0] >> 3]
    return samples if samples <= MOST_PACKET_SAMPLES else 0


def inspect_packet(packet: bytes) -> PacketInfo | None:
    """What ``packet`` holds; ``None`` when it breaks a rule of RFC 6716, section 3.4."""
    samples = packet_samples(packet)
    if not samples:
        return None
    toc, code = packet[0], packet[0] & 3
    frame_samples = _FRAME_SAMPLES[toc >> 3]
    parsed = _arbitrary(packet) if code == 3 else _one_or_two(packet, code)
    if parsed is None or max(parsed[0]) > _MOST_FRAME_BYTES:
        return None
    config = toc >> 3
    mode = Mode.SILK if config < 12 else Mode.HYBRID if config < 16 else Mode.CELT
    return PacketInfo(mode, bool(toc & 4), frame_samples, parsed[0], parsed[1])


def silence_packet(frame_ms: int) -> bytes:
    """As ``SILENCE``, of 10, 20, 40 or 60 ms: CELT has frames up to 20 ms, longer packets are several of them."""
    if frame_ms == PACKET_MS:
        return SILENCE
    if frame_ms < PACKET_MS:
        return bytes((SILENCE[0] - 8, *SILENCE[1:]))
    count = frame_ms // PACKET_MS
    return bytes((SILENCE[0] | 3, count)) + SILENCE[1:] * count


def has_fec(packet: bytes) -> bool:
    """Whether ``packet`` carries a second, coarser copy of the sound before it (RFC 6716, section 4.2.4).

    Only SILK and the lower half of hybrid frames can.
    """
    if len(packet) < 2 or packet[0] & 0x80:
        return False
    info = inspect_packet(packet)
    if info is None or not info.frame_sizes[0]:
        return False
    # The frame begins with a flag of voice for each 20 ms, then the one of the copy; for the side channel the same.
    first = packet[info.first_frame]
    parts = max(1, info.frame_samples // 960)
    found = first >> (7 - parts) & 1
    if info.stereo:
        found |= first >> (6 - 2 * parts) & 1
    return bool(found)


def _one_or_two(packet: bytes, code: int) -> tuple[tuple[int, ...], int] | None:
    size = len(packet) - 1
    if code == 0:
        return (size,), 1
    if code == 1:
        return None if size % 2 else ((size // 2, size // 2), 1)
    first = _length(packet, 1)
    if first is None or first[1] + first[0] > len(packet):
        return None
    return (first[0], len(packet) - first[1] - first[0]), first[1]


def _arbitrary(packet: bytes) -> tuple[tuple[int, ...], int] | None:
    """Frames of code 3: a count, perhaps padding, and lengths when they differ."""
    count, end, at = packet[1] & 0x3F, len(packet), 2
    if not 0 < count <= _MOST_FRAMES:
        return None
    if packet[1] & 0x40:
        while True:
            if at >= end:
                return None
            more = packet[at]
            at += 1
            end -= min(more, 254)
            if more < 255:
                break
    if end < at:
        return None
    if not packet[1] & 0x80:
        size, rest = divmod(end - at, count)
        return None if rest else ((size,) * count, at)
    sizes = []
    for _ in range(count - 1):
        found = _length(packet, at)
        if found is None:
            return None
        size, at = found
        sizes.append(size)
    last = end - at - sum(sizes)
    return None if last < 0 else ((*sizes, last), at)


def _length(packet: bytes, at: int) -> tuple[int, int] | None:
    """A frame's length as it is written at ``at``, and where that ends (RFC 6716, section 3.2.1)."""
    if at >= len(packet):
        return None
    first = packet[at]
    if first < 252:
        return first, at + 1
    return (first + 4 * packet[at + 1], at + 2) if at + 1 < len(packet) else None

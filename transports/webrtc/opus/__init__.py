"""Opus (RFC 6716): packets of speech, encoded and decoded at the rate that the sound has.

libopus is bound once for the process; where there is none, PyAV's codec stands in and ``opus_library().lacks``
says what is missing then.
"""

from __future__ import annotations

from .codec import OpusDecoder, OpusEncoder, make_decoder, make_encoder
from .library import OpusError, OpusLibrary, opus_library
from .packets import (
    MOST_PACKET_SAMPLES,
    PACKET_MS,
    RATES,
    SILENCE,
    PacketInfo,
    has_fec,
    inspect_packet,
    packet_samples,
    silence_packet,
)

__all__ = [
    "MOST_PACKET_SAMPLES",
    "PACKET_MS",
    "RATES",
    "SILENCE",
    "OpusDecoder",
    "OpusEncoder",
    "OpusError",
    "OpusLibrary",
    "PacketInfo",
    "has_fec",
    "inspect_packet",
    "make_decoder",
    "make_encoder",
    "opus_library",
    "packet_samples",
    "silence_packet",
]

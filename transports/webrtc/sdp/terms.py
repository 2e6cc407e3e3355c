"""What a caller and we have agreed on, as far as it matters to media: typed, complete, and free of SDP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "ABSOLUTE_SEND_TIME",
    "AUDIO_LEVEL",
    "MID",
    "ORIENTATION",
    "TRANSPORT_WIDE",
    "Codec",
    "OpusTerms",
    "Section",
    "Terms",
]

MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
"""RFC 9143, section 15: which section a packet belongs to."""
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
"""RFC 6464."""
ABSOLUTE_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_WIDE: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ORIENTATION: Final = "urn:3gpp:video-orientation"
"""How a picture is to be turned (3GPP TS 26.114, section 7.4.5)."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type that both sides take."""

    payload_type: int
    name: str
    """In lower case: ``opus``, ``telephone-event``, ``red``, ``rtx``, ``vp8``, ``vp9``, ``h264``."""
    clock_rate: int
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The caller's format parameters, with names in lower case; one without a value has an empty one."""
    feedback: frozenset[str] = frozenset()
    """RTCP feedback that both take: ``nack``, ``nack pli``, ``ccm fir``, ``transport-cc``."""


@dataclass(frozen=True, slots=True)
class OpusTerms:
    """What the caller wants to receive (RFC 7587, section 6.1), so what our sender keeps to."""

    in_band_fec: bool = False
    dtx: bool = False
    stereo: bool = False
    max_average_bitrate: int | None = None
    """Bits per second, 6,000 to 510,000."""
    ptime_ms: int | None = None
    max_ptime_ms: int | None = None
    max_playback_rate: int | None = None
    """Hz, 8,000 to 48,000."""


@dataclass(frozen=True, slots=True)
class Section:
    """One media section that is in use."""

    mid: str
    kind: Literal["audio", "video"]
    codecs: tuple[Codec, ...] = ()
    """In the caller's order."""
    extensions: Mapping[str, int] = field(default_factory=dict)
    """Header extensions by URI (RFC 8285): their numbers on the wire."""
    ssrcs: tuple[int, ...] = ()
    """Sources that the caller has announced. There may be others."""
    rtx: Mapping[int, int] = field(default_factory=dict)
    """Retransmission payload types and what they carry (RFC 4588)."""
    receives: bool = True
    """Whether the caller sends to us."""
    sends: bool = True
    """Whether we send to the caller."""


@dataclass(frozen=True, slots=True)
class Terms:
    """All of a call's media."""

    audio: Section | None = None
    opus: OpusTerms = field(default_factory=OpusTerms)
    opus_payload_type: int = 111
    dtmf: Mapping[int, int] = field(default_factory=dict)
    """Payload types of telephone events (RFC 4733) and their clock rates."""
    red: int | None = None
    """The payload type of redundant audio (RFC 2198)."""
    video: tuple[Section, ...] = ()
    """Pictures that the caller sends: the camera first, the screen second."""
    audio_ssrc: int = 0
    """Our source of sound."""
    cname: str = ""
    """Our canonical name (RFC 3550, section 6.5.1)."""

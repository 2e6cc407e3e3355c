"""What we take of an offer, section by section, and what both sides keep to from then on."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final, Literal

from .errors import BadOffer
from .offer import Direction, Extension, Offer, OfferedSection, Transport
from .terms import (
    ABSOLUTE_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    ORIENTATION,
    TRANSPORT_WIDE,
    Codec,
    OpusTerms,
    Section,
    Terms,
)

__all__ = ["Agreement", "DataTerms", "Role", "Taken", "agree"]

_EXTENSIONS: Final[Mapping[str, frozenset[str]]] = {
    "audio": frozenset((MID, AUDIO_LEVEL, ABSOLUTE_SEND_TIME, TRANSPORT_WIDE)),
    "video": frozenset((MID, ORIENTATION, ABSOLUTE_SEND_TIME, TRANSPORT_WIDE)),
}
_FEEDBACK: Final[Mapping[str, frozenset[str]]] = {
    "audio": frozenset(("transport-cc",)),
    "video": frozenset(("nack", "nack pli", "ccm fir", "transport-cc")),
}
_PICTURES: Final = frozenset(("vp8", "vp9", "h264"))
_MOST_PICTURES: Final = 2
Role = Literal["client", "server"]
_MIRRORED: Final[Mapping[Direction, Direction]] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


@dataclass(frozen=True, slots=True)
class DataTerms:
    """The data channel's association."""

    port: int
    """The caller's."""
    most_bytes: int
    """The longest message that the caller takes; 0 for any."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One section that the answer accepts."""

    direction: Direction
    """Ours."""
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[Extension, ...] = ()
    """With our direction."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What follows from an offer."""

    offer: Offer
    transport: Transport
    """The caller's, which carries everything."""
    role: Role
    """Ours in the DTLS handshake."""
    taken: Mapping[int, Taken]
    """What is accepted, by the section's place in the offer."""
    bundle: tuple[int, ...]
    """The accepted sections that travel together, the one first whose transport it is; empty without BUNDLE."""
    terms: Terms
    data: DataTerms | None


def agree(
    offer: Offer,
    *,
    audio_ssrc: int = 0,
    cname: str = "",
    video: bool = True,
    lite: bool = True,
    role: Role | None = None,
) -> Agreement:
    """Decide what we take of ``offer``.

    The first section with Opus is the call's sound, the first two with pictures are the camera and the screen (with
    ``video``), the first for data is its data channel. Sections that do not travel with the sound are rejected in their
    place, and so is everything that we do not know.

    Args:
        audio_ssrc, cname: go into the terms.
        video: whether pictures are wanted.
        lite: whether we only answer checks, so that the caller must not be of that kind too.
        role: ours in the DTLS association that the offer goes on with (RFC 8842, section 5.3), if there is one.

    Raises ``BadOffer`` when there would be no sound.
    """
    sound = _sound(offer)
    together = _together(offer, sound)
    carrier, transport = _carrier(offer, together, sound)
    if offer.lite and lite:
        raise BadOffer(
            "the caller is an ICE-lite agent (a=ice-lite), and so is this server: one has to search"
        )
    taken = {sound: _take(offer.sections[sound], "audio", _sound_codecs(offer.sections[sound]))}
    pictures: list[int] = []
    data: DataTerms | None = None
    # Of packets that travel together the type says what they are, so that the sound's are taken.
    types = {codec.payload_type for codec in taken[sound].codecs}
    for index in together:
        section = offer.sections[index]
        if index in taken:
            continue
        if (
            section.kind == "video"
            and (codecs := _picture_codecs(section, types))
            and len(pictures) < _MOST_PICTURES
        ):
            if video and section.direction in ("sendrecv", "sendonly"):
                pictures.append(index)
                taken[index] = _take(section, "video", codecs)
            else:
                taken[index] = Taken("inactive", codecs, _agreed_extensions(section))
        elif section.kind == "application" and data is None and _is_channel(section):
            data = DataTerms(section.sctp_port, section.most_bytes)
            taken[index] = Taken("sendrecv")
    bundle = tuple(index for index in together if index in taken) if offer.bundle else ()
    if carrier in bundle and taken.get(carrier) is not None:
        bundle = (carrier, *(index for index in bundle if index != carrier))
    return Agreement(
        offer=offer,
        transport=transport,
        role=_role(transport, role),
        taken=taken,
        bundle=bundle,
        terms=_terms(offer, taken, sound, sorted(pictures), audio_ssrc, cname),
        data=data,
    )


def _role(transport: Transport, before: Role | None) -> Role:
    if transport.setup == "actpass":
        return before or "client"
    return "server" if transport.setup == "active" else "client"


def _sound(offer: Offer) -> int:
    heard = [
        index
        for index, section in enumerate(offer.sections)
        if section.kind == "audio" and section.known and not section.stopped
    ]
    if not heard:
        raise BadOffer("the offer has no audio section that is in use and encrypted as WebRTC is")
    able = [index for index in heard if _sound_codecs(offer.sections[index])]
    if not able:
        raise BadOffer("no audio section of the offer has Opus (a=rtpmap:111 opus/48000/2)")
    # A call needs an ear or a mouth: an inactive section only where there is no other.
    return next((index for index in able if offer.sections[index].direction != "inactive"), able[0])


def _together(offer: Offer, sound: int) -> tuple[int, ...]:
    """Places of the sections that travel with the sound, in the order of BUNDLE."""
    mid = offer.sections[sound].mid
    if not mid or mid not in offer.bundle:
        return (sound,)
    places = {section.mid: index for index, section in enumerate(offer.sections)}
    return tuple(
        index
        for index in (places[name] for name in offer.bundle)
        if offer.sections[index].known and not offer.sections[index].stopped
    )


def _carrier(offer: Offer, together: tuple[int, ...], sound: int) -> tuple[int, Transport]:
    """The section whose transport counts: the first of the bundle, or the first that tells (RFC 9143, section 7.2)."""
    for index in together:
        transport = offer.sections[index].transport
        if transport is not None:
            candidates = transport.candidates or next(
                (
                    found
                    for section in offer.sections
                    if section.transport and (found := section.transport.candidates)
                ),
                (),
            )
            return index, Transport(
                transport.credentials, transport.fingerprints, transport.setup, candidates
            )
    first = offer.sections[together[0]]
    raise BadOffer(f"the {first.kind} section has no {first.lack}")


def _sound_codecs(section: OfferedSection) -> tuple[Codec, ...]:
    # Of several kinds of Opus the caller's first: what is agreed on is what may come.
    opus = next(
        (codec for codec in section.codecs if codec.name == "opus" and codec.clock_rate == 48_000), None
    )
    if opus is None:
        return ()
    found = []
    for codec in section.codecs:
        red = codec.name == "red" and codec.clock_rate == 48_000
        # Its parameters are payload types, as in 111/111; without them it is taken to carry this Opus.
        carried = next(iter(codec.parameters), "").split("/") if red else []
        fits = set(carried) <= {str(opus.payload_type), ""}
        if codec is opus or codec.name == "telephone-event" or (red and fits):
            found.append(_with_feedback(codec, "audio"))
    return tuple(found)


def _picture_codecs(section: OfferedSection, taken: Set[int]) -> tuple[Codec, ...]:
    """What we take of a section for pictures; payload types in ``taken`` are something else's."""
    free = [codec for codec in section.codecs if codec.payload_type not in taken]
    pictures = {codec.payload_type for codec in free if codec.name in _PICTURES}
    return tuple(
        _with_feedback(codec, "video")
        for codec in free
        if codec.payload_type in pictures or (codec.name == "rtx" and _repeated(codec) in pictures)
    )


def _repeated(codec: Codec) -> int:
    """The payload type that a retransmission carries (RFC 4588, section 8.1)."""
    text = codec.parameters.get("apt", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


def _with_feedback(codec: Codec, kind: str) -> Codec:
    return Codec(
        codec.payload_type,
        codec.name,
        codec.clock_rate,
        codec.channels,
        codec.parameters,
        codec.feedback & _FEEDBACK[kind],
    )


def _take(section: OfferedSection, kind: Literal["audio", "video"], codecs: tuple[Codec, ...]) -> Taken:
    direction = _MIRRORED[section.direction]
    if kind == "video" and direction == "sendrecv":
        direction = "recvonly"
    return Taken(direction, codecs, _agreed_extensions(section))


def _agreed_extensions(section: OfferedSection) -> tuple[Extension, ...]:
    return tuple(
        Extension(each.uri, each.number, _MIRRORED[each.direction])
        for each in section.extensions
        if each.uri in _EXTENSIONS.get(section.kind, ())
    )


def _is_channel(section: OfferedSection) -> bool:
    return section.sctp_map or "webrtc-datachannel" in section.formats


def _terms(
    offer: Offer, taken: Mapping[int, Taken], sound: int, pictures: list[int], audio_ssrc: int, cname: str
) -> Terms:
    audio = _section(offer, taken, sound, "audio")
    opus = next(codec for codec in audio.codecs if codec.name == "opus")
    return Terms(
        audio=audio,
        opus=_opus(opus, offer.sections[sound]),
        opus_payload_type=opus.payload_type,
        dtmf={
            codec.payload_type: codec.clock_rate for codec in audio.codecs if codec.name == "telephone-event"
        },
        red=next((codec.payload_type for codec in audio.codecs if codec.name == "red"), None),
        video=tuple(_section(offer, taken, index, "video") for index in pictures),
        audio_ssrc=audio_ssrc,
        cname=cname,
    )


def _section(
    offer: Offer, taken: Mapping[int, Taken], index: int, kind: Literal["audio", "video"]
) -> Section:
    offered, accepted = offer.sections[index], taken[index]
    return Section(
        mid=offered.mid,
        kind=kind,
        codecs=accepted.codecs,
        extensions={each.uri: each.number for each in accepted.extensions},
        ssrcs=offered.ssrcs,
        rtx={codec.payload_type: _repeated(codec) for codec in accepted.codecs if codec.name == "rtx"},
        receives=accepted.direction in ("sendrecv", "recvonly"),
        sends=accepted.direction in ("sendrecv", "sendonly"),
    )


def _opus(codec: Codec, section: OfferedSection) -> OpusTerms:
    def number(name: str, least: int, most: int) -> int | None:
        text = codec.parameters.get(name, "")
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        return value if least <= value <= most else None

    def flag(name: str) -> bool:
        return codec.parameters.get(name) == "1"

    return OpusTerms(
        in_band_fec=flag("useinbandfec"),
        dtx=flag("usedtx"),
        stereo=flag("stereo"),
        max_average_bitrate=number("maxaveragebitrate", 6_000, 510_000),
        ptime_ms=number("ptime", 1, 120) or section.ptime_ms,
        max_ptime_ms=number("maxptime", 1, 120) or section.max_ptime_ms,
        max_playback_rate=number("maxplaybackrate", 8_000, 48_000),
    )

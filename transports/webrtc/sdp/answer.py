"""Answers (RFC 9429, section 5.3): one section for each of the offer's, in its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..ice.lite import Credentials
from .agree import Agreement, Taken
from .offer import OfferedSection

__all__ = ["Local", "write_answer"]

_STREAM = "livegraph"
_MOST_MESSAGE_BYTES = 256 * 1024
_VIDEO_NAMES = ("vp8", "vp9", "h264")


@dataclass(frozen=True, slots=True)
class Local:
    """What the answer says of us."""

    session: int
    """The same number in all answers of a call."""
    version: int
    """One more in each."""
    credentials: Credentials
    fingerprint: str
    candidates: tuple[str, ...]
    lite: bool


def write_answer(agreement: Agreement, local: Local) -> str:
    """The answer's text, its lines ending in CRLF."""
    return "".join(f"{line}\r\n" for line in _lines(agreement, local))


def _lines(agreement: Agreement, local: Local) -> Iterator[str]:
    offer = agreement.offer
    yield "v=0"
    yield f"o=- {local.session} {local.version} IN IP4 0.0.0.0"
    yield "s=-"
    yield "t=0 0"
    if agreement.bundle:
        yield "a=group:BUNDLE " + " ".join(offer.sections[index].mid for index in agreement.bundle)
    if local.lite:
        yield "a=ice-lite"
    if offer.mixed_extensions:
        yield "a=extmap-allow-mixed"
    yield f"a=msid-semantic: WMS {_STREAM}"
    tagged = agreement.bundle[0] if agreement.bundle else next(iter(agreement.taken))
    for index, section in enumerate(offer.sections):
        taken = agreement.taken.get(index)
        if taken is None:
            yield from _rejected(section)
        else:
            yield from _accepted(agreement, section, taken, local, carries=index == tagged)


def _rejected(section: OfferedSection) -> Iterator[str]:
    formats = section.formats or ("0",)
    yield f"m={section.kind} 0 {section.profile} {' '.join(formats)}"
    yield "c=IN IP4 0.0.0.0"
    if section.mid:
        yield f"a=mid:{section.mid}"
    yield "a=inactive"


def _accepted(
    agreement: Agreement, section: OfferedSection, taken: Taken, local: Local, *, carries: bool
) -> Iterator[str]:
    media = section.kind != "application"
    formats = [str(codec.payload_type) for codec in taken.codecs] if media else list(section.formats)
    yield f"m={section.kind} 9 {section.profile} {' '.join(formats)}"
    yield "c=IN IP4 0.0.0.0"
    if media:
        yield "a=rtcp:9 IN IP4 0.0.0.0"
    yield f"a=ice-ufrag:{local.credentials.ufrag}"
    yield f"a=ice-pwd:{local.credentials.pwd}"
    yield f"a=fingerprint:{local.fingerprint}"
    yield f"a=setup:{'active' if agreement.role == 'client' else 'passive'}"
    if section.mid:
        yield f"a=mid:{section.mid}"
    if media:
        yield from _media(agreement, section, taken)
    else:
        yield from _channel(section)
    if carries:
        yield from (f"a=candidate:{candidate}" for candidate in local.candidates)
        yield "a=end-of-candidates"


def _media(agreement: Agreement, section: OfferedSection, taken: Taken) -> Iterator[str]:
    for extension in taken.extensions:
        direction = "" if extension.direction == "sendrecv" else f"/{extension.direction}"
        yield f"a=extmap:{extension.number}{direction} {extension.uri}"
    yield f"a={taken.direction}"
    if section.rtcp_mux:
        yield "a=rtcp-mux"
    if section.reduced_size:
        yield "a=rtcp-rsize"
    for codec in taken.codecs:
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        # Names are the same in any case, but some browsers look theirs up as they wrote them.
        name = codec.name.upper() if codec.name in _VIDEO_NAMES else codec.name
        yield f"a=rtpmap:{codec.payload_type} {name}/{codec.clock_rate}{channels}"
        yield from (f"a=rtcp-fb:{codec.payload_type} {each}" for each in sorted(codec.feedback))
        if parameters := _parameters(codec.name, codec.parameters):
            yield f"a=fmtp:{codec.payload_type} {parameters}"
    terms = agreement.terms
    if section.kind == "audio" and taken.direction in ("sendrecv", "sendonly"):
        yield f"a=msid:{_STREAM} sound"
        yield f"a=ssrc:{terms.audio_ssrc} cname:{terms.cname}"
        yield f"a=ssrc:{terms.audio_ssrc} msid:{_STREAM} sound"


def _parameters(name: str, given: Mapping[str, str]) -> str:
    if name == "opus":
        # What we want to receive (RFC 7587, section 6.1): mono, with FEC, and gaps for silence where the caller likes
        # them.
        wanted = {"minptime": "10", "useinbandfec": "1"}
        if given.get("usedtx") == "1":
            wanted["usedtx"] = "1"
        return _joined(wanted)
    if name == "telephone-event":
        return "0-15"
    return _joined(given)


def _joined(parameters: Mapping[str, str]) -> str:
    return ";".join(f"{name}={value}" if value else name for name, value in parameters.items())


def _channel(section: OfferedSection) -> Iterator[str]:
    if section.sctp_map:
        yield f"a=sctpmap:{section.sctp_port} webrtc-datachannel 65535"
    else:
        yield f"a=sctp-port:{section.sctp_port}"
    yield f"a=max-message-size:{_MOST_MESSAGE_BYTES}"

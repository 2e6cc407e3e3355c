"""Offers as they really are, read into types. What is not ours to judge is let be; see ``agree`` for what we take.

After RFC 8866 (SDP), RFC 9429 (offers of browsers), RFC 9143 (BUNDLE), RFC 8839 (ICE), RFC 8122 and 8842 (DTLS),
RFC 8841 (SCTP), RFC 8285 (header extensions).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ..ice.lite import Credentials
from .errors import BadOffer
from .lines import Block, split
from .terms import Codec

__all__ = ["Direction", "Extension", "Offer", "OfferedSection", "Transport", "read_offer"]

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: Final[tuple[Direction, ...]] = ("sendrecv", "sendonly", "recvonly", "inactive")

_MEDIA = re.compile(r"(\S+)\s+([0-9]{1,5})(?:/[0-9]{1,5})?\s+(\S+)((?:\s+\S+)*)")
_ICE_CHARS: Final = r"[A-Za-z0-9+/\-_=]"
_UFRAG = re.compile(rf"{_ICE_CHARS}{{4,256}}")
_PWD = re.compile(rf"{_ICE_CHARS}{{22,256}}")
_DIGEST_BYTES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_PRINT = re.compile(r"(\S+)\s+([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+)")
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([^/\s]+)/([0-9]{1,6})(?:/([0-9]{1,2}))?")
_FMTP = re.compile(r"([0-9]{1,3})\s+(\S.*)")
_FEEDBACK = re.compile(r"([0-9]{1,3}|\*)\s+(\S.*)")
_EXTMAP = re.compile(r"([0-9]{1,3})(?:/(\w+))?\s+(\S+)(?:\s.*)?")
_SSRC = re.compile(r"([0-9]{1,10})(?:\s.*)?")
_MID = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,255}")
_RTP_PROFILES = re.compile(r"((UDP|TCP)/TLS/|TCP/DTLS/)?RTP/S?AVPF?")
_DATA_PROFILES: Final = frozenset(("UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"))
_MOST_EXTENSIONS: Final = 64
_MOST_SOURCES: Final = 16


@dataclass(frozen=True, slots=True)
class Transport:
    """How one section would be carried if it were alone."""

    credentials: Credentials
    fingerprints: tuple[tuple[str, str], ...]
    setup: Literal["actpass", "active", "passive"]
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extension:
    """A header extension as offered."""

    uri: str
    number: int
    direction: Direction = "sendrecv"


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One ``m=`` section."""

    kind: str
    """``audio``, ``video``, ``application``, or anything else."""
    profile: str
    formats: tuple[str, ...]
    mid: str
    """Empty where the offer gives none."""
    stopped: bool
    """Whether the caller has given it up: port 0, and not because it travels with others."""
    known: bool
    """Whether kind and profile are ones that we speak."""
    direction: Direction
    transport: Transport | None
    """``None`` where it is incomplete, as in sections that rely on another's; then ``lack`` says what is missing."""
    lack: str = ""
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[Extension, ...] = ()
    ssrcs: tuple[int, ...] = ()
    ptime_ms: int | None = None
    max_ptime_ms: int | None = None
    rtcp_mux: bool = True
    reduced_size: bool = False
    sctp_port: int = 5_000
    sctp_map: bool = False
    """Whether it describes its channel in the old way (``a=sctpmap``)."""
    most_bytes: int = 65_536
    """The longest message that the caller takes; 0 for any."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer: well-formed, but nothing is decided yet."""

    sections: tuple[OfferedSection, ...]
    bundle: tuple[str, ...] = ()
    """Names of sections that can travel together, in the offer's order; unknown ones are left out."""
    lite: bool = False
    mixed_extensions: bool = False
    """Whether one- and two-byte header extensions may mix (RFC 8285, section 6)."""


def read_offer(sdp: object, kind: object = "offer") -> Offer:
    """Read an offer. Raises ``BadOffer``, and nothing else, with words for whoever wrote the caller."""
    session, blocks = split(sdp, kind)
    sections = tuple(_section(number, block, session) for number, block in enumerate(blocks, 1))
    mids = [section.mid for section in sections if section.mid]
    if len(set(mids)) != len(mids):
        raise BadOffer("two sections of the offer have the same name (a=mid)")
    bundle: tuple[str, ...] = ()
    for group in session.all("group"):
        semantics, *names = group.split() or [""]
        if semantics.upper() == "BUNDLE" and not bundle:
            bundle = tuple(dict.fromkeys(name for name in names if name in mids))
    return Offer(sections, bundle, session.has("ice-lite"), session.has("extmap-allow-mixed"))


def _section(number: int, block: Block, session: Block) -> OfferedSection:
    media = _MEDIA.fullmatch(block.media)
    if media is None:
        raise BadOffer(f"media section {number} does not begin as one does (m=audio 9 UDP/TLS/RTP/SAVPF 111)")
    kind, port, profile = media[1].lower(), int(media[2]), media[3].upper()
    formats = tuple(media[4].split())
    mid = block.first("mid") or ""
    if mid and not _MID.fullmatch(mid):
        raise BadOffer(f"media section {number} has a name (a=mid) that is none")
    known = (kind in ("audio", "video") and _RTP_PROFILES.fullmatch(profile) is not None) or (
        kind == "application" and profile in _DATA_PROFILES
    )
    stopped = port == 0 and not block.has("bundle-only")
    described = known and not stopped
    rtp = described and kind != "application"
    found = _transport(block, session) if described else "media that is not ours"
    return OfferedSection(
        kind=kind,
        profile=media[3],
        formats=formats,
        mid=mid,
        stopped=stopped,
        known=known,
        direction=_direction(block, session),
        transport=found if isinstance(found, Transport) else None,
        lack=found if isinstance(found, str) else "",
        codecs=_codecs(block, formats) if rtp else (),
        extensions=_extensions(block, session) if rtp else (),
        ssrcs=_sources(block) if rtp else (),
        ptime_ms=_number(block.first("ptime"), 1, 120),
        max_ptime_ms=_number(block.first("maxptime"), 1, 120),
        rtcp_mux=block.has("rtcp-mux"),
        reduced_size=block.has("rtcp-rsize"),
        sctp_port=_sctp_port(block, formats),
        sctp_map=block.has("sctpmap") and not block.has("sctp-port"),
        most_bytes=_most_bytes(block),
    )


def _direction(block: Block, session: Block) -> Direction:
    for place in (block, session):
        for direction in _DIRECTIONS:
            if place.has(direction):
                return direction
    return "sendrecv"


def _transport(block: Block, session: Block) -> Transport | str:
    """What the section says of its transport, itself or by the session; or what it does not say."""

    def said(name: str) -> Sequence[str]:
        return block.all(name) or session.all(name)

    ufrag, pwd = said("ice-ufrag"), said("ice-pwd")
    if not ufrag or not _UFRAG.fullmatch(ufrag[0]):
        return "ICE user name (a=ice-ufrag)"
    if not pwd or not _PWD.fullmatch(pwd[0]):
        return "ICE password (a=ice-pwd)"
    fingerprints = []
    for text in said("fingerprint"):
        match = _PRINT.fullmatch(text)
        if match and match[2].count(":") + 1 == _DIGEST_BYTES.get(match[1].lower(), 0):
            fingerprints.append((match[1].lower(), match[2].upper()))
    if not fingerprints:
        return "DTLS fingerprint (a=fingerprint) by SHA-256, SHA-384 or SHA-512"
    setup = (said("setup") or ["actpass"])[0].lower()
    if setup not in ("actpass", "active", "passive"):
        return "DTLS role that can be answered (a=setup:actpass is usual)"
    # The conditional is for the type checker, which does not follow the membership test.
    role: Literal["actpass", "active", "passive"] = (
        "active" if setup == "active" else "passive" if setup == "passive" else "actpass"
    )
    candidates = tuple(block.all("candidate"))
    return Transport(Credentials(ufrag[0], pwd[0]), tuple(fingerprints[:8]), role, candidates)


def _codecs(block: Block, formats: tuple[str, ...]) -> tuple[Codec, ...]:
    maps: dict[int, tuple[str, int, int]] = {}
    for text in block.all("rtpmap"):
        if match := _RTPMAP.fullmatch(text):
            maps.setdefault(int(match[1]), (match[2].lower(), int(match[3]), int(match[4] or 1)))
    parameters: dict[int, dict[str, str]] = {}
    for text in block.all("fmtp"):
        if match := _FMTP.fullmatch(text):
            parameters.setdefault(int(match[1]), {}).update(_parameters(match[2]))
    feedback: dict[str, set[str]] = {}
    for text in block.all("rtcp-fb"):
        if match := _FEEDBACK.fullmatch(text):
            feedback.setdefault(match[1], set()).add(" ".join(match[2].lower().split()))
    found = []
    for text in dict.fromkeys(formats):
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
        # With the marker 64 to 95 look like RTCP on the same port (RFC 5761, section 4).
        if number > 127 or 64 <= number < 96 or number not in maps:
            continue
        name, rate, channels = maps[number]
        if rate > 0 and channels > 0:
            heard = feedback.get("*", set()) | feedback.get(str(number), set())
            found.append(Codec(number, name, rate, channels, parameters.get(number, {}), frozenset(heard)))
    return tuple(found)


def _parameters(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            found[name.strip().lower()] = value.strip()
    return found


def _extensions(block: Block, session: Block) -> tuple[Extension, ...]:
    found: dict[str, Extension] = {}
    taken: set[int] = set()
    for text in [*block.all("extmap"), *session.all("extmap")]:
        match = _EXTMAP.fullmatch(text)
        if match is None or len(found) >= _MOST_EXTENSIONS:
            continue
        number = int(match[1])
        direction: Direction = next((known for known in _DIRECTIONS if known == match[2]), "sendrecv")
        # 15 is reserved in one-byte headers, and nothing has a number above 255.
        if 0 < number < 256 and number != 15 and number not in taken and match[3] not in found:
            found[match[3]] = Extension(match[3], number, direction)
            taken.add(number)
    return tuple(found.values())


def _sources(block: Block) -> tuple[int, ...]:
    repeats = set()
    for text in block.all("ssrc-group"):
        semantics, *numbers = text.split() or [""]
        if semantics.upper() in ("FID", "FEC-FR"):
            repeats.update(numbers[1:])
    found: dict[int, None] = {}
    for text in block.all("ssrc"):
        match = _SSRC.fullmatch(text)
        if match and match[1] not in repeats and int(match[1]) < 2**32 and len(found) < _MOST_SOURCES:
            found[int(match[1])] = None
    return tuple(found)


def _sctp_port(block: Block, formats: tuple[str, ...]) -> int:
    given = block.first("sctp-port") or (formats[0] if formats else None)
    return _number(given, 1, 65_535) or 5_000


def _most_bytes(block: Block) -> int:
    found = _number(block.first("max-message-size"), 0, 2**40)
    return 65_536 if found is None else found


def _number(text: str | None, least: int, most: int) -> int | None:
    if text is None or not re.fullmatch(r"[0-9]{1,13}", text):
        return None
    return int(text) if least <= int(text) <= most else None

"""What a caller's offer must be before anything else looks at it. Sans-IO.

aiortc takes many malformed offers silently, or fails on them far from the cause; and names ending in ``.local``,
which browsers give instead of addresses, keep it from answering for a second each.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ....pipeline.errors import TransportError

__all__ = ["MOST_BYTES", "BadOffer", "checked_candidates", "checked_offer"]

MOST_BYTES = 64 * 1024
"""Size above which no offer is read."""

_MOST_SECTIONS = 8
_MOST_CANDIDATES = 64
_MOST_CANDIDATE_CHARS = 512
_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0b-\x1f\x7f]*")
_ICE_CHARS = r"[A-Za-z0-9+/\-_=]"
_UFRAG = re.compile(rf"a=ice-ufrag:{_ICE_CHARS}{{4,256}}")
_PWD = re.compile(rf"a=ice-pwd:{_ICE_CHARS}{{22,256}}")
_FINGERPRINT = re.compile(r"a=fingerprint:sha-(256|384|512) [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31,63}")
_MEDIA = re.compile(r"m=([a-z]+) ([0-9]{1,5}) ([A-Z/]+)(( [A-Za-z0-9\-]+)+)")
_OPUS = re.compile(r"a=rtpmap:[0-9]{1,3} opus/48000(/2)?", re.IGNORECASE)
_CANDIDATE = re.compile(
    r"candidate:\S+ [12] (?i:udp) [0-9]{1,10} (\S+) ([0-9]{1,5}) typ (host|srflx|prflx|relay)( .*)?"
)


class BadOffer(TransportError):
    """What a caller sent cannot be understood. The message is for whoever wrote the caller."""


def checked_offer(sdp: object, kind: object) -> str:
    """The offer with lines ending in CRLF, and without the candidates that are of no use here.

    Raises ``BadOffer`` unless it is an SDP offer of at most ``MOST_BYTES`` with one audio section that offers Opus,
    and every section has ICE credentials and a DTLS fingerprint.
    """
    if kind != "offer":
        raise BadOffer('"type" must be "offer"')
    if not isinstance(sdp, str) or not sdp:
        raise BadOffer('"sdp" must be the text of an SDP offer')
    if len(sdp.encode(errors="replace")) > MOST_BYTES:
        raise BadOffer(f"the offer is larger than {MOST_BYTES // 1024} KiB")
    lines = [line for line in re.split(r"\r\n|\n|\r", sdp) if line]
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise BadOffer(f"line {number} of the offer is not of the form <letter>=<value>")
    if lines[0] != "v=0" or not any(line.startswith("o=") for line in lines):
        raise BadOffer("the offer does not begin as SDP does (v=0, o=...)")
    session, *sections = _split(lines)
    if not sections or len(sections) > _MOST_SECTIONS:
        raise BadOffer(f"the offer has {len(sections)} media sections; 1 to {_MOST_SECTIONS} can be")
    kinds = [_check_section(section, session) for section in sections]
    if kinds.count("audio") != 1 or kinds.count("application") > 1:
        raise BadOffer("the offer must have one audio section, and at most one for data")
    return "".join(f"{line}\r\n" for line in lines if _is_useful(line))


def checked_candidates(candidates: object) -> list[tuple[str, str | None, int | None]]:
    """Trickled candidates that can be used: the text after ``candidate:``, the section's name and its number.

    ``candidates`` are mappings with ``candidate``, ``sdp_mid`` and ``sdp_mline_index``, as the page sends
    them. Names that end in ``.local``, TCP and the mark of the end are left out. Raises ``BadOffer`` for anything
    that is no candidate.
    """
    if not isinstance(candidates, Sequence) or isinstance(candidates, str | bytes):
        raise BadOffer('"candidates" must be a list')
    if len(candidates) > _MOST_CANDIDATES:
        raise BadOffer(f"more than {_MOST_CANDIDATES} candidates at once")
    useful = []
    for item in candidates:
        if not isinstance(item, Mapping):
            raise BadOffer("a candidate must be an object")
        text, mid, index = _fields(item)
        if not text:
            continue
        if len(text) > _MOST_CANDIDATE_CHARS or not re.fullmatch(r"candidate:[^\x00-\x1f\x7f]+", text):
            raise BadOffer('a candidate must begin with "candidate:" and be one short line')
        if _is_usable(text):
            useful.append((text.removeprefix("candidate:"), mid, index))
    return useful


def _fields(item: Mapping[str, Any]) -> tuple[str, str | None, int | None]:
    text, mid, index = (item.get(key) for key in ("candidate", "sdp_mid", "sdp_mline_index"))
    if text is not None and not isinstance(text, str):
        raise BadOffer('"candidate" must be text')
    if mid is not None and not isinstance(mid, str):
        raise BadOffer('"sdp_mid" must be text')
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise BadOffer('"sdp_mline_index" must be a number')
    if mid is None and index is None:
        index = 0
    return text or "", mid, index


def _split(lines: list[str]) -> list[list[str]]:
    """The session's lines, then those of each media section."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    return parts


def _check_section(section: list[str], session: list[str]) -> str:
    media = _MEDIA.fullmatch(section[0])
    if media is None:
        raise BadOffer("a media section does not begin as one does (m=audio 9 UDP/TLS/RTP/SAVPF 111)")
    kind = media[1]
    if kind not in ("audio", "video", "application"):
        raise BadOffer(f"the offer has a section for {kind[:20]}; known are audio, video and application")
    profiles = ("DTLS/SCTP", "UDP/DTLS/SCTP") if kind == "application" else ("UDP/TLS/RTP/SAVPF",)
    if media[3] not in profiles:
        raise BadOffer(f"the {kind} section is not encrypted as WebRTC is ({profiles[-1]})")
    attributes = section + session
    for pattern, what in (
        (_UFRAG, "ICE user name (a=ice-ufrag)"),
        (_PWD, "ICE password (a=ice-pwd)"),
        (_FINGERPRINT, "DTLS fingerprint (a=fingerprint)"),
    ):
        if not any(pattern.fullmatch(line) for line in attributes):
            raise BadOffer(f"the {kind} section has no {what}")
    if kind == "audio" and not any(_OPUS.fullmatch(line) for line in section):
        raise BadOffer("the audio section does not offer Opus")
    return kind


def _is_useful(line: str) -> bool:
    if line.startswith("a=candidate:"):
        return _is_usable(line.removeprefix("a="))
    # More may come by trickle, or from the caller's own checks: the deadline decides, not the list.
    return line != "a=end-of-candidates"


def _is_usable(candidate: str) -> bool:
    match = _CANDIDATE.fullmatch(candidate)
    if match is None or not 0 < int(match[2]) < 65_536:
        return False
    try:
        ipaddress.ip_address(match[1])
    except ValueError:
        return False
    return True

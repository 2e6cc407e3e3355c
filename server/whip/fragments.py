"""Pieces of SDP as WHIP carries them (RFC 9725, section 4.3; RFC 8840): candidates, and restarts of ICE. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

__all__ = [
    "BadFragment",
    "Fragment",
    "credentials_of",
    "entity_tag",
    "read_fragment",
    "restarted",
    "write_fragment",
]

_MOST_LINES = 400
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")


class BadFragment(ValueError):
    """A piece that is none, or that asks for half of something."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a caller sends after its offer."""

    ufrag: str = ""
    password: str = ""
    candidates: tuple[dict[str, str], ...] = ()
    """As ``add_candidates`` takes them."""


def read_fragment(text: str) -> Fragment:
    """A piece of SDP. Raises ``BadFragment`` for credentials that are half there or differ between sections."""
    ufrags, passwords = set(), set()
    candidates: list[dict[str, str]] = []
    mid = ""
    lines = text.splitlines()
    if len(lines) > _MOST_LINES:
        raise BadFragment(f"more than {_MOST_LINES} lines")
    for line in lines:
        name, _, value = line.partition(":")
        match name:
            case "a=ice-ufrag":
                ufrags.add(value)
            case "a=ice-pwd":
                passwords.add(value)
            case "a=mid":
                mid = value
            case "a=candidate":
                candidates.append({"candidate": f"candidate:{value}", "sdp_mid": mid})
    if len(ufrags) > 1 or len(passwords) > 1:
        raise BadFragment("the sections have credentials of their own, and all media goes one way here")
    if len(ufrags) != len(passwords):
        raise BadFragment("a=ice-ufrag and a=ice-pwd belong together")
    ufrag, password = next(iter(ufrags), ""), next(iter(passwords), "")
    if ufrag and not (_UFRAG.fullmatch(ufrag) and _PASSWORD.fullmatch(password)):
        raise BadFragment("a=ice-ufrag or a=ice-pwd is not as RFC 8839 has it")
    return Fragment(ufrag, password, tuple(candidates))


def credentials_of(sdp: str) -> tuple[str, str]:
    """The first ICE credentials of a description."""
    found = [re.search(rf"^a=ice-{name}:(\S+)", sdp, re.MULTILINE) for name in ("ufrag", "pwd")]
    ufrag, password = (match[1] if match else "" for match in found)
    return ufrag, password


def restarted(offer: str, fragment: Fragment) -> str:
    """The offer with the credentials and candidates of ``fragment`` in the place of its own."""
    lines: list[str] = []
    for line in offer.splitlines():
        if line.startswith("a=ice-ufrag:"):
            line = f"a=ice-ufrag:{fragment.ufrag}"
        elif line.startswith("a=ice-pwd:"):
            line = f"a=ice-pwd:{fragment.password}"
        elif line.startswith(("a=candidate:", "a=end-of-candidates")):
            continue
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def write_fragment(answer: str, *, ipv6: bool = False) -> str:
    """What a caller whose ICE has restarted needs of the answer.

    One candidate of its kind of address: clients in use (whip-whep 1.2) put several together wrongly, and all lead to
    the same port.
    """
    ufrag, password = credentials_of(answer)
    media = next(
        (line for line in answer.splitlines() if line.startswith("m=")), "m=audio 9 UDP/TLS/RTP/SAVPF 0"
    )
    mid = re.search(r"^a=mid:(\S+)", answer, re.MULTILINE)
    candidates = re.findall(r"^a=candidate:.*?$", answer.replace("\r", ""), re.MULTILINE)
    lines = [
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        media,
        f"a=mid:{mid[1] if mid else 0}",
        *([one for one in candidates if (":" in one.split()[4]) is ipv6] or candidates)[:1],
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"


def entity_tag(answer: str) -> str:
    """The strong tag of the ICE session that an answer begins."""
    return '"' + hashlib.sha256("\0".join(credentials_of(answer)).encode()).hexdigest()[:20] + '"'

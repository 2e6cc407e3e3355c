"""Candidates that callers trickle."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from .errors import BadOffer

__all__ = ["checked_candidates", "is_usable"]

_MOST_CANDIDATES = 64
_MOST_CHARS = 512
_CANDIDATE = re.compile(
    r"candidate:\S+ [12] (?i:udp) [0-9]{1,10} (\S+) ([0-9]{1,5}) typ (host|srflx|prflx|relay)( .*)?"
)


def checked_candidates(candidates: object) -> list[str]:
    """Those that can be used: each the text after ``candidate:``.

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
        text, mid, index = (item.get(key) for key in ("candidate", "sdp_mid", "sdp_mline_index"))
        if text is not None and not isinstance(text, str):
            raise BadOffer('"candidate" must be text')
        if mid is not None and not isinstance(mid, str):
            raise BadOffer('"sdp_mid" must be text')
        if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
            raise BadOffer('"sdp_mline_index" must be a number')
        text = (text or "").removeprefix("a=")
        if not text:
            continue
        if len(text) > _MOST_CHARS or not re.fullmatch(r"candidate:[^\x00-\x1f\x7f]+", text):
            raise BadOffer('a candidate must begin with "candidate:" and be one short line')
        if is_usable(text):
            useful.append(text.removeprefix("candidate:"))
    return useful


def is_usable(candidate: str) -> bool:
    """Whether it is an IP address that UDP reaches."""
    match = _CANDIDATE.fullmatch(candidate)
    if match is None or not 0 < int(match[2]) < 65_536:
        return False
    try:
        ipaddress.ip_address(match[1])
    except ValueError:
        return False
    return True

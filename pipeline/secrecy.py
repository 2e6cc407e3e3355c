"""Keys by what they look like: a password in an address, a key in its query, ``Bearer`` and what follows. Pure.

Options of type ``Secret`` are never shown. This is for texts that hold one among other things: a line of a file, a
command, an address that a message names.
"""

from __future__ import annotations

import re

__all__ = ["KEY_NAME", "bare_address", "holds_key", "starred"]

KEY_NAME = re.compile(r"auth|key|token|secret|passw|cookie|credential|signature|session|appid", re.IGNORECASE)
"""Found in the names of headers, fields and options whose values are keys."""
_SHOWN = (
    re.compile(r"\b(AIza[\w-]{20,}|AQ\.[\w-]{20,}|sk-[\w-]{20,})"),
    # user:password@ of an address.
    re.compile(r"(?<=://)([^\s/?#@\"'${}]*:[^\s/?#@\"'${}]+)(?=@)"),
    re.compile(rf"(?:[?&]|--)[\w-]*(?:{KEY_NAME.pattern})[\w-]*=([^\s&#\"'$,{{}}]{{4,}})", re.IGNORECASE),
    re.compile(r"\b(?:Bearer|Basic)\s+([^\s\"'$,{}]{8,})", re.IGNORECASE),
)

_HEADER = re.compile(rf"[\w-]*(?:{KEY_NAME.pattern})[\w-]*:\s*\S", re.IGNORECASE)


def starred(text: str) -> str:
    """``text`` of the same length, with stars for all that looks like a key."""
    for shape in _SHOWN:
        text = shape.sub(_stars, text)
    return text


def holds_key(text: str) -> bool:
    """Whether a part of ``text`` looks like a key, or it is a header with one: ``X-Api-Key: ...``."""
    return starred(text) != text or _HEADER.match(text) is not None


def bare_address(url: str) -> str:
    """``url`` as a message names it: without user and password, query and fragment."""
    return re.sub(r"//[^\s/?#]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])


def _stars(found: re.Match[str]) -> str:
    start, end = (at - found.start() for at in found.span(1))
    return found[0][:start] + "*" * (end - start) + found[0][end:]

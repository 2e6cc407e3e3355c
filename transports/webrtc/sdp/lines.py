"""An offer's text as lines: the session's, and those of each media section."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import BadOffer

__all__ = ["MOST_BYTES", "Block", "split"]

MOST_BYTES = 64 * 1024
"""Size above which no offer is read."""

_MOST_SECTIONS = 64
_LINE = re.compile(r"([a-z])=([^\x00-\x08\x0b-\x1f\x7f]*)")


@dataclass(slots=True)
class Block:
    """The session's lines, or those of one media section, which then begin with its ``m=`` line."""

    media: str = ""
    """The value of the ``m=`` line."""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    """The ``a=`` lines: for each name, in lower case, the values, which may be empty."""

    def all(self, name: str) -> Sequence[str]:
        """The values of every attribute of that name."""
        return self.attributes.get(name, ())

    def first(self, name: str) -> str | None:
        """The value of the first attribute of that name."""
        values = self.attributes.get(name)
        return values[0] if values else None

    def has(self, name: str) -> bool:
        """Whether there is such an attribute."""
        return name in self.attributes


def split(sdp: object, kind: object) -> tuple[Block, list[Block]]:
    """The session and the media sections of an offer. Raises ``BadOffer`` for what is no SDP."""
    if kind != "offer":
        raise BadOffer('"type" must be "offer"')
    if not isinstance(sdp, str) or not sdp:
        raise BadOffer('"sdp" must be the text of an SDP offer')
    encoded = sdp.encode(errors="replace")
    if len(encoded) > MOST_BYTES:
        raise BadOffer(f"the offer is larger than {MOST_BYTES // 1024} KiB")
    # Half an emoji is no text, and could not be written into the answer.
    sdp = encoded.decode()
    session, sections = Block(), list[Block]()
    block = session
    letters = []
    # Some lines are indented as in the source that they come from.
    lines = (line.lstrip(" \t") for line in re.split(r"\r\n|\n|\r", sdp.lstrip("\ufeff")))
    for number, line in enumerate(filter(None, lines), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadOffer(f"line {number} of the offer is not of the form <letter>=<value>")
        letter, value = match[1], match[2].rstrip()
        letters.append(letter)
        if len(letters) == 1 and (letter, value) != ("v", "0"):
            break
        if letter == "m":
            block = Block(value)
            sections.append(block)
        elif letter == "a":
            name, _, text = value.partition(":")
            block.attributes.setdefault(name.strip().lower(), []).append(text.strip())
    if letters[:1] != ["v"] or "o" not in letters:
        raise BadOffer("the offer does not begin as SDP does (v=0, o=...)")
    if not 0 < len(sections) <= _MOST_SECTIONS:
        raise BadOffer(f"the offer has {len(sections)} media sections; 1 to {_MOST_SECTIONS} can be")
    return session, sections

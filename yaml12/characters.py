"""Characters that YAML does not take, and those that only look like the ones that it does.

YAML 1.2, chapter 5: tab, line feed, carriage return and everything printable may stand anywhere; the other characters
from U+0020 on only inside of quotes; control characters nowhere. Line breaks are ``\\n``, ``\\r`` and ``\\r\\n``: the
separators of Unicode (U+0085, U+2028, U+2029), which YAML 1.1 took for breaks, are text.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = [
    "LINE_BREAK",
    "NOWHERE",
    "ONLY_QUOTED",
    "lookalike",
    "name_of",
    "plain_spelling",
    "structural_lookalike",
]

LINE_BREAK = re.compile("\r\n|\n|\r")
NOWHERE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
ONLY_QUOTED = re.compile("[\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")

_CONTROLS = {
    0x00: "null",
    0x07: "bell",
    0x08: "backspace",
    0x0B: "vertical tab",
    0x0C: "form feed",
    0x1A: "substitute",
    0x1B: "escape",
    0x7F: "delete",
    0x85: "next line",
    0xFEFF: "byte order mark",
}

_LIKE = {
    " ": "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\x85\u2028\u2029",
    "": "\xad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff",
    ":": "\u02d0\u02f8\u0589\u05c3\u2236\ua789\ufe13\ufe55\uff1a",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d",
    '"': "\u201c\u201d\u201e\u201f\u2033\xab\xbb\uff02",
    "'": "\u2018\u2019\u201a\u201b\u2032\xb4\uff07",
    ",": "\u201a\u3001\ufe50\uff0c",
    "#": "\ufe5f\uff03",
    "[": "\uff3b",
    "]": "\uff3d",
    "{": "\uff5b",
    "}": "\uff5d",
    "|": "\u01c0\u2223\uff5c",
    ">": "\u203a\uff1e",
    "&": "\uff06",
    "*": "\u2217\uff0a",
    "!": "\u01c3\uff01",
    "?": "\uff1f",
    "$": "\uff04",
    ".": "\u2024\uff0e",
    "/": "\u2044\u2215\uff0f",
    "_": "\uff3f",
}
"""What is taken for an ASCII character; the empty text stands for characters that nobody sees."""

_CYRILLIC = dict(
    zip(
        "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0430\u0435\u043e"
        "\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u04cf",
        "ABEKMHOPCTXaeopcyxijsdqwhl",
        strict=True,
    )
)
_GREEK_AND_OTHERS = dict(
    zip(
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
        "\u03bf\u03bd\u03b9\u03b1\u03b3\u0131",
        "ABEZHIKMNOPTYXoviayi",
        strict=True,
    )
)

_PLAIN = {one: plain for plain, many in _LIKE.items() for one in many} | _CYRILLIC | _GREEK_AND_OTHERS
_PLAIN |= {chr(code): chr(code - 0xFEE0) for code in range(0xFF10, 0xFF5B) if chr(code) not in _PLAIN}
_ANY = re.compile("[" + re.escape("".join(_PLAIN)) + "]")
_STRUCTURAL = re.compile(
    "[" + re.escape("".join(_LIKE[plain] for plain in (" ", "\n", "", *":,[]{}#"))) + "]"
)
_SAID = {" ": "a space", "\n": "a line break", "": "nothing at all"}


def name_of(character: str) -> str:
    """``U+00A0 (no-break space)``: what to look for in an editor that does not show it."""
    code = ord(character)
    name = _CONTROLS.get(code) or unicodedata.name(character, "").lower()
    return f"U+{code:04X}" + (f" ({name})" if name else "")


def plain_spelling(text: str) -> str:
    """``text`` with what looks like ASCII as ASCII; equal to ``text`` when nothing in it does."""
    return _ANY.sub(lambda match: _PLAIN[match[0]], text)


def lookalike(text: str) -> tuple[int, str] | None:
    """The first character of ``text`` that is taken for another: its index, and what to say of it."""
    match = _ANY.search(text)
    if match is None:
        return None
    plain = _PLAIN[match[0]]
    said = _SAID.get(plain) or f"`{plain}`"
    return match.start(), f"{name_of(match[0])} looks like {said} and is not"


def structural_lookalike(text: str) -> str:
    """What to say of the first character of ``text`` that is taken for one of YAML's own signs; else nothing.

    Quotes, dashes and letters of other alphabets are not among them: texts have them with reason.
    """
    match = _STRUCTURAL.search(text)
    found = lookalike(match[0]) if match else None
    return found[1] if found else ""

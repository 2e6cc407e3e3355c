"""Scalars of YAML 1.2: what a bare word of an agent file means, and where YAML 1.1 meant another thing.

Only ``true`` and ``false`` are booleans; a number has no leading zero but those of ``0x`` and ``0o``; dates, times
and everything else is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...yaml12.core import Scalar
from ...yaml12.core import read_scalar as core_scalar

__all__ = ["CallText", "EnvText", "Scalar", "read_scalar", "trap"]

_LEADING_ZEROS = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_LONGEST_INT = 100
"""Digits; Python refuses to read integers of many thousands, and no option needs them."""

_WORDS_OF_1_1 = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_LEADING_ZERO = re.compile(r"([-+]?)0[0-9]+")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+")
_UNDERSCORES = re.compile(r"[-+]?[0-9]+(_[0-9]+)+")
_OTHER_BASE = re.compile(r"[-+]?0([xX][0-9a-fA-F]{1,15}|[oO][0-7]{1,20}|[bB][01]{1,60})")


_INPUT = re.compile(r"\{\{\s*inputs\s*\.\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")


class EnvText(str):
    """Text in which environment variables were put in; it becomes what the option's type asks for."""

    __slots__ = ("missing", "sources", "values", "written")
    written: str
    """The text of the file (``${PORT:-8080}``), the only form that a message may show."""
    values: tuple[str, ...]
    """What the environment put in."""
    sources: tuple[str, ...]
    """Where it was found: ``environment PORT``, ``default of PORT``, ``file ./key.txt``."""
    missing: bool
    """Whether a variable is not set, which was reported already: then the value stands for nothing."""

    def __new__(
        cls,
        text: str,
        written: str,
        values: tuple[str, ...] = (),
        *,
        missing: bool = False,
        sources: tuple[str, ...] = (),
    ) -> EnvText:
        made = super().__new__(cls, text)
        made.written = written
        made.values = values
        made.missing = missing
        made.sources = sources
        return made

    def conceal(self, message: str) -> str:
        """``message`` without what the environment put in."""
        message = message.replace(self, self.written) if self else message
        for value in self.values:
            message = message.replace(value, "${...}") if value else message
        return message

    def __repr__(self) -> str:
        return f"EnvText({self.written!r})"


class CallText(str):
    """A text with ``{{inputs.name}}`` in it, which is filled in when a call starts."""

    __slots__ = ()

    def names(self) -> tuple[str, ...]:
        """The inputs that it uses."""
        return tuple(dict.fromkeys(match[1] for match in _INPUT.finditer(self)))

    def filled(self, values: Mapping[str, Scalar]) -> str:
        """The text with these values in it; they are put in once, whatever they hold."""
        return _INPUT.sub(lambda match: _word(values[match[1]]), self)


def _word(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar, by the core schema of YAML 1.2.

    With one difference: what has a leading zero is text. People write telephone numbers and postcodes like that, and
    half of the world's tools take it for octal; where a number is wanted, ``trap`` says so.
    """
    return text if _LEADING_ZEROS.fullmatch(text) else core_scalar(text)


def trap(text: str, wanted: str) -> tuple[str, str, str] | None:
    """Why ``text`` is not the ``bool`` or ``number`` it looks like: a sentence, what helps, and what to write.

    The last is empty where it cannot be told.
    """
    if wanted == "bool":
        written = _WORDS_OF_1_1.get(text.lower())
        if written is None:
            return None
        return f"`{text}` is text in YAML 1.2, not a boolean", f"write `{written}`", written
    if len(text) > _LONGEST_INT:
        return None
    if match := _LEADING_ZERO.fullmatch(text):
        decimal = match[1] + (text.lstrip("+-0") or "0")
        sense = "octal in YAML 1.1"
        # Which of the two numbers was meant, nobody knows.
        return f"`{text}` is not a number: it has a leading zero ({sense})", f"write `{decimal}`", ""
    if _SEXAGESIMAL.fullmatch(text):
        sense = "YAML 1.1 would have read it in base 60"
        return (
            f"`{text}` is text, not a number ({sense})",
            "write the number out, or a duration such as 90s",
            "",
        )
    if _UNDERSCORES.fullmatch(text):
        plain = text.replace("_", "")
        return f"`{text}` is text: numbers have no underscores here", f"write `{plain}`", plain
    if _OTHER_BASE.fullmatch(text) and isinstance(core_scalar(text), str):
        decimal = str(int(text, 0))
        return (
            f"`{text}` is text: of other bases only `0x` and `0o` are numbers",
            f"write `{decimal}`",
            decimal,
        )
    return None

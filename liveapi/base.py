"""What every wire type shares, and how durations are written.

The types of this package are msgspec structs that mirror the Live API's protocol buffers one to one.
Attribute names are the proto's snake_case names, which is also what error paths are written in; on the wire
they are lowerCamelCase.

A field whose proto default can be told from "not set" is ``T | None`` with ``None`` for absent; any other
field has the proto's default, and is left out of what we write when it holds that default. Empty messages
(``{}``) count as present. Enumerations are open: the fields are ``str``, and `.enums` names the values known
today.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec

from .errors import WireError

__all__ = ["Empty", "JsonObject", "WireStruct", "duration_ns", "format_duration"]

JsonObject: TypeAlias = dict[str, Any]
"""Free-form JSON of the user's: its keys are data, and are never re-cased."""

_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9})[0-9]*)?s", re.ASCII)


class WireStruct(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """Base of all wire types.

    Unknown fields are refused by the *typed* decoder only so that `.codec` notices them and takes the
    tolerant road; callers of the codec never see that refusal unless they ask for a strict reading.
    """


class Empty(WireStruct, frozen=True):
    """A message whose presence is its meaning, such as ``activityStart``."""


def duration_ns(text: str) -> int:
    """Nanoseconds of a proto3 JSON duration such as ``"50s"`` or ``"0.280s"``; digits beyond the ninth are
    cut.

    Raises WireError when the text is not such a duration.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise WireError(f"Not a duration (seconds followed by 's'): {text[:40]!r}.")
    seconds, fraction = found.groups()
    return int(seconds) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def format_duration(ns: int) -> str:
    """A duration (``ns`` >= 0) as the real server writes it: no fraction, or one of 3, 6 or 9 digits."""
    if ns < 0:
        raise ValueError(f"a duration must be >= 0 ns, not {ns}")
    seconds, fraction = divmod(ns, 1_000_000_000)
    if not fraction:
        return f"{seconds}s"
    digits = f"{fraction:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{seconds}.{digits}s"


def _optional_duration_ns(text: str) -> int | None:
    """Like `duration_ns`, but ``None`` for a missing or unreadable one: a server's oddity must not end a
    call.
    """
    try:
        return duration_ns(text)
    except WireError:
        return None

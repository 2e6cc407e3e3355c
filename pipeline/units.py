"""Time in integer nanoseconds, and the way people write it (``200ms``, ``16kHz``)."""

from __future__ import annotations

import dataclasses
import numbers
import re
from typing import Any

__all__ = [
    "DURATION_UNITS",
    "FREQUENCY_UNITS",
    "MS",
    "SECOND",
    "SIZE_UNITS",
    "US",
    "DurationLike",
    "duration_ns",
    "format_duration",
    "format_size",
    "ms",
    "parse_duration",
    "parse_frequency",
    "parse_size",
    "seconds",
    "settle_durations",
]

US = 1_000
MS = 1_000_000
SECOND = 1_000_000_000

DURATION_UNITS = {
    "ns": 1,
    "us": US,
    "ms": MS,
    "s": SECOND,
    "m": 60 * SECOND,
    "min": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 24 * 3600 * SECOND,
}
DurationLike = int | str
"""A duration as programs give it: whole nanoseconds, such as ``ms(300)``, or text with a unit, such as ``"300ms"``."""

FREQUENCY_UNITS = {"hz": 1, "khz": 1_000}
SIZE_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]+)\s*")
_LONGEST = 60
"""Characters that a quantity may have."""
_GREATEST = 2**63 - 1
"""292 years in nanoseconds: what is more was not meant, and has no place in 64 bits or a float."""


def ms(value: float) -> int:
    """Milliseconds as integer nanoseconds."""
    return round(value * MS)


def seconds(value: float) -> int:
    """Seconds as integer nanoseconds."""
    return round(value * SECOND)


def duration_ns(value: DurationLike, what: str = "a duration") -> int:
    """Nanoseconds from what a program gives: ``ms(300)``, ``"300ms"`` or nanoseconds themselves.

    Raises ``ValueError`` for text that is no duration and for what is below zero, ``TypeError`` for anything else; the
    message begins with ``what``.
    """
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise ValueError(f"{what}: {error}, not {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f'{what}: takes whole nanoseconds, as ms(300) gives, or "300ms", not {value!r}')
    if value < 0:
        raise ValueError(f"{what}: cannot be below zero, as {value!r} is")
    if value > _GREATEST:
        raise ValueError(f"{what}: cannot be longer than 292 years")
    return int(value)


def settle_durations(settings: Any) -> None:
    """Make nanoseconds of whatever was given for the fields ``..._ns`` of a dataclass: for its ``__post_init__``."""
    for field in dataclasses.fields(settings):
        if field.name.endswith("_ns"):
            value = getattr(settings, field.name)
            if type(value) is not int or not 0 <= value <= _GREATEST:
                object.__setattr__(settings, field.name, duration_ns(value, field.name))


def parse_duration(text: str) -> int:
    """Read ``200ms``, ``1.5s``, ``2min`` or ``1h`` as nanoseconds; ``ValueError`` says what is accepted."""
    return _parse(text, DURATION_UNITS, "a duration such as 200ms, 1.5s or 2min")


def parse_frequency(text: str) -> int:
    """Read ``16kHz``, ``44.1kHz`` or ``8000Hz`` as hertz; ``ValueError`` says what is accepted."""
    return _parse(text, FREQUENCY_UNITS, "a rate such as 16kHz or 8000Hz")


def parse_size(text: str) -> int:
    """Read ``500MB`` or ``1.5GB`` as bytes; ``ValueError`` says what is accepted."""
    return _parse(text, SIZE_UNITS, "a size such as 500MB or 1.5GB")


def format_size(size_bytes: int) -> str:
    """The shortest exact way to write a size: ``500MB``, ``1234B``."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes and size_bytes % size == 0:
            return f"{size_bytes // size}{unit}"
    return f"{size_bytes}B"


def format_duration(duration_ns: int) -> str:
    """The shortest exact way to write a duration: ``200ms``, ``1.5s``, ``0s``."""
    if duration_ns == 0:
        return "0s"
    for unit, size in (("h", 3600 * SECOND), ("min", 60 * SECOND)):
        if duration_ns % size == 0:
            return f"{duration_ns // size}{unit}"
    for unit, size in (("s", SECOND), ("ms", MS), ("us", US)):
        if duration_ns >= size and (duration_ns * 1_000) % size == 0:
            whole, thousandths = divmod(duration_ns * 1_000 // size, 1_000)
            return f"{whole}.{thousandths:03}".rstrip("0").rstrip(".") + unit
    return f"{duration_ns}ns"


def _parse(text: str, units: dict[str, int], expected: str) -> int:
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None or match[2].lower() not in units:
        raise ValueError(f"expected {expected}")
    size = units[match[2].lower()]
    # In integers throughout, so that it is exact at any size.
    whole, _, fraction = match[1].partition(".")
    parts: int = 10 ** len(fraction)
    made = int(whole) * size + (int(fraction or 0) * size + parts // 2) // parts
    if made > _GREATEST:
        raise ValueError(f"expected {expected}")
    return made

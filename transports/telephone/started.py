"""What a provider tells of a call when its stream begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..socket.codings import Coding, CodingError
from ..socket.signals import BadSignal

__all__ = ["PCMU", "Provider", "Started", "coding_named", "named", "parameters_of"]

Provider = Literal["twilio", "telnyx", "plivo"]

PCMU = Coding("pcmu", 8_000)
_MOST_TEXT = 1_000
_MOST_ID = 200
_MOST_PARAMETERS = 64
_ENCODINGS: Mapping[str, tuple[str, int]] = {
    "x-mulaw": ("pcmu", 8_000),
    "mulaw": ("pcmu", 8_000),
    "pcmu": ("pcmu", 8_000),
    "x-alaw": ("pcma", 8_000),
    "alaw": ("pcma", 8_000),
    "pcma": ("pcma", 8_000),
    "g722": ("g722", 16_000),
    "opus": ("opus", 48_000),
    # As computers have it, and not as RTP does: what Telnyx and Plivo send and take is little-endian.
    "l16": ("pcm16", 16_000),
    "x-l16": ("pcm16", 16_000),
}


@dataclass(frozen=True, slots=True)
class Started:
    """A call as its provider announces it."""

    provider: Provider
    stream_id: str
    call_id: str
    """By which the provider's REST interface knows it."""
    account_id: str = ""
    caller: str = ""
    """The number that calls, where the provider tells it."""
    called: str = ""
    coding: Coding = PCMU
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What whoever answered the call gave the stream to take along."""


def named(value: str | None, name: str) -> str:
    """An id that is there and can stand in a message as it is. Raises ``BadSignal``."""
    if not value or len(value) > _MOST_ID or not value.isprintable() or '"' in value or "\\" in value:
        raise BadSignal(f"a start without its {name}")
    return value


def parameters_of(value: Mapping[str, Any] | list[Any] | None) -> dict[str, str]:
    """Parameters as providers write them: a mapping, or a list of names and values. What is no text and no number is
    left out."""
    if isinstance(value, list):
        pairs = [(one.get("name"), one.get("value")) for one in value if isinstance(one, dict)]
    else:
        pairs = list(value.items()) if value is not None else []
    found = {
        name[:_MOST_TEXT]: str(given)[:_MOST_TEXT]
        for name, given in pairs
        if isinstance(name, str) and isinstance(given, str | int | float)
    }
    return dict(list(found.items())[:_MOST_PARAMETERS])


def coding_named(name: str | None, rate: str | int | float | None) -> Coding:
    """The coding that a provider names, by default mu-law. Raises ``BadSignal`` for one that there is not here."""
    name = (name or "").lower().partition(";")[0].strip().removeprefix("audio/")
    if not name:
        return PCMU
    if name not in _ENCODINGS:
        raise BadSignal(f"the telephone's coding {name[:40]!r} is none that is spoken here")
    encoding, usual = _ENCODINGS[name]
    if encoding in ("pcm16", "opus") and rate is not None and str(rate).isdecimal():
        usual = int(str(rate)[:6])
    try:
        return Coding(encoding, usual).checked()  # type: ignore[arg-type]  # one of the table
    except CodingError as error:
        raise BadSignal(str(error)) from None

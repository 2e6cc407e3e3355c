"""What a provider tells of a call when its stream begins, and what its streams have in common."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..socket.codings import Coding, CodingError
from ..socket.signals import BadSignal, Pressed, Sound

__all__ = [
    "PCMU",
    "Provider",
    "Started",
    "as_text",
    "coding_of",
    "packed",
    "pressed_key",
    "sound_of",
    "unpacked",
]

Provider = Literal["twilio", "telnyx", "plivo"]

PCMU = Coding("pcmu", 8_000)
_KEYS = frozenset("0123456789*#ABCD")
_MOST_TEXT = 1_000
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


def as_text(value: object) -> str:
    """A short text of a provider's message; empty for anything else."""
    return value[:_MOST_TEXT] if isinstance(value, str) else ""


def parameters_of(value: object) -> dict[str, str]:
    """Parameters as providers write them: a mapping, or a list of names and values."""
    if isinstance(value, list):
        pairs = [(one.get("name"), one.get("value")) for one in value if isinstance(one, dict)]
    else:
        pairs = list(value.items()) if isinstance(value, dict) else []
    found = {
        name: str(given)[:_MOST_TEXT] for name, given in pairs if isinstance(name, str) and given is not None
    }
    return dict(list(found.items())[:_MOST_PARAMETERS])


def coding_of(written: object) -> Coding:
    """The coding that a provider names, with its rate. Raises ``BadSignal`` for one that there is not here."""
    if not isinstance(written, dict):
        return PCMU
    name = as_text(written.get("encoding")).lower().removeprefix("audio/")
    if not name:
        return PCMU
    if name not in _ENCODINGS:
        raise BadSignal(f"the telephone's coding {name[:40]!r} is none that is spoken here")
    encoding, rate = _ENCODINGS[name]
    wanted = written.get("sample_rate", written.get("sampleRate"))
    if encoding in ("pcm16", "opus") and isinstance(wanted, int | str) and str(wanted).isdecimal():
        rate = int(str(wanted)[:6])
    try:
        return Coding(encoding, rate).checked()  # type: ignore[arg-type]  # one of the table
    except CodingError as error:
        raise BadSignal(str(error)) from None


def packed(payload: bytes) -> str:
    """Sound as it stands in JSON."""
    return base64.b64encode(payload).decode()


def unpacked(payload: object) -> bytes:
    """The sound of a message. Raises ``BadSignal`` for what is no base64."""
    if not isinstance(payload, str):
        raise BadSignal("a piece of sound without a payload")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadSignal("a piece of sound that is no base64") from None


def sound_of(media: object) -> Sound | None:
    """The caller's sound in a message; ``None`` for that of the agent, which some send back."""
    if not isinstance(media, dict):
        raise BadSignal("a piece of sound without its media")
    if media.get("track") in ("outbound", "outbound_track"):
        return None
    payload = unpacked(media.get("payload"))
    return Sound(payload, _number(media.get("chunk")), _number(media.get("timestamp"))) if payload else None


def pressed_key(dtmf: object) -> Pressed | None:
    """The key in a message; ``None`` for what is none."""
    key = as_text(dtmf.get("digit")).upper() if isinstance(dtmf, dict) else ""
    return Pressed(key) if key in _KEYS else None


def _number(value: object) -> int | None:
    """Numbers are written as texts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 16 else None

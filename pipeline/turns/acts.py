"""What the manners of a call decide, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..end_reason import EndReason

__all__ = ["Act", "Ended", "Hush", "Keyed", "Mute", "Say", "SpeechKind"]

SpeechKind = Literal["greeting", "idle", "warning", "goodbye"]


@dataclass(frozen=True, slots=True)
class Say:
    """Have the agent say ``text``; ``exact`` word for word, otherwise it is what the agent is told to speak of."""

    text: str
    kind: SpeechKind
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Hush:
    """Cut what the agent is saying."""


@dataclass(frozen=True, slots=True)
class Mute:
    """From now on the caller is unheard, or heard again."""

    on: bool


@dataclass(frozen=True, slots=True)
class Keyed:
    """The caller has pressed ``keys``, one after the other, and the model is to be told."""

    keys: str


@dataclass(frozen=True, slots=True)
class Ended:
    """End the call now."""

    reason: EndReason
    detail: str = ""


Act = Say | Hush | Mute | Keyed | Ended

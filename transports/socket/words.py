"""What is said on a socket alone, beside the messages of a call: hello, and what was played."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .codings import SoundEncoding

__all__ = ["Alive", "Clear", "Hello", "Key", "Mark", "Marked", "SoundFormat", "Welcome"]

AheadMs = Annotated[int, msgspec.Meta(ge=20, le=2_000)]


class SoundFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the sound of one direction is coded. ``rate`` is in hertz; of one channel."""

    encoding: SoundEncoding = "pcm16"
    rate: int = 16_000


class Hello(
    msgspec.Struct, frozen=True, tag_field="type", tag="hello", rename={"audio_in": "in", "audio_out": "out"}
):
    """The caller's first message. ``in`` is how its sound comes, ``out`` how it wants the agent's; with ``marks`` it
    tells what it has played; ``ahead_ms`` is how much of the agent's sound it is sent before that is heard."""

    version: int = 1
    agent: str | None = None
    token: str = ""
    inputs: dict[str, str | int | float | bool | None] = {}
    audio_in: SoundFormat = msgspec.field(default_factory=SoundFormat)
    audio_out: SoundFormat = msgspec.field(default_factory=SoundFormat)
    marks: bool = False
    ahead_ms: AheadMs = 200


class Marked(msgspec.Struct, frozen=True, tag_field="type", tag="marked"):
    """All that came before the ``mark`` with this ``id`` has been played."""

    id: str


class Alive(msgspec.Struct, frozen=True, tag_field="type", tag="alive"):
    """The caller is still there, though nothing else comes from it."""


class Welcome(
    msgspec.Struct, frozen=True, tag_field="type", tag="hello", rename={"audio_in": "in", "audio_out": "out"}
):
    """The server's answer to ``hello`` when the call has a place. ``id`` is the call's line."""

    version: int
    id: str
    audio_in: SoundFormat
    audio_out: SoundFormat
    marks: bool


class Mark(msgspec.Struct, frozen=True, tag_field="type", tag="mark"):
    """Told between two pieces of sound, to a caller who said ``marks``; ``marked`` with the same ``id`` is awaited."""

    id: str


class Clear(msgspec.Struct, frozen=True, tag_field="type", tag="clear"):
    """The agent is interrupted: what is not played yet is to be forgotten, and its marks are not answered."""


class Key(msgspec.Struct, frozen=True, tag_field="type", tag="key"):
    """The agent presses a key of a telephone: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    key: str

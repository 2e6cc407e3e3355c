"""Plivo Audio Streaming, ``bidirectional="true"``: its messages and what they mean.

https://www.plivo.com/docs/voice/concepts/audio-streaming
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from ..json_objects import read_object
from ..socket.signals import Data, Signal
from .messages import Digit, Media, Message, TelephoneCodec, text_of
from .started import PCMU, Started, coding_named, named, parameters_of

__all__ = ["FromPlivo", "PlivoCodec", "PlivoStart", "ToPlivo"]

_Headers = str | dict[str, Any] | list[Any] | None


class _Format(msgspec.Struct, frozen=True, rename="camel"):
    encoding: str | None = None
    sample_rate: str | int | float | None = None


_NAMES = {
    "call_id": "callId",
    "account_id": "accountId",
    "stream_id": "streamId",
    "media_format": "mediaFormat",
}


class _Start(msgspec.Struct, frozen=True, rename=_NAMES):
    call_id: str
    account_id: str | None = None
    stream_id: str | None = None
    media_format: _Format | None = None
    extra_headers: _Headers = None


class PlivoStart(Message, frozen=True, tag="start", rename=_NAMES):
    """The call: ``callId`` by which REST knows it, ``streamId``, and in ``extra_headers`` what the XML gave along."""

    start: _Start
    stream_id: str | None = None
    extra_headers: _Headers = None

    @property
    def started(self) -> Started:
        """See ``Started``. Raises ``BadSignal``."""
        start, form = self.start, self.start.media_format
        headers = self.extra_headers if self.extra_headers is not None else start.extra_headers
        parameters = _pairs(headers)
        return Started(
            "plivo",
            named(start.stream_id or self.stream_id, "streamId"),
            named(start.call_id, "callId"),
            (start.account_id or "")[:200],
            caller=parameters.get("caller", ""),
            called=parameters.get("called", ""),
            coding=PCMU if form is None else coding_named(form.encoding, form.sample_rate),
            parameters=parameters,
        )


class PlivoMedia(Message, frozen=True, tag="media", rename="camel"):
    """The caller's voice: mu-law at 8 kHz, or L16."""

    media: Media
    stream_id: str | None = None


class PlivoDtmf(Message, frozen=True, tag="dtmf", rename="camel"):
    """A key was pressed."""

    dtmf: Digit
    stream_id: str | None = None


class PlivoPlayed(Message, frozen=True, tag="playedStream", rename="camel"):
    """What came before the checkpoint was played."""

    name: str
    stream_id: str | None = None


class PlivoStop(Message, frozen=True, tag="stop", rename="camel"):
    """The stream has stopped; as a rule the socket closes, and nothing is said."""

    stream_id: str | None = None


FromPlivo = PlivoMedia | PlivoDtmf | PlivoPlayed | PlivoStop
"""What it says behind ``start``; ``clearedAudio`` beside it, which tells nothing that is not known."""


class _Sound(msgspec.Struct, frozen=True, rename="camel"):
    content_type: str
    sample_rate: int
    payload: bytes


class PlayPlivo(Message, frozen=True, tag="playAudio", rename="camel"):
    """The agent's voice, with its coding."""

    stream_id: str
    media: _Sound


class CheckpointPlivo(Message, frozen=True, tag="checkpoint", rename="camel"):
    """To be told when what was sent before was played."""

    stream_id: str
    name: str


class ClearPlivo(Message, frozen=True, tag="clearAudio", rename="camel"):
    """To forget what was not played yet."""

    stream_id: str


class DtmfPlivo(Message, frozen=True, tag="sendDTMF"):
    """To give out a key's tone."""

    dtmf: str


ToPlivo = PlayPlivo | CheckpointPlivo | ClearPlivo | DtmfPlivo


class PlivoCodec(TelephoneCodec):
    """See ``Codec``."""

    _kinds: ClassVar[Any] = FromPlivo

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        kind = {"pcmu": "audio/x-mulaw", "pcma": "audio/x-alaw"}.get(self.coding_out.encoding, "audio/x-l16")
        return text_of(PlayPlivo(self._id, _Sound(kind, self.coding_out.rate, payload)))

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return text_of(CheckpointPlivo(self._id, name))

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return text_of(ClearPlivo(self._id))

    def key(self, key: str) -> Data | None:
        """See ``Codec``."""
        return text_of(DtmfPlivo(key))

    def _meant(self, message: FromPlivo) -> Signal | None:
        of = message.stream_id
        match message:
            case PlivoMedia(media):
                return self._signal(of, media.sound)
            case PlivoDtmf(dtmf):
                return self._signal(of, dtmf.pressed)
            case PlivoPlayed(name):
                return self._marked(of, name)
            case PlivoStop():
                return self._stopped(of)


def _pairs(value: _Headers) -> dict[str, str]:
    """Extra headers as an object, or as a text: ``a=1,b=2`` or JSON."""
    if isinstance(value, str):
        found = read_object(value)
        if found is None:
            pairs = (pair.partition("=") for pair in value.replace(";", ",").split(","))
            found = {name.strip(): given.strip() for name, _, given in pairs if name.strip()}
        value = found
    # Names of headers come back as Plivo prefixes them.
    return {name.removeprefix("X-PH-"): given for name, given in parameters_of(value).items()}

"""Twilio Media Streams, ``<Connect><Stream>``: its messages and what they mean.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from ..socket.signals import Data, Signal
from .messages import Digit, Media, Message, Name, TelephoneCodec, text_of
from .started import PCMU, Started, coding_named, named, parameters_of

__all__ = ["FromTwilio", "ToTwilio", "TwilioCodec", "TwilioStart"]


class _Format(msgspec.Struct, frozen=True, rename="camel"):
    encoding: str | None = None
    sample_rate: str | int | float | None = None


class _Start(msgspec.Struct, frozen=True, rename="camel"):
    call_sid: str
    account_sid: str | None = None
    stream_sid: str | None = None
    media_format: _Format | None = None
    custom_parameters: dict[str, Any] | list[Any] | None = None


class TwilioStart(Message, frozen=True, tag="start", rename="camel"):
    """The call: ``callSid`` by which REST knows it, ``streamSid`` which every message has, and the parameters that the
    TwiML gave along."""

    start: _Start
    stream_sid: str | None = None

    @property
    def started(self) -> Started:
        """See ``Started``. Raises ``BadSignal``."""
        start, form = self.start, self.start.media_format
        parameters = parameters_of(start.custom_parameters)
        return Started(
            "twilio",
            named(start.stream_sid or self.stream_sid, "streamSid"),
            named(start.call_sid, "callSid"),
            (start.account_sid or "")[:200],
            caller=parameters.get("caller", ""),
            called=parameters.get("called", ""),
            coding=PCMU if form is None else coding_named(form.encoding, form.sample_rate),
            parameters=parameters,
        )


class TwilioMedia(Message, frozen=True, tag="media", rename="camel"):
    """The caller's voice: mu-law at 8 kHz."""

    media: Media
    stream_sid: str | None = None


class TwilioDtmf(Message, frozen=True, tag="dtmf", rename="camel"):
    """A key was pressed."""

    dtmf: Digit
    stream_sid: str | None = None


class TwilioMarked(Message, frozen=True, tag="mark", rename="camel"):
    """What came before the mark was played, or cleared."""

    mark: Name
    stream_sid: str | None = None


class TwilioStop(Message, frozen=True, tag="stop", rename="camel"):
    """The stream has stopped, or the call is over."""

    stream_sid: str | None = None


FromTwilio = TwilioMedia | TwilioDtmf | TwilioMarked | TwilioStop
"""What it says behind ``connected`` and ``start``."""


class _Sound(msgspec.Struct, frozen=True):
    payload: bytes


class PlayTwilio(Message, frozen=True, tag="media", rename="camel"):
    """The agent's voice, which Twilio plays in order."""

    stream_sid: str
    media: _Sound


class MarkTwilio(Message, frozen=True, tag="mark", rename="camel"):
    """To be told when what was sent before was played."""

    stream_sid: str
    mark: Name


class ClearTwilio(Message, frozen=True, tag="clear", rename="camel"):
    """To forget what was not played yet."""

    stream_sid: str


ToTwilio = PlayTwilio | MarkTwilio | ClearTwilio


class TwilioCodec(TelephoneCodec):
    """See ``Codec``."""

    _kinds: ClassVar[Any] = FromTwilio

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        return text_of(PlayTwilio(self._id, _Sound(payload)))

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return text_of(MarkTwilio(self._id, Name(name)))

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return text_of(ClearTwilio(self._id))

    def _meant(self, message: FromTwilio) -> Signal | None:
        of = message.stream_sid
        match message:
            case TwilioMedia(media):
                return self._signal(of, media.sound)
            case TwilioDtmf(dtmf):
                return self._signal(of, dtmf.pressed)
            case TwilioMarked(mark):
                return self._marked(of, mark.name)
            case TwilioStop():
                return self._stopped(of)

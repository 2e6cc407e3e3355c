"""Telnyx Media Streaming over WebSockets, ``rtp`` in both directions: its messages and what they mean.

https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from ..socket.signals import Data, Signal, Unclear
from .messages import Digit, Media, Message, Name, Number, TelephoneCodec, text_of
from .started import PCMU, Started, coding_named, named, parameters_of

__all__ = ["FromTelnyx", "TelnyxCodec", "TelnyxStart", "ToTelnyx"]


class _Format(msgspec.Struct, frozen=True):
    encoding: str | None = None
    sample_rate: str | int | float | None = None


class _Start(msgspec.Struct, frozen=True, rename={"caller": "from", "called": "to"}):
    call_control_id: str
    user_id: str | None = None
    stream_id: str | None = None
    caller: str | None = None
    called: str | None = None
    media_format: _Format | None = None
    custom_parameters: dict[str, Any] | list[Any] | None = None


class TelnyxStart(Message, frozen=True, tag="start"):
    """The call: ``call_control_id`` by which its commands know it, ``stream_id``, who calls whom, the coding of both
    directions."""

    start: _Start
    stream_id: str | None = None

    @property
    def started(self) -> Started:
        """See ``Started``. Raises ``BadSignal``."""
        start, form = self.start, self.start.media_format
        parameters = parameters_of(start.custom_parameters)
        return Started(
            "telnyx",
            named(self.stream_id or start.stream_id, "stream_id"),
            named(start.call_control_id, "call_control_id"),
            (start.user_id or "")[:200],
            caller=(start.caller or "")[:200] or parameters.get("caller", ""),
            called=(start.called or "")[:200] or parameters.get("called", ""),
            coding=PCMU if form is None else coding_named(form.encoding, form.sample_rate),
            parameters=parameters,
        )


class TelnyxMedia(Message, frozen=True, tag="media"):
    """The caller's voice. Their order is not promised: ``chunk`` has it."""

    media: Media
    stream_id: str | None = None


class TelnyxDtmf(Message, frozen=True, tag="dtmf"):
    """A key was pressed."""

    dtmf: Digit
    stream_id: str | None = None


class TelnyxMarked(Message, frozen=True, tag="mark"):
    """What came before the mark was played, or cleared."""

    mark: Name
    stream_id: str | None = None


class TelnyxStop(Message, frozen=True, tag="stop"):
    """The stream has stopped, or the call is over."""

    stream_id: str | None = None


class _Fault(msgspec.Struct, frozen=True):
    code: Number = None
    title: str | None = None
    detail: str | None = None


class TelnyxError(Message, frozen=True, tag="error"):
    """Something that was sent could not be played: ``code`` 100002 to 100005."""

    payload: _Fault | None = None
    stream_id: str | None = None


FromTelnyx = TelnyxMedia | TelnyxDtmf | TelnyxMarked | TelnyxStop | TelnyxError
"""What it says behind ``connected`` and ``start``."""


class _Sound(msgspec.Struct, frozen=True):
    payload: bytes


class PlayTelnyx(Message, frozen=True, tag="media"):
    """The agent's voice: 20 ms to 30 s of it, in the coding of the stream."""

    media: _Sound


class MarkTelnyx(Message, frozen=True, tag="mark"):
    """To be told when what was sent before was played."""

    mark: Name


class ClearTelnyx(Message, frozen=True, tag="clear"):
    """To forget what was not played yet."""


ToTelnyx = PlayTelnyx | MarkTelnyx | ClearTelnyx


class TelnyxCodec(TelephoneCodec):
    """See ``Codec``."""

    _kinds: ClassVar[Any] = FromTelnyx

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        return text_of(PlayTelnyx(_Sound(payload)))

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return text_of(MarkTelnyx(Name(name)))

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return text_of(ClearTelnyx())

    def _meant(self, message: FromTelnyx) -> Signal | None:
        of = message.stream_id
        match message:
            case TelnyxMedia(media):
                return self._signal(of, media.sound)
            case TelnyxDtmf(dtmf):
                return self._signal(of, dtmf.pressed)
            case TelnyxMarked(mark):
                return self._marked(of, mark.name)
            case TelnyxStop():
                return self._stopped(of)
            case TelnyxError(fault):
                fault = fault or _Fault()
                told = fault.title or fault.detail or "no more of it"
                return Unclear(f"telnyx says {str(fault.code)[:20]}: {told[:200]}")

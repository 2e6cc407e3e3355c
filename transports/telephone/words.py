"""What Twilio, Telnyx and Plivo say on their streams, and what they are told. Pure: no socket, no time.

The three differ in names only: Twilio says ``streamSid``, Telnyx needs no id, Plivo plays ``playAudio`` and tells of
marks as ``playedStream``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..socket.native import read_object
from ..socket.signals import BadSignal, Codec, Data, Left, Marked, Signal
from .started import Started, as_text, coding_of, packed, parameters_of, pressed_key, sound_of

__all__ = ["PlivoCodec", "TelnyxCodec", "TwilioCodec", "codec_of", "is_greeting", "read_start"]

_MOST_CHARS = 256 * 1024
_HUNG_UP = Left("the caller hung up")
Json = Mapping[str, Any]


def is_greeting(data: Data) -> bool:
    """Whether a message is ``connected``, by which Twilio and Telnyx begin: the one after it says who calls."""
    message = read_object(data) if isinstance(data, str) else None
    return message is not None and message.get("event") == "connected"


def read_start(data: Data) -> Started | None:
    """The call that a ``start`` announces, whoever's it is; ``None`` for any other message.

    Raises ``BadSignal`` for a start that is not as its provider's are.
    """
    message = read_object(data) if isinstance(data, str) else None
    if message is None or message.get("event") != "start":
        return None
    start = message.get("start")
    if not isinstance(start, dict):
        raise BadSignal("a start that tells nothing")
    if "callSid" in start:
        return Started(
            "twilio",
            _needed(start.get("streamSid") or message.get("streamSid"), "streamSid"),
            _needed(start["callSid"], "callSid"),
            as_text(start.get("accountSid")),
            coding=coding_of(start.get("mediaFormat")),
            parameters=parameters_of(start.get("customParameters")),
            **_numbers(parameters_of(start.get("customParameters"))),
        )
    if "call_control_id" in start:
        parameters = parameters_of(start.get("custom_parameters"))
        return Started(
            "telnyx",
            _needed(message.get("stream_id") or start.get("stream_id"), "stream_id"),
            _needed(start["call_control_id"], "call_control_id"),
            as_text(start.get("user_id")),
            coding=coding_of(start.get("media_format")),
            parameters=parameters,
            **_numbers(parameters, as_text(start.get("from")), as_text(start.get("to"))),
        )
    if "callId" in start:
        parameters = _extra_headers(message.get("extra_headers", start.get("extra_headers")))
        return Started(
            "plivo",
            _needed(start.get("streamId") or message.get("streamId"), "streamId"),
            _needed(start["callId"], "callId"),
            as_text(start.get("accountId")),
            coding=coding_of(start.get("mediaFormat")),
            parameters=parameters,
            **_numbers(parameters),
        )
    raise BadSignal("a start with none of callSid, call_control_id and callId")


def codec_of(started: Started) -> Codec:
    """The words of the provider that has announced this call."""
    match started.provider:
        case "twilio":
            return TwilioCodec(started)
        case "telnyx":
            return TelnyxCodec(started)
        case "plivo":
            return PlivoCodec(started)


class _TelephoneCodec:
    """What the three have in common; see ``Codec``."""

    confirms = True

    def __init__(self, started: Started) -> None:
        self.started = started
        self.coding_in = self.coding_out = started.coding
        self._id = started.stream_id

    def read(self, data: Data) -> Iterable[Signal]:
        """See ``Codec``. What is unknown says nothing: providers learn new words."""
        if isinstance(data, bytes) or len(data) > _MOST_CHARS:
            raise BadSignal("a message that is no text of a telephone's stream")
        message = read_object(data)
        if message is None:
            raise BadSignal("a message that is no JSON")
        found = self._read(message)
        return () if found is None else (found,)

    def say(self, message: Json) -> Data | None:
        """See ``Codec``. A telephone has no words for messages."""
        return None

    def key(self, key: str) -> Data | None:
        """See ``Codec``. Where there is no word for a key its tone is played."""
        return None

    def _read(self, message: Json) -> Signal | None:
        match message.get("event"):
            case "media":
                return sound_of(message.get("media"))
            case "dtmf":
                return pressed_key(message.get("dtmf"))
            case "mark":
                mark = message.get("mark")
                return Marked(as_text(mark.get("name"))) if isinstance(mark, dict) else None
            case "stop":
                return _HUNG_UP
        return None


class TwilioCodec(_TelephoneCodec):
    """Twilio Media Streams, ``<Connect><Stream>``: https://www.twilio.com/docs/voice/media-streams/websocket-messages."""

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        return f'{{"event":"media","streamSid":"{self._id}","media":{{"payload":"{packed(payload)}"}}}}'

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "mark", "streamSid": self._id, "mark": {"name": name}})

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "clear", "streamSid": self._id})


class TelnyxCodec(_TelephoneCodec):
    """Telnyx Media Streaming: https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming."""

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        return f'{{"event":"media","media":{{"payload":"{packed(payload)}"}}}}'

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "mark", "mark": {"name": name}})

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "clear"})

    def _read(self, message: Json) -> Signal | None:
        if message.get("event") == "error":
            payload = message.get("payload")
            told = payload if isinstance(payload, dict) else {}
            raise BadSignal(
                f"telnyx says {as_text(str(told.get('code', '')))}: {as_text(told.get('title'))[:200]}"
            )
        return super()._read(message)


class PlivoCodec(_TelephoneCodec):
    """Plivo Audio Streaming: https://www.plivo.com/docs/voice/concepts/audio-streaming."""

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        kind = {"pcmu": "audio/x-mulaw", "pcma": "audio/x-alaw"}.get(self.coding_out.encoding, "audio/x-l16")
        return (
            f'{{"event":"playAudio","streamId":"{self._id}","media":{{"contentType":"{kind}",'
            f'"sampleRate":{self.coding_out.rate},"payload":"{packed(payload)}"}}}}'
        )

    def mark(self, name: str) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "checkpoint", "streamId": self._id, "name": name})

    def clear(self) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "clearAudio", "streamId": self._id})

    def key(self, key: str) -> Data | None:
        """See ``Codec``."""
        return _text({"event": "sendDTMF", "dtmf": key})

    def _read(self, message: Json) -> Signal | None:
        if message.get("event") == "playedStream":
            return Marked(as_text(message.get("name")))
        return super()._read(message)


def _numbers(parameters: Mapping[str, str], caller: str = "", called: str = "") -> dict[str, str]:
    return {
        "caller": caller or parameters.get("caller", ""),
        "called": called or parameters.get("called", ""),
    }


def _extra_headers(value: object) -> dict[str, str]:
    """Plivo's, as an object, or as a text: ``a=1,b=2`` or JSON."""
    if isinstance(value, str):
        found = read_object(value)
        if found is None:
            pairs = (pair.partition("=") for pair in value.replace(";", ",").split(","))
            found = {name.strip(): given.strip() for name, _, given in pairs if name.strip()}
        value = found
    # Names of headers come back as Plivo prefixes them.
    return {name.removeprefix("X-PH-"): given for name, given in parameters_of(value).items()}


def _needed(value: object, name: str) -> str:
    text = as_text(value)
    # It goes into messages as it stands.
    if not text or len(text) > 200 or not text.isprintable() or '"' in text or "\\" in text:
        raise BadSignal(f"a start without its {name}")
    return text


def _text(message: Mapping[str, Any]) -> str:
    return msgspec.json.encode(message).decode()

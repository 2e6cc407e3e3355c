"""Which provider it is that speaks: Twilio, Telnyx and Plivo are told apart by their first message. Pure.

The three differ in names only: Twilio says ``streamSid``, Telnyx needs no id, Plivo plays ``playAudio`` and tells of
marks as ``playedStream``. Each has its messages as structs in a module of its own.
"""

from __future__ import annotations

import msgspec

from ..socket.signals import BadSignal, Codec, Data
from .plivo import PlivoCodec, PlivoStart
from .started import Started
from .telnyx import TelnyxCodec, TelnyxStart
from .twilio import TwilioCodec, TwilioStart

__all__ = ["codec_of", "is_greeting", "read_start"]


_EARLY = frozenset(("connected", "media"))


class _Start(msgspec.Struct):
    callSid: object = msgspec.UNSET
    call_control_id: object = msgspec.UNSET
    callId: object = msgspec.UNSET


class _First(msgspec.Struct):
    event: str = ""
    start: _Start | None = None


def is_greeting(data: Data) -> bool:
    """Whether a message may stand before the start: ``connected``, by which Twilio and Telnyx begin, or sound that has
    overtaken it."""
    try:
        return isinstance(data, str) and msgspec.json.decode(data, type=_First).event in _EARLY
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def read_start(data: Data) -> Started | None:
    """The call that a ``start`` announces, whoever's it is; ``None`` for any other message.

    Raises ``BadSignal`` for a start that is not as its provider's are.
    """
    if isinstance(data, bytes):
        return None
    try:
        first = msgspec.json.decode(data, type=_First)
    except msgspec.ValidationError as error:
        raise BadSignal(f"a first message that is no start: {str(error)[:200]}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if first.event != "start":
        return None
    start = first.start
    if start is None:
        raise BadSignal("a start that tells nothing")
    kind: type[TwilioStart | TelnyxStart | PlivoStart]
    if start.callSid is not msgspec.UNSET:
        kind = TwilioStart
    elif start.call_control_id is not msgspec.UNSET:
        kind = TelnyxStart
    elif start.callId is not msgspec.UNSET:
        kind = PlivoStart
    else:
        raise BadSignal("a start with none of callSid, call_control_id and callId")
    try:
        return msgspec.json.decode(data, type=kind).started
    except msgspec.ValidationError as error:
        raise BadSignal(f"a start that is not as it should be: {str(error)[:200]}") from None


def codec_of(started: Started) -> Codec:
    """The words of the provider that has announced this call."""
    match started.provider:
        case "twilio":
            return TwilioCodec(started)
        case "telnyx":
            return TelnyxCodec(started)
        case "plivo":
            return PlivoCodec(started)

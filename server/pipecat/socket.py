"""Pipecat's clients over a WebSocket: RTVI and sound, in frames of protobuf, or as JSON beside plain PCM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from ...audio import AudioError, Resampler, from_bytes
from ...pipeline.units import MS
from ...transports.json_objects import read_object, write_object
from ...transports.socket.codings import Coding, CodingError
from ...transports.socket.signals import Answer, BadSignal, Data, Left, Said, Signal, Sound
from ..protocol import HangUp, to_json
from ..refusals import Refusal, sentence
from ..sockets.opening import Opening
from ..wall_clock import iso_time
from .dialect import Rtvi
from .frames import Audio, BadFrame, Told, audio_frame, message_frame, read_frame

__all__ = ["PipecatCodec", "rtvi_opening"]

_IN: Final = Coding("pcm16", 16_000)
_OUT: Final = Coding("pcm16", 24_000)
"""What the client plays at, whatever a frame says, unless it was made with another `playerSampleRate`."""
_RATES = range(8_000, 48_001)
_MOST_CHANNELS = 2
_AHEAD_NS = 100 * MS
"""Clients of today play what they have when they are spoken over, so little is sent ahead."""
_PLAYER_RATE = "player_rate"
_TOKEN = "token"


class PipecatCodec:
    """See ``Codec``: the words of one client.

    Args:
        framed: whether messages and sound come in frames of protobuf, as ``ProtobufFrameSerializer`` makes them.
        coding_out: what the client plays.
    """

    confirms = False

    def __init__(self, *, framed: bool, coding_out: Coding = _OUT) -> None:
        self.coding_in, self.coding_out = _IN, coding_out
        self.dialect = Rtvi(iso_time)
        self._framed = framed
        self._resampler: tuple[int, Resampler] | None = None

    def read(self, data: Data) -> Iterable[Signal]:
        """See ``Codec``."""
        if not self._framed:
            return self._message(data) if isinstance(data, str) else ((Sound(data),) if data else ())
        if isinstance(data, str):
            raise BadSignal("a text, among frames of protobuf")
        try:
            frame = read_frame(data)
        except BadFrame as error:
            raise BadSignal(str(error)) from None
        if isinstance(frame, Audio):
            return self._sound(frame)
        return self._message(frame.text) if isinstance(frame, Told) else ()

    def sound(self, payload: bytes) -> Data:
        """See ``Codec``."""
        return audio_frame(payload, self.coding_out.rate) if self._framed else payload

    def mark(self, name: str) -> Data | None:
        """There is no word for it."""
        return None

    def clear(self) -> Data | None:
        """Neither: see ``_AHEAD_NS``."""
        return None

    def key(self, key: str) -> Data | None:
        """Nor for this."""
        return None

    def say(self, message: Mapping[str, Any]) -> Data | None:
        """See ``Codec``. What concerns WebRTC alone is left out."""
        if message.get("type") == "signalling":
            return None
        text = write_object(message)
        return message_frame(text) if self._framed else text

    def _message(self, text: str) -> list[Signal]:
        message = read_object(text)
        if message is None:
            return []
        signals: list[Signal] = []
        for said in self.dialect.read(message):
            signals.append(Said(to_json(said)))
            if isinstance(said, HangUp):
                signals.append(Left())
        return [*(Answer(reply) for reply in self.dialect.replies()), *signals]

    def _sound(self, frame: Audio) -> list[Signal]:
        if frame.rate not in _RATES or not 0 < frame.channels <= _MOST_CHANNELS:
            raise BadSignal(f"sound of {frame.rate} Hz and {frame.channels} channels")
        if (frame.rate, frame.channels) == (_IN.rate, 1):
            return [Sound(frame.pcm)] if frame.pcm else []
        try:
            pcm = from_bytes(frame.pcm)
        except AudioError as error:
            raise BadSignal(str(error)) from None
        if frame.channels > 1:
            whole = pcm[: len(pcm) // frame.channels * frame.channels].reshape(-1, frame.channels)
            pcm = whole.mean(axis=1).astype(np.int16)
        if self._resampler is None or self._resampler[0] != frame.rate:
            self._resampler = (frame.rate, Resampler(frame.rate, _IN.rate))
        changed = self._resampler[1].process(pcm).astype("<i2", copy=False).tobytes()
        return [Sound(changed)] if changed else []


def rtvi_opening(data: Data, asked: Mapping[str, str]) -> Opening | None:
    """A client of Pipecat's: its first message is one of RTVI. The address has what ``/start`` has put there."""
    framed = isinstance(data, bytes)
    text = data
    if isinstance(data, bytes):
        try:
            frame = read_frame(data)
        except BadFrame:
            return None
        if not isinstance(frame, Told):
            return None
        text = frame.text
    assert isinstance(text, str)
    message = read_object(text)
    if message is None or message.get("label") != "rtvi-ai":
        return None
    codec = PipecatCodec(framed=framed, coding_out=_played_at(asked.get(_PLAYER_RATE, "")))
    return Opening(
        codec,
        kind="pipecat",
        token=asked.get(_TOKEN, ""),
        inputs={name: value for name, value in asked.items() if name not in (_TOKEN, _PLAYER_RATE, "agent")},
        agent=asked.get("agent"),
        dialect=codec.dialect,
        ahead_ns=_AHEAD_NS,
        replay=True,
        loose_inputs=True,
    )


def _played_at(rate: str) -> Coding:
    """What the client plays, by the rate that its address names. Raises ``Refusal`` (400)."""
    if not rate:
        return _OUT
    try:
        return Coding("pcm16", int(rate[:6]) if rate.isascii() and rate.isdigit() else 0).checked()
    except CodingError as error:
        raise Refusal(
            400, "bad_hello", f"`{_PLAYER_RATE}`: {sentence(error)}", "Leave it out for 24000 Hz."
        ) from None

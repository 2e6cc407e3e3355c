"""How sound is coded on a socket: PCM, mu-law, A-law, G.722, Opus; to samples and back, at any rate of the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from ...audio import AudioError, Pcm, Resampler, from_bytes, silence
from ...audio.companding import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from ..webrtc.opus.library import OpusError

__all__ = ["FRAME_MS", "Coding", "CodingError", "SoundDecoder", "SoundEncoder", "SoundEncoding"]

SoundEncoding = Literal["pcm16", "l16", "pcmu", "pcma", "g722", "opus"]
"""``pcm16`` is little-endian, ``l16`` big-endian (RFC 3551, section 4.5.11)."""

FRAME_MS = 20
"""What is sent at a time."""
_RATES: dict[str, tuple[int, ...]] = {
    "pcm16": (8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "l16": (8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "pcmu": (8_000,),
    "pcma": (8_000,),
    "g722": (16_000,),
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
}
_MOST_PIECE_MS = 2_000


class CodingError(ValueError):
    """Sound that is not in its coding, or a coding that there is not."""


class Coding(NamedTuple):
    """A coding of mono sound and its rate in hertz."""

    encoding: SoundEncoding = "pcm16"
    rate: int = 16_000

    def checked(self) -> Coding:
        """Itself. Raises ``CodingError``, which names what there is."""
        if self.encoding not in get_args(SoundEncoding):
            raise CodingError(
                f"there is no encoding {str(self.encoding)[:40]!r}; there is {', '.join(_RATES)}"
            )
        if self.rate not in _RATES[self.encoding]:
            rates = ", ".join(map(str, _RATES[self.encoding]))
            raise CodingError(f"{self.encoding} has no rate of {self.rate} Hz; it has {rates}")
        return self

    @property
    def frame(self) -> int:
        """How many samples are sent at a time."""
        return self.rate * FRAME_MS // 1_000


_Decode = Callable[[bytes], Pcm]


class SoundDecoder:
    """Decodes the pieces of one stream to samples at ``rate``. Raises ``CodingError`` for what is no such sound."""

    def __init__(self, coding: Coding, rate: int) -> None:
        self._coding, self._rate = coding, rate
        # Opus decodes to any of its rates; everything else has one.
        own = rate if coding.encoding == "opus" and rate in _RATES["opus"] else coding.rate
        self._own_rate = own
        self._decode = _decoder(coding, own)
        self._resampler = Resampler(own, rate)

    def decode(self, payload: bytes) -> Pcm:
        """The samples of a piece, as far as they can be told: a rate that has to be changed holds 2 ms back."""
        try:
            pcm = self._decode(payload)
        except (AudioError, OpusError) as error:
            raise CodingError(f"this is no {self._coding.encoding}: {error}") from None
        if len(pcm) > self._own_rate * _MOST_PIECE_MS // 1_000:
            raise CodingError(f"a piece of sound is longer than {_MOST_PIECE_MS} ms")
        return self._resampler.process(pcm)

    def fill(self, ms: int) -> Pcm:
        """Silence in the place of what did not come."""
        return self._resampler.process(silence(self._own_rate * ms // 1_000))


class SoundEncoder:
    """Encodes one stream, frame by frame of ``coding.frame`` samples at ``coding.rate``."""

    def __init__(self, coding: Coding) -> None:
        self.encode: Callable[[Pcm], bytes] = _encoder(coding)


def _decoder(coding: Coding, rate: int) -> _Decode:
    match coding.encoding:
        case "pcm16":
            return from_bytes
        case "l16":
            return lambda payload: from_bytes(payload).byteswap()
        case "pcmu":
            return mulaw_decode
        case "pcma":
            return alaw_decode
        case "g722":
            from .g722 import G722Decoder

            return G722Decoder().decode
        case "opus":
            from ..webrtc.opus import make_decoder

            return make_decoder(rate).decode


def _encoder(coding: Coding) -> Callable[[Pcm], bytes]:
    match coding.encoding:
        case "pcm16":
            return lambda pcm: pcm.astype("<i2", copy=False).tobytes()
        case "l16":
            return lambda pcm: pcm.astype(">i2").tobytes()
        case "pcmu":
            return mulaw_encode
        case "pcma":
            return alaw_encode
        case "g722":
            from .g722 import G722Encoder

            return G722Encoder().encode
        case "opus":
            from ..webrtc.opus import make_encoder

            encoder: Any = make_encoder(coding.rate)
            return lambda pcm: bytes(encoder.encode(np.ascontiguousarray(pcm)))

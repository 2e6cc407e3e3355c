"""Encoder and decoder by libopus. ``make_encoder`` and ``make_decoder`` take PyAV's where there is no libopus."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ....audio import Pcm
from .abi import ffi
from .library import OpusError, OpusLibrary, opus_library
from .packets import MOST_PACKET_SAMPLES, PACKET_MS, RATES, silence_packet

__all__ = ["AnyDecoder", "AnyEncoder", "OpusDecoder", "OpusEncoder", "make_decoder", "make_encoder"]

_VOIP = 2_048
_SET_BITRATE, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS, _SET_DTX = 4_002, 4_010, 4_012, 4_014, 4_016
_SET_SIGNAL, _SIGNAL_AUTO, _SIGNAL_MUSIC = 4_024, -1_000, 3_002
_RESET = 4_028
_MOST_BYTES = 1_276
_INT16 = np.dtype(np.int16)
_QUIET_NS = 100_000_000  # the encoder's look-ahead and the end of its ringing are out by then


class AnyEncoder(Protocol):
    """What encodes mono speech."""

    rate: int
    samples: int

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for ``samples`` samples."""
        ...

    def tune(
        self,
        *,
        bit_rate: int,
        complexity: int,
        fec: bool,
        loss_percent: int,
        dtx: bool = False,
        celt: bool = False,
    ) -> None:
        """Encode so from now on."""
        ...


class AnyDecoder(Protocol):
    """What decodes one stream of packets to mono."""

    rate: int

    def decode(self, packet: bytes) -> Pcm:
        """The sound of a packet. Raises ``OpusError``."""
        ...

    def decode_fec(self, packet: bytes, samples: int) -> Pcm:
        """The sound before a packet, from the copy in it. Raises ``OpusError``."""
        ...

    def conceal(self, samples: int) -> Pcm:
        """Something that sounds like what was lost."""
        ...

    def reset(self) -> None:
        """Forget what was decoded."""
        ...


class OpusEncoder:
    """Encodes mono speech; every setting can change between two packets.

    Silence costs nothing: libopus works harder on zeros than on speech, so after 100 ms of them a
    constant packet is given. What follows is encoded from a fresh start, because an encoder that was left out for
    a while no longer knows what the decoder does.

    Args:
        rate: one of ``RATES``.
        bit_rate: bits per second, 6,000 to 510,000.
        complexity: 0 to 10: more sounds a little better and costs CPU.
        frame_ms: 10, 20, 40 or 60: how much a packet holds.
        fec: put a coarse copy of the packet before into each one; takes part of the bit rate.
        loss_percent: the loss to be prepared for; without any there are no copies.
        dtx: packets of at most two bytes in pauses, which need not be sent.
        celt: encode all of the sound by CELT, where libopus would have SILK do the speech: a third of the CPU. From
            32 kb/s on it sounds the same (PESQ 4.2 to 4.4 either way); there are no copies and no ``dtx`` then.
        library: libopus; by default that of the process.

    Raises ``OpusError`` for a rate or length that Opus does not have, and where there is no libopus.
    """

    def __init__(
        self,
        rate: int,
        bit_rate: int = 32_000,
        *,
        complexity: int = 5,
        frame_ms: int = PACKET_MS,
        fec: bool = False,
        loss_percent: int = 0,
        dtx: bool = False,
        celt: bool = False,
        library: OpusLibrary | None = None,
    ) -> None:
        if rate not in RATES or frame_ms not in (10, 20, 40, 60):
            raise OpusError(f"Opus has no packets of {frame_ms} ms at {rate} Hz; rates are {RATES}")
        self.rate = rate
        self.samples = rate * frame_ms // 1_000
        """What ``encode`` takes."""
        self._library = _bound(library)
        error = ffi.new("int *")
        state = self._library.opus_encoder_create(rate, 1, _VOIP, error)
        if error[0]:
            raise OpusError(f"no Opus encoder: {_text(self._library, error[0])}")
        self._state = ffi.gc(state, self._library.opus_encoder_destroy)
        self._out = ffi.new("char[]", _MOST_BYTES)
        self._packet = ffi.buffer(self._out)
        self._silence = silence_packet(frame_ms)
        self._zeros = bytes(2 * self.samples)
        self._quiet_most = -(-_QUIET_NS // (frame_ms * 1_000_000))
        self._quiet = self._quiet_most
        self._settings: dict[int, int] = {}
        self.tune(
            bit_rate=bit_rate, complexity=complexity, fec=fec, loss_percent=loss_percent, dtx=dtx, celt=celt
        )

    @property
    def silent(self) -> bool:
        """Whether the last packet was the constant one."""
        return self._quiet > self._quiet_most

    def tune(
        self,
        *,
        bit_rate: int,
        complexity: int,
        fec: bool,
        loss_percent: int,
        dtx: bool = False,
        celt: bool = False,
    ) -> None:
        """Encode so from the next packet on; see the class. Raises ``OpusError`` for what libopus refuses."""
        wanted = {
            _SET_BITRATE: bit_rate,
            _SET_COMPLEXITY: complexity,
            _SET_FEC: int(fec),
            _SET_LOSS: loss_percent,
            _SET_DTX: int(dtx),
            # libopus has no setting for the codec, but it takes CELT for music.
            _SET_SIGNAL: _SIGNAL_MUSIC if celt else _SIGNAL_AUTO,
        }
        for setting, value in wanted.items():
            if self._settings.get(setting) != value:
                failed = self._library.opus_encoder_ctl(self._state, setting, ffi.cast("int32_t", value))
                if failed:
                    raise OpusError(f"Opus takes no {wanted}: {_text(self._library, failed)}")
                self._settings[setting] = value

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for ``samples`` samples, int16 of shape ``(samples,)``. Raises ``OpusError`` for other shapes."""
        if (pcm.dtype is not _INT16 and pcm.dtype != _INT16) or pcm.shape != (self.samples,):
            raise OpusError(f"an Opus packet takes int16 of shape ({self.samples},), got {pcm.shape}")
        # By its bytes: to ask an array for its address, or whether it is all zeros, costs more than the copy.
        data = pcm.tobytes()
        self._quiet = self._quiet + 1 if data == self._zeros else 0
        if self._quiet > self._quiet_most:
            if self._quiet == self._quiet_most + 1:
                self._library.opus_encoder_ctl(self._state, _RESET)
            return self._silence
        size = self._library.opus_encode(self._state, data, self.samples, self._out, _MOST_BYTES)
        if size < 0:
            raise OpusError(f"Opus could not encode: {_text(self._library, size)}")
        packet: bytes = self._packet[:size]
        return packet


class OpusDecoder:
    """Decodes one stream to mono at the rate that is wanted.

    Args:
        rate: one of ``RATES``, whatever the sender has.
        library: libopus; by default that of the process.

    Raises ``OpusError`` for a rate that Opus does not have, and where there is no libopus.
    """

    def __init__(self, rate: int, *, library: OpusLibrary | None = None) -> None:
        if rate not in RATES:
            raise OpusError(f"Opus cannot be decoded to {rate} Hz; rates are {RATES}")
        self.rate = rate
        self._library = _bound(library)
        error = ffi.new("int *")
        state = self._library.opus_decoder_create(rate, 1, error)
        if error[0]:
            raise OpusError(f"no Opus decoder: {_text(self._library, error[0])}")
        self._state = ffi.gc(state, self._library.opus_decoder_destroy)
        self._most = MOST_PACKET_SAMPLES * rate // 48_000
        self._room = ffi.new("char[]", 2 * self._most)
        self._pcm = ffi.buffer(self._room)

    def decode(self, packet: bytes) -> Pcm:
        """The sound of ``packet``, which nobody may change. Raises ``OpusError`` for no Opus; the next one may be."""
        if not packet:
            raise OpusError("an empty Opus packet")
        count = self._library.opus_decode(self._state, packet, len(packet), self._room, self._most, 0)
        if count < 0:
            raise OpusError(f"this is no Opus packet: {_text(self._library, count)}")
        return np.frombuffer(self._pcm[: 2 * count], np.int16)

    def decode_fec(self, packet: bytes, samples: int) -> Pcm:
        """The ``samples`` samples before ``packet``, from the copy in it; concealed where it has none.

        To be called before ``packet`` itself is decoded. ``samples`` is a multiple of 2.5 ms.
        """
        return self._decode(packet, samples, 1)

    def conceal(self, samples: int) -> Pcm:
        """``samples`` samples that continue what was heard; ``samples`` is a multiple of 2.5 ms."""
        return self._decode(None, samples, 0)

    def reset(self) -> None:
        """Forget what was decoded, as before the first packet."""
        self._library.opus_decoder_ctl(self._state, _RESET)

    def _decode(self, packet: bytes | None, samples: int, fec: int) -> Pcm:
        data, size = (ffi.NULL, 0) if packet is None else (packet, len(packet))
        count = self._library.opus_decode(self._state, data, size, self._room, samples, fec)
        if count < 0:
            raise OpusError(f"this is no Opus packet: {_text(self._library, count)}")
        return np.frombuffer(self._pcm[: 2 * count], np.int16)


def make_encoder(rate: int, bit_rate: int = 32_000, *, frame_ms: int = PACKET_MS) -> AnyEncoder:
    """An encoder of this process's library. Raises ``OpusError`` for what Opus does not have."""
    if opus_library().bound is not None:
        return OpusEncoder(rate, bit_rate, frame_ms=frame_ms)
    from .fallback import AvEncoder

    return AvEncoder(rate, bit_rate, frame_ms=frame_ms)


def make_decoder(rate: int) -> AnyDecoder:
    """A decoder of this process's library. Raises ``OpusError`` for a rate that Opus does not have."""
    if opus_library().bound is not None:
        return OpusDecoder(rate)
    from .fallback import AvDecoder

    return AvDecoder(rate)


def _bound(library: OpusLibrary | None) -> Any:
    bound = (library or opus_library()).bound
    if bound is None:
        raise OpusError(
            "there is no libopus on this machine; install it (Debian: libopus0) or a wheel of PyAV"
        )
    return bound


def _text(library: Any, code: int) -> str:
    return str(ffi.string(library.opus_strerror(code)).decode())

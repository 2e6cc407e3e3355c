"""WAV files: read whole, written whole or bit by bit.

Reads PCM of 8 to 32 bits and floats of 32 and 64 bits, plain or "extensible", with any number of channels,
and files whose writer died before it could fill in the sizes. Writes 16-bit PCM. Everything else is an
`AudioError` that names the file and what to do about it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from .pcm import AudioError, Pcm, check_pcm, float_to_pcm, to_bytes

__all__ = ["WavWriter", "read_wav", "write_wav"]

_TAG_PCM = 1
_TAG_FLOAT = 3
_TAG_EXTENSIBLE = 0xFFFE
_HEADER_BYTES = 44
_MOST_DATA_BYTES = 0xFFFF_FFFF - _HEADER_BYTES
_CONVERT = "convert it first, for instance with: ffmpeg -i INPUT -c:a pcm_s16le OUTPUT.wav"


class _Format(NamedTuple):
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(path: str | PathLike[str]) -> tuple[Pcm, int]:
    """Read a WAV file: samples as int16, shape `(samples,)` or `(samples, channels)`, and the rate in Hz.

    Raises `AudioError` when the file cannot be read or is not a WAV file of a known encoding.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror or error}") from error
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError(f"{path} is not a WAV file (no RIFF/WAVE header): {_CONVERT}")
    encoding: _Format | None = None
    for name, body in _chunks(data):
        if name == b"fmt ":
            encoding = _parse_format(path, body)
        elif name == b"data":
            if encoding is None:
                raise AudioError(f"{path} is damaged: its samples come before their format")
            return _decode(path, body, encoding), encoding.rate
    missing = "samples" if encoding else "format"
    raise AudioError(f"{path} is damaged or cut short: it holds no {missing}")


def write_wav(path: str | PathLike[str], pcm: Pcm, rate: int) -> None:
    """Write `pcm` as a 16-bit WAV file, replacing what is there. Raises as `WavWriter` does."""
    check_pcm(pcm)
    with WavWriter(path, rate, 1 if pcm.ndim == 1 else pcm.shape[1]) as writer:
        writer.write(pcm)


class WavWriter:
    """Write a 16-bit WAV file bit by bit; a context manager.

    The sizes in the header are brought up to date once in every second of audio, so that a program that gets
    killed leaves a good file that lacks its last second at most, and at `close`.

    Args:
        path: the file; what is there is replaced.
        rate: samples per second.
        channels: 1 for PCM of shape `(samples,)`, more for `(samples, channels)`.

    Raises `AudioError` when the file cannot be created.
    """

    def __init__(self, path: str | PathLike[str], rate: int, channels: int = 1) -> None:
        if not 0 < rate < 1 << 24 or not 0 < channels < 1 << 8:
            raise AudioError(f"cannot write {path}: {rate} Hz with {channels} channel(s) is no audio format")
        self.path = Path(path)
        self.rate = rate
        self.channels = channels
        self._bytes = 0
        self._stated_bytes = 0
        try:
            # A recording of people is for the owner of the file only.
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        except OSError as error:
            raise AudioError(f"cannot write {path}: {error.strerror or error}") from error
        self._state_sizes()

    @property
    def samples(self) -> int:
        """Samples written so far, per channel."""
        return self._bytes // (2 * self.channels)

    def write(self, pcm: Pcm) -> None:
        """Append samples.

        Raises `AudioError` when their shape does not fit `channels`, when the writer is closed, and before
        the file outgrows the 4 GiB that the format can hold.
        """
        if self._file.closed:
            raise AudioError(f"cannot write to {self.path}: it has been closed")
        if pcm.dtype != np.int16 or pcm.shape[1:] != (() if self.channels == 1 else (self.channels,)):
            raise AudioError(
                f"{self.path} takes int16 PCM of {self.channels} channel(s), "
                f"got {pcm.dtype} of shape {pcm.shape}"
            )
        if self._bytes + pcm.nbytes > _MOST_DATA_BYTES:
            raise AudioError(f"{self.path} is full: a WAV file holds 4 GiB, so start another one")
        self._file.write(to_bytes(pcm))
        self._bytes += pcm.nbytes
        if self._bytes - self._stated_bytes >= 2 * self.channels * self.rate:
            self._state_sizes()

    def close(self) -> None:
        """Complete the header and close the file; again is fine."""
        if self._file.closed:
            return
        try:
            self._state_sizes()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _state_sizes(self) -> None:
        """Rewrite the header with the sizes as they are now, and hand all to the operating system."""
        width = 2 * self.channels
        header = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            *(b"RIFF", _HEADER_BYTES - 8 + self._bytes, b"WAVE"),
            *(b"fmt ", 16, _TAG_PCM, self.channels, self.rate, self.rate * width, width, 16),
            *(b"data", self._bytes),
        )
        # The samples first: a header must not promise what is not in the file.
        self._file.flush()
        self._file.seek(0)
        self._file.write(header)
        self._file.flush()
        self._file.seek(0, 2)
        self._stated_bytes = self._bytes


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view = memoryview(data)
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"data" and size == 0:
            # Either empty, or never closed: what follows are samples unless it looks like a chunk's name.
            follows = bytes(view[at : at + 4])
            if not (len(follows) == 4 and follows.replace(b" ", b"").isalnum()):
                size = len(data) - at
        yield name, view[at : at + size]
        at += size + size % 2


def _parse_format(path: str | PathLike[str], body: memoryview) -> _Format:
    if len(body) < 16:
        raise AudioError(f"{path} is damaged: its format takes {len(body)} bytes instead of 16")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _TAG_EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    if (tag, bits) not in _READERS:
        raise AudioError(
            f"{path} has an encoding that cannot be read (tag {tag:#x}, {bits} bits): {_CONVERT}"
        )
    if channels == 0 or rate == 0:
        raise AudioError(f"{path} is damaged: it claims {channels} channels at {rate} Hz")
    return _Format(tag, channels, rate, bits)


def _decode(path: str | PathLike[str], body: memoryview, encoding: _Format) -> Pcm:
    frame = encoding.channels * encoding.bits // 8
    whole = len(body) // frame * frame  # the rest is half a sample of a file that was cut
    pcm = _READERS[encoding.tag, encoding.bits](body[:whole])
    return pcm if encoding.channels == 1 else pcm.reshape(-1, encoding.channels)


def _pcm8(body: memoryview) -> Pcm:
    return (np.frombuffer(body, np.uint8).astype(np.int16) - 128) * np.int16(256)


def _pcm16(body: memoryview) -> Pcm:
    return np.frombuffer(body, "<i2").astype(np.int16)


def _pcm24(body: memoryview) -> Pcm:
    return np.frombuffer(body, np.uint8).reshape(-1, 3)[:, 1:].copy().view("<i2")[:, 0].astype(np.int16)


def _pcm32(body: memoryview) -> Pcm:
    return np.frombuffer(body, "<i2")[1::2].astype(np.int16)


def _float32(body: memoryview) -> Pcm:
    return float_to_pcm(np.frombuffer(body, "<f4"))


def _float64(body: memoryview) -> Pcm:
    return float_to_pcm(np.frombuffer(body, "<f8"))


_READERS = {
    (_TAG_PCM, 8): _pcm8,
    (_TAG_PCM, 16): _pcm16,
    (_TAG_PCM, 24): _pcm24,
    (_TAG_PCM, 32): _pcm32,
    (_TAG_FLOAT, 32): _float32,
    (_TAG_FLOAT, 64): _float64,
}

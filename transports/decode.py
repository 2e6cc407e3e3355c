"""Reading audio files piece by piece, in any format that FFmpeg knows. Blocking: to be called in a thread.

WAV files are read by our own code, bit for bit; everything else, and WAV files too long to hold in memory,
by PyAV.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..audio import AudioError, Pcm, Resampler, read_wav, silence, to_mono
from ..pipeline.errors import TransportError

__all__ = ["AudioFile"]

_MOST_BYTES_AT_ONCE = 32 << 20
_PIECE_S = 1


class _Native(Protocol):
    """A file being read, in its own rate and channels."""

    rate: int
    channels: int

    def read(self) -> Pcm:
        """The next piece; empty at the end."""
        ...

    def close(self) -> None: ...


class AudioFile:
    """The sound of a file as ``rate`` Hz in ``channels`` channels, from its beginning.

    Raises ``TransportError`` when the file cannot be read, is no audio, or turns out to be damaged on the way.
    """

    def __init__(self, path: Path, rate: int, channels: int = 1) -> None:
        self.path = path
        self.rate = rate
        self.channels = channels
        # A cancelled reader leaves its thread behind, which must not find the file closed under its hands.
        self._lock = threading.Lock()
        self._native = _open(path)
        try:
            self._resampler: Resampler | None = Resampler(self._native.rate, rate, channels)
        except AudioError as error:
            self._native.close()
            raise TransportError(f"{path}: {error}") from error

    def read(self) -> Pcm:
        """About a second of sound, less at the end, then nothing; nothing after ``close`` either."""
        with self._lock:
            while self._resampler is not None:
                piece = self._native.read()
                if len(piece):
                    out = self._resampler.process(_mixed(piece, self.channels))
                else:
                    out = self._resampler.flush()
                    self._resampler = None
                if len(out):
                    return out
            return silence(0, self.channels)

    def close(self) -> None:
        """Let go of the file, as soon as a ``read`` under way is done; again is fine."""
        with self._lock:
            self._resampler = None
            self._native.close()


def _open(path: Path) -> _Native:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            is_wav = file.read(12)[8:] == b"WAVE"
    except OSError as error:
        raise TransportError(f"cannot read {path}: {error.strerror or error}") from error
    if is_wav and size <= _MOST_BYTES_AT_ONCE:
        try:
            return _WavFile(path)
        except AudioError:
            # An encoding that we do not read, or a damaged file: PyAV may know better, and says so if not.
            return _AvFile(path)
    return _AvFile(path)


def _mixed(pcm: Pcm, channels: int) -> Pcm:
    if (1 if pcm.ndim == 1 else pcm.shape[1]) == channels:
        return pcm[:, 0] if channels == 1 and pcm.ndim == 2 else pcm
    mono = to_mono(pcm)
    return mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)


class _WavFile:
    def __init__(self, path: Path) -> None:
        self._pcm, self.rate = read_wav(path)
        self.channels = 1 if self._pcm.ndim == 1 else self._pcm.shape[1]
        self._at = 0

    def read(self) -> Pcm:
        start, self._at = self._at, self._at + _PIECE_S * self.rate
        return self._pcm[start : self._at]

    def close(self) -> None:
        pass


class _AvFile:
    def __init__(self, path: Path) -> None:
        import av

        self._path = path
        try:
            self._container = av.open(str(path))
        except (av.FFmpegError, OSError) as error:
            raise TransportError(f"{path} is no audio that can be read: {error.strerror or error}") from error
        try:
            if not self._container.streams.audio:
                raise TransportError(f"{path} holds no sound: there is no audio stream in it")
            stream = self._container.streams.audio[0]
            self.rate = stream.codec_context.sample_rate
            self.channels = stream.codec_context.channels
            if not self.rate or not self.channels:
                raise TransportError(f"{path} is damaged: its audio stream has no format")
        except BaseException:
            self._container.close()
            raise
        self._pieces = self._decode()

    def read(self) -> Pcm:
        held: list[Pcm] = []
        while sum(map(len, held)) < _PIECE_S * self.rate and (piece := next(self._pieces, None)) is not None:
            held.append(piece)
        return np.concatenate(held) if held else silence(0, self.channels)

    def close(self) -> None:
        self._pieces.close()
        self._container.close()

    def _decode(self) -> Generator[Pcm, None, None]:
        import av

        stream = self._container.streams.audio[0]
        packed = av.AudioResampler(format="s16", layout=stream.codec_context.layout, rate=self.rate)
        try:
            for frame in self._container.decode(stream):
                for converted in packed.resample(frame):
                    yield self._samples(converted.to_ndarray())
            for converted in packed.resample(None):
                yield self._samples(converted.to_ndarray())
        except (av.FFmpegError, ValueError) as error:
            raise TransportError(f"{self._path} is damaged: {error}") from error

    def _samples(self, packed: Any) -> Pcm:
        flat: Pcm = packed.reshape(-1)
        return flat if self.channels == 1 else flat.reshape(-1, self.channels)

"""Reading audio files piece by piece, in any format that FFmpeg knows. Blocking: to be called in a thread.

WAV files are read by our own code, bit for bit; everything else, and WAV files too long to hold in memory,
by PyAV. What is damaged is left out, packet by packet, and counted; rates that our resampler does not take go through
FFmpeg's, and so does sound with more than two channels where two are wanted.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..audio import AudioError, Pcm, Resampler, read_wav, silence, to_mono
from ..pipeline.errors import TransportError

__all__ = ["AudioFile"]

_MOST_BYTES_AT_ONCE = 32 << 20
_PIECE_S = 1
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000
_SLOWEST_RATE, _FASTEST_RATE = 1_000, 3_072_000
"""Beyond them no header is right: a second would become hours."""
_BETWEEN_RATE = 48_000
"""Where the file's own rate is none that our resampler takes."""
_CONVERT = "convert it first, for instance with: ffmpeg -i INPUT -c:a pcm_s16le OUTPUT.wav"


class _Native(Protocol):
    """A file being read, in its own rate and channels."""

    rate: int
    channels: int
    damaged: int

    def read(self) -> Pcm:
        """The next piece; empty at the end."""
        ...

    def close(self) -> None: ...


class AudioFile:
    """The sound of a file as ``rate`` Hz in ``channels`` channels, from its beginning.

    Raises ``TransportError`` when the file cannot be read, is no audio, or has nothing in it that is whole.
    """

    def __init__(self, path: Path, rate: int, channels: int = 1) -> None:
        self.path = path
        self.rate = rate
        self.channels = channels
        # A cancelled reader leaves its thread behind, which must not find the file closed under its hands.
        self._lock = threading.Lock()
        self._native = _open(path, channels)
        try:
            self._resampler: Resampler | None = Resampler(self._native.rate, rate, channels)
        except AudioError as error:
            self._native.close()
            raise TransportError(f"{path}: {error}") from error

    @property
    def damaged(self) -> int:
        """How many packets could not be decoded so far and were left out."""
        return self._native.damaged

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


def _open(path: Path, channels: int) -> _Native:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            is_wav = file.read(12)[8:] == b"WAVE"
    except OSError as error:
        raise TransportError(f"cannot read {path}: {error.strerror or error}") from error
    if not size:
        raise TransportError(f"{path} is no audio that can be read: it is empty")
    if is_wav and size <= _MOST_BYTES_AT_ONCE:
        try:
            native = _WavFile(path)
        except AudioError as error:
            # An encoding that we do not read, or a damaged file: PyAV may know better, and says so if not.
            return _AvFile(path, channels, why=str(error))
        if _LOWEST_RATE <= native.rate <= _HIGHEST_RATE and not (native.channels > 2 and channels > 1):
            return native
    return _AvFile(path, channels)


def _mixed(pcm: Pcm, channels: int) -> Pcm:
    if (1 if pcm.ndim == 1 else pcm.shape[1]) == channels:
        return pcm[:, 0] if channels == 1 and pcm.ndim == 2 else pcm
    mono = to_mono(pcm)
    return mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)


class _WavFile:
    def __init__(self, path: Path) -> None:
        self._pcm, self.rate = read_wav(path)
        self.channels = 1 if self._pcm.ndim == 1 else self._pcm.shape[1]
        self.damaged = 0
        self._at = 0

    def read(self) -> Pcm:
        start, self._at = self._at, self._at + _PIECE_S * self.rate
        return self._pcm[start : self._at]

    def close(self) -> None:
        pass


def _opened(path: Path) -> Any:
    """The file as a container of PyAV; a title or an artist in an unknown encoding is no reason to refuse its sound."""
    import av

    # From 19 on PyAV never fails at them, and has no such parameter any more.
    lenient: dict[str, Any] = (
        {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}
    )
    return av.open(str(path), mode="r", **lenient)


class _AvFile:
    def __init__(self, path: Path, channels: int, why: str = "") -> None:
        import av

        self._path = path
        self.damaged = 0
        try:
            self._container = _opened(path)
        except (av.FFmpegError, OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or error
            raise TransportError(f"{path} is no audio that can be read: {told}") from error
        try:
            if not self._container.streams.audio:
                raise TransportError(f"{path} holds no sound: there is no audio stream in it")
            stream = self._container.streams.audio[0]
            if stream.codec_context is None:
                raise TransportError(why or f"{path}: {_unknown(path)}; {_CONVERT}")
            rate = stream.codec_context.sample_rate
            self.channels = stream.codec_context.channels
            if not rate or not self.channels:
                raise TransportError(f"{path} is damaged: its audio stream has no format")
            if not _SLOWEST_RATE <= rate <= _FASTEST_RATE:
                raise TransportError(f"{path} is damaged: {rate} samples a second are no sound")
        except BaseException:
            self._container.close()
            raise
        self.rate = rate if _LOWEST_RATE <= rate <= _HIGHEST_RATE else _BETWEEN_RATE
        self._layout = stream.codec_context.layout.name
        if self.channels > 2 and channels == 2:
            self.channels, self._layout = 2, "stereo"
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
        """All that can be decoded. What follows a damaged packet is sound again."""
        import av

        stream = self._container.streams.audio[0]
        converter = _Converter(self._layout, self.rate)
        decoded = False
        problem: Exception | None = None
        packets: Iterator[Any] = iter(self._container.demux(stream))
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                # The container itself ends here.
                problem, packet = error, None
                self.damaged += 1
            if packet is None:
                break
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError) as error:
                problem = error
                self.damaged += 1
                continue
            for frame in frames:
                decoded = True
                yield from map(self._samples, converter.feed(frame))
        yield from map(self._samples, converter.end())
        if problem is not None and not decoded:
            raise TransportError(f"{self._path} is damaged: {problem}") from problem

    def _samples(self, packed: Any) -> Pcm:
        flat: Pcm = packed.reshape(-1)
        return flat if self.channels == 1 else flat.reshape(-1, self.channels)


class _Converter:
    """Frames of any format as s16 of one layout and rate; their format may change on the way."""

    def __init__(self, layout: str, rate: int) -> None:
        self._layout, self._rate = layout, rate
        self._from: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def feed(self, frame: Any) -> Iterator[Any]:
        """The samples of ``frame``, as far as they are ready."""
        import av

        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._from:
            yield from self.end()
            self._from = form
            self._resampler = av.AudioResampler(format="s16", layout=self._layout, rate=self._rate)
        frame.pts = None
        for made in self._resampler.resample(frame):
            yield made.to_ndarray()

    def end(self) -> Iterator[Any]:
        """What was held back."""
        if self._resampler is not None:
            for made in self._resampler.resample(None):
                yield made.to_ndarray()
            self._resampler = None


def _unknown(path: Path) -> str:
    """What is known of an encoding that nobody knows."""
    with path.open("rb") as file:
        head = file.read(4_096)
    at = head.find(b"fmt ")
    if head[:4] == b"RIFF" and at >= 0 and len(head) >= at + 10:
        (tag,) = struct.unpack_from("<H", head, at + 8)
        return f"its encoding (WAV format tag 0x{tag:04x}) is none that FFmpeg can read"
    return "its encoding is none that FFmpeg can read"

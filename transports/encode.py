"""Writing audio files piece by piece: WAV by our own code, the usual compressed formats by PyAV."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from ..audio import AudioError, Pcm, WavWriter
from ..pipeline.errors import TransportError
from .encoding import Encoding

__all__ = ["CODECS", "AudioWriter", "open_writer"]

CODECS = {
    ".wav": "",
    ".flac": "flac",
    ".m4a": "aac",
    ".mp3": "libmp3lame",
    ".ogg": "libopus",
    ".opus": "libopus",
}
"""File name extensions that can be written, and the codec of each; WAV needs none."""


class AudioWriter(Protocol):
    """A file being written."""

    def write(self, pcm: Pcm) -> None:
        """Append samples."""
        ...

    def close(self) -> None:
        """Complete the file; again is fine."""
        ...


def open_writer(path: Path, rate: int, channels: int) -> AudioWriter:
    """Begin the file ``path``, in the format that its extension names, replacing what is there.

    Raises ``TransportError`` when it cannot be created or the extension is not one of ``CODECS``.
    """
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        raise TransportError(f"cannot write {path}: known are {', '.join(CODECS)}")
    try:
        return _AvWriter(path, codec, rate, channels) if codec else WavWriter(path, rate, channels)
    except AudioError as error:
        raise TransportError(str(error)) from error


class _AvWriter:
    def __init__(self, path: Path, codec: str, rate: int, channels: int) -> None:
        import av

        self._path = path
        try:
            # The first bytes are written with the first sound: whether the file can be created is asked before.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            container: Any = av.open(str(path), "w")
        except (av.FFmpegError, OSError) as error:
            raise TransportError(f"cannot write {path}: {error.strerror or error}") from error
        try:
            # A codec knows some rates only; the nearest above keeps all of the sound.
            known = sorted(av.codec.Codec(codec, "w").audio_rates or (rate,))
            fitting = next((choice for choice in known if choice >= rate), known[-1])
            self._encoding = Encoding(container, codec, rate, channels, stream_rate=fitting)
        except (av.FFmpegError, ValueError) as error:
            container.close()
            raise TransportError(f"cannot write {path}: {error}") from error

    def write(self, pcm: Pcm) -> None:
        import av

        try:
            self._encoding.write(pcm)
        except (av.FFmpegError, OSError) as error:
            raise TransportError(f"cannot write {self._path}: {error}") from error

    def close(self) -> None:
        self._encoding.close()

"""The sound of a record, written so that a crash leaves all but its last second to be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ...audio import AudioError, Pcm, WavWriter

__all__ = ["FORMATS", "SoundFile", "create", "open_sound"]

FORMATS = (".wav", ".flac", ".opus", ".ogg")
"""What a record can be, by its extension."""

_CODECS = {".flac": ("flac", "flac"), ".opus": ("ogg", "libopus"), ".ogg": ("ogg", "libopus")}
_PAGE_US = 500_000


class SoundFile(Protocol):
    """A file that is being written."""

    def write(self, samples: Pcm) -> None:
        """Append samples. Raises ``OSError``, ``AudioError``."""
        ...

    def close(self) -> None:
        """Complete the file. Raises ``OSError``; again is fine."""
        ...


def create(path: Path) -> BinaryIO:
    """A file that was not there before, for its owner only, without a buffer. Raises ``OSError``."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)


def open_sound(
    path: Path, rate: int, channels: int, opened: Callable[[Path], BinaryIO] = create
) -> SoundFile:
    """Begin the file ``path`` in the format that its extension names. Raises ``OSError``."""
    if path.suffix in _CODECS:
        return _Encoded(opened(path), *_CODECS[path.suffix], rate, channels)
    opened(path).close()
    return WavWriter(path, rate, channels)


class _Encoded:
    """FLAC and Opus, every packet handed to the system as it is made."""

    def __init__(self, file: BinaryIO, container: str, codec: str, rate: int, channels: int) -> None:
        import av

        self._file = file
        self._rate = rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._samples = 0
        options = {"flush_packets": "1"}
        if container == "ogg":
            options["page_duration"] = str(_PAGE_US)
        self._container: Any = av.open(file, "w", format=container, options=options, buffer_size=4096)
        self._stream: Any = self._container.add_stream(codec, rate=rate, layout=self._layout)

    def write(self, samples: Pcm) -> None:
        import av

        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
        self._samples += len(samples)
        self._mux(frame)

    def close(self) -> None:
        container, self._container = self._container, None
        if container is None:
            return
        import av

        try:
            if self._samples:
                container.mux(self._stream.encode(None))
            container.close()
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror or str(error)) from error
        finally:
            self._file.close()

    def _mux(self, frame: Any) -> None:
        import av

        if self._container is None:
            raise AudioError("the file is closed")
        try:
            self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror or str(error)) from error

"""The sound of a record, written so that a crash leaves all but its last second to be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ...audio import AudioError, Pcm, WavWriter
from ..encoding import Encoding

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
        options = {"flush_packets": "1"}
        if container == "ogg":
            options["page_duration"] = str(_PAGE_US)
        opened: Any = av.open(file, "w", format=container, options=options, buffer_size=4096)
        self._encoding = Encoding(opened, codec, rate, channels)

    def write(self, samples: Pcm) -> None:
        if not self._encoding.is_open:
            raise AudioError("the file is closed")
        with _as_os_errors():
            self._encoding.write(samples)

    def close(self) -> None:
        if not self._encoding.is_open:
            return
        try:
            with _as_os_errors():
                self._encoding.close()
        finally:
            self._file.close()


@contextmanager
def _as_os_errors() -> Iterator[None]:
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror or str(error)) from error

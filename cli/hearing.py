"""Where the sound of a tap goes: into a file, or out of the loudspeaker."""

from __future__ import annotations

import base64
import os
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from .exits import Exit, Fault

if TYPE_CHECKING:
    from ..audio import Pcm, Resampler
    from ..transports.record.audio_files import SoundFile

__all__ = ["Hearing", "Loudspeaker", "SoundInFile", "check_sound_file"]

_MOST_HELD_S = 120
"""A model speaks faster than it can be heard: so much of it waits for the loudspeaker."""


class Hearing(Protocol):
    """Takes the sound of a tap."""

    def take(self, frame: Mapping[str, Any], pcm: str | None) -> None:
        """One line of the tap, and its samples in base64 where it is sound. Raises ``Fault``."""
        ...

    def notes(self) -> list[str]:
        """What is to be said of it at the end."""
        ...

    def close(self) -> None:
        """Complete it."""
        ...


class _OneFormat:
    """All sound in the format of the first: rates and channels may change when a call's graph does."""

    def __init__(self) -> None:
        self.rate = self.channels = 0
        self._resampler: Resampler | None = None
        self._resampled = (0, 0)

    def samples(self, frame: Mapping[str, Any], pcm: str) -> Pcm:
        from ..audio import Resampler

        rate, channels = int(frame["rate"]), int(frame["channels"])
        flat = np.frombuffer(base64.b64decode(pcm), "<i2").astype(np.int16)
        if not self.rate:
            self.rate, self.channels = rate, channels
        shaped = flat.reshape(-1, channels)
        if channels != self.channels:
            mono = shaped.astype(np.int32).mean(axis=1).astype(np.int16)[:, None]
            shaped = np.repeat(mono, self.channels, axis=1)
        samples: Pcm = shaped[:, 0].copy() if self.channels == 1 else shaped
        if rate == self.rate:
            return samples
        if self._resampled != (rate, self.rate):
            self._resampler, self._resampled = Resampler(rate, self.rate, self.channels), (rate, self.rate)
        assert self._resampler is not None
        return self._resampler.process(samples)

    def silence(self, ms: float) -> Pcm:
        count = round(ms * self.rate / 1_000)
        return np.zeros(count if self.channels == 1 else (count, self.channels), np.int16)


def check_sound_file(path: Path) -> None:
    """Raise ``Fault`` for a file that sound cannot be kept in."""
    from ..transports.record.audio_files import FORMATS

    if path.suffix.lower() not in FORMATS:
        raise Fault(f"--out: {path} is none of {', '.join(FORMATS)}", code=Exit.USAGE)
    if path.is_dir():
        raise Fault(f"--out: {path} is a folder", code=Exit.USAGE)
    if not path.parent.is_dir():
        raise Fault(f"--out: there is no folder {path.parent}", code=Exit.USAGE)


class SoundInFile:
    """The sound in a file, for its owner only; what was lost is silence of the same length."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._format = _OneFormat()
        self._file: SoundFile | None = None
        self._samples = 0

    def take(self, frame: Mapping[str, Any], pcm: str | None) -> None:
        """One line of the tap."""
        if frame["type"] == "lost" and self._file is not None:
            self._write(self._format.silence(frame["ms"]))
        elif pcm is not None:
            self._write(self._format.samples(frame, pcm))

    def notes(self) -> list[str]:
        """How much there is."""
        if self._file is None:
            return [f"no sound came: {self._path} was not written"]
        return [f"{self._samples / self._format.rate:.1f} s of sound in {self._path}"]

    def close(self) -> None:
        """Complete the file."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                raise self._fault(error) from None

    def _write(self, samples: Pcm) -> None:
        from ..audio import AudioError
        from ..transports.record.audio_files import open_sound

        try:
            if self._file is None:
                self._file = open_sound(self._path, self._format.rate, self._format.channels, _replace)
            self._file.write(samples)
        except (OSError, AudioError) as error:
            raise self._fault(error) from None
        self._samples += len(samples)

    def _fault(self, error: Exception) -> Fault:
        return Fault(f"cannot write {self._path}: {getattr(error, 'strerror', None) or error}")


def _replace(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb", buffering=0)


class Loudspeaker:
    """The sound out of this machine's loudspeaker. ``Fault`` where there is none."""

    def __init__(self) -> None:
        try:
            import sounddevice
        except ImportError:
            raise Fault("--play needs sounddevice", "pip install 'livegraph[console]'") from None
        except OSError:
            raise Fault(
                "--play needs the library PortAudio, and it is not here",
                "Debian: apt-get install libportaudio2",
            ) from None
        try:
            sounddevice.query_devices(kind="output")
        except (sounddevice.PortAudioError, ValueError) as error:
            raise Fault(
                f"this machine has no loudspeaker: {error}", "keep the sound instead: --out FILE.wav"
            ) from None
        self._device = sounddevice
        self._format = _OneFormat()
        self._stream: Any = None
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._skipped = 0

    def take(self, frame: Mapping[str, Any], pcm: str | None) -> None:
        """One line of the tap."""
        if pcm is None:
            return
        piece = self._format.samples(frame, pcm).tobytes()
        if self._stream is None:
            self._start()
        most = _MOST_HELD_S * self._format.rate * self._format.channels * 2
        with self._lock:
            self._waiting.append(piece)
            self._bytes += len(piece)
            while self._bytes > most:
                dropped = self._waiting.popleft()
                self._bytes -= len(dropped)
                self._skipped += len(dropped)

    def notes(self) -> list[str]:
        """What was not played."""
        if not self._skipped:
            return []
        seconds = self._skipped / (2 * self._format.rate * self._format.channels)
        return [f"{seconds:.1f} s were not played: they came faster than they could be heard"]

    def close(self) -> None:
        """Fall silent."""
        if self._stream is not None:
            self._stream.close()

    def _start(self) -> None:
        try:
            self._stream = self._device.RawOutputStream(
                samplerate=self._format.rate,
                channels=self._format.channels,
                dtype="int16",
                callback=self._fill,
            )
            self._stream.start()
        except self._device.PortAudioError as error:
            raise Fault(
                f"the loudspeaker does not play: {error}", "keep the sound instead: --out FILE.wav"
            ) from None

    def _fill(self, out: Any, frames: int, time: object, status: object) -> None:
        """PortAudio's thread asks for the next samples."""
        wanted = len(out)
        pieces = bytearray()
        with self._lock:
            while self._waiting and len(pieces) < wanted:
                piece = self._waiting.popleft()
                room = wanted - len(pieces)
                pieces += piece[:room]
                if len(piece) > room:
                    self._waiting.appendleft(piece[room:])
            self._bytes -= len(pieces)
        out[:] = bytes(pieces).ljust(wanted, b"\x00")

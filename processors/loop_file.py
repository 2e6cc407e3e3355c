"""A file of sound that is played again and again: read once in a process, and once resampled to each rate."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakValueDictionary

from ..audio import AudioError, Pcm, Resampler, read_wav, to_mono
from ..audio.backing import SeamlessLoop

__all__ = ["LoopFile"]

_LONGEST_S = 600

_files: WeakValueDictionary[Path, LoopFile] = WeakValueDictionary()
_files_lock = threading.Lock()


class LoopFile:
    """One file, for all who play it; kept for as long as somebody has it. For threads: reading takes a while."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        """What the file was like when it was read, to know another one by."""
        self._sound: tuple[Pcm, int]
        self._loops: dict[int, SeamlessLoop] = {}

    @classmethod
    def of(cls, file: Path) -> LoopFile:
        """The one that everybody has who plays ``file``."""
        path = file.expanduser().absolute()
        with _files_lock:
            found = _files.get(path)
            if found is None:
                found = _files[path] = cls(path)
            return found

    def read(self) -> None:
        """Read it, unless it was read and has not changed. Raises ``OSError`` or ``AudioError``."""
        with self._lock:
            now = self._path.stat()
            if self._seen == (now.st_mtime_ns, now.st_size):
                return
            samples, rate = read_wav(self._path)
            if len(samples) > _LONGEST_S * rate:
                raise AudioError(f"it is longer than {_LONGEST_S // 60} minutes")
            sound = to_mono(samples)
            self._loops = {rate: SeamlessLoop(sound, rate)}
            self._sound, self._seen = (sound, rate), (now.st_mtime_ns, now.st_size)

    def known(self, rate: int) -> SeamlessLoop | None:
        """The loop at ``rate`` Hz, if somebody has asked for it."""
        return self._loops.get(rate)

    def at(self, rate: int) -> SeamlessLoop:
        """The loop at ``rate`` Hz, after ``read``."""
        with self._lock:
            if rate not in self._loops:
                samples, own = self._sound
                self._loops[rate] = SeamlessLoop(Resampler(own, rate).process(samples), rate)
            return self._loops[rate]

"""Have files changed, and come to rest? By what is in them; nothing here waits or knows the time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Look", "Watch", "look"]


@dataclass(frozen=True, slots=True)
class _Mark:
    """One file: what tells at a glance that it was not written since, and what is in it."""

    glance: tuple[int, int, int]
    digest: str


Look = Mapping[Path, _Mark | None]
"""How files were found; ``None`` for one that is not there or cannot be read."""


def look(files: Iterable[Path], before: Look) -> Look:
    """See how ``files`` are now. Only those that were written since the look ``before`` are read."""
    return {file: _mark(file, before.get(file)) for file in files}


def _mark(file: Path, before: _Mark | None) -> _Mark | None:
    try:
        status = file.stat()
        glance = (status.st_mtime_ns, status.st_size, status.st_ino)
        if before is not None and before.glance == glance:
            return before
        return _Mark(glance, hashlib.sha256(file.read_bytes()).hexdigest())
    except OSError:
        return None


class Watch:
    """Compares each look with how the files were when they were loaded."""

    def __init__(self) -> None:
        self.last: Look = {}
        """The newest look."""
        self._loaded: dict[Path, str] = {}

    def loaded(self, files: Iterable[Path], seen: Look) -> None:
        """The files that have a part in what was loaded, and how they were ``seen`` before that.

        What was only found while loading counts as it is now.
        """
        now = look((file for file in files if file not in seen), self.last)
        self.last = {file: seen.get(file) or now.get(file) for file in files}
        self._loaded = _contents(self.last)

    def settled(self, seen: Look) -> bool:
        """Whether the files are not as they were loaded, and as they were at the look before.

        Whoever saves a file in several steps is given the time until the next look.
        """
        contents, rests = _contents(seen), _contents(seen) == _contents(self.last)
        self.last = seen
        return rests and contents != self._loaded


def _contents(seen: Look) -> dict[Path, str]:
    return {file: "" if mark is None else mark.digest for file, mark in seen.items()}

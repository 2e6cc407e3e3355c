"""What files hold, for whoever makes agents of them: in a block they may be what they were at another time.

A server of several processes reads its agents once. Its workers make theirs of the same bytes, whenever they start and
whatever has become of the files since.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

__all__ = ["as_they_were", "held", "is_file", "noting", "read"]

_PIPE_WITHIN_MS = 10_000

_held: ContextVar[Mapping[Path, bytes] | None] = ContextVar("_held", default=None)
_noted: ContextVar[dict[Path, bytes] | None] = ContextVar("_noted", default=None)


@contextmanager
def as_they_were(contents: Mapping[Path, bytes]) -> Iterator[None]:
    """In the block these files, by their real paths, hold this; others hold what they do."""
    token = _held.set(contents)
    try:
        yield
    finally:
        _held.reset(token)


@contextmanager
def noting() -> Iterator[dict[Path, bytes]]:
    """What is read in the block, by real paths."""
    found: dict[Path, bytes] = {}
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def read(path: Path, most: int | None = None) -> bytes:
    """The first ``most`` bytes of a file, or all. Raises ``OSError``, and ``ValueError`` for what is no path."""
    found = held(path)
    if found is None:
        found = _read(path, most)
    elif most is not None:
        found = found[:most]
    noted = _noted.get()
    if noted is not None:
        noted[path.resolve()] = found
    return found


def _read(path: Path, most: int | None) -> bytes:
    if not stat.S_ISFIFO(path.stat().st_mode):
        with path.open("rb") as stream:
            return stream.read(most)
    # Nobody may ever write to it.
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found, watch = bytearray(), select.poll()
        watch.register(pipe, select.POLLIN)
        while most is None or len(found) < most:
            if not watch.poll(_PIPE_WITHIN_MS):
                raise OSError(
                    errno.ETIMEDOUT, f"nothing came from the pipe within {_PIPE_WITHIN_MS // 1000} s"
                )
            piece = os.read(pipe, 65_536)
            if not piece:
                break
            found += piece
        return bytes(found[:most])
    finally:
        os.close(pipe)


def is_file(path: Path) -> bool:
    """Whether there is one to read. Raises ``OSError``, and ``ValueError`` for what is no path."""
    return held(path) is not None or path.is_file()


def held(path: Path) -> bytes | None:
    """What a file was at another time, where that counts here."""
    contents = _held.get()
    return None if contents is None else contents.get(path.resolve())

"""Lines from stdin as they are typed, without keeping the event loop waiting."""

from __future__ import annotations

import asyncio
import os
import re
import threading

__all__ = ["TypedLines", "plain"]

_PIECE_BYTES = 4_096
_MOST_WAITING = 256
"""Lines that nobody has taken; then the reader waits, and with it who writes."""
_MOST_LINE_BYTES = 64 * 1024
_NOT_WORDS = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[NO].|.)?|[\x00-\x1f\x7f-\x9f]+")


def plain(line: str) -> str:
    """``line`` without what keys that are no letters (arrows, F1) and the terminal have put between the words."""
    return " ".join(_NOT_WORDS.sub(lambda found: "" if found[0][0] == "\x1b" else " ", line).split())


class TypedLines:
    """An async iterator over the lines of a file descriptor, to its end. Of one that is longer than 64 KiB the rest is
    left out.

    A thread reads, since a terminal, a pipe and a file have nothing in common that an event loop could wait for. It
    reads the descriptor itself: a lock on ``sys.stdin`` would keep Python from leaving while nobody types.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(_MOST_WAITING)
        self._thread = threading.Thread(target=self._read, args=(descriptor,), name="keyboard", daemon=True)
        self._thread.start()

    def __aiter__(self) -> TypedLines:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        self._room.release()
        if line is None:
            raise StopAsyncIteration
        return line

    def _read(self, descriptor: int) -> None:
        rest = b""
        while True:
            try:
                piece = os.read(descriptor, _PIECE_BYTES)
            except OSError:
                # A terminal that is gone says so by an error.
                piece = b""
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[:_MOST_LINE_BYTES]
            if not piece and rest:
                lines, rest = [rest], b""
            for line in lines:
                self._put(line.decode(errors="replace").rstrip("\r"))
            if not piece:
                self._put(None)
                return

    def _put(self, line: str | None) -> None:
        self._room.acquire()
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:
            # The loop is closed: nobody listens any more.
            return

"""What waits to be sent to the service: in order, bounded, and kept while there is no connection.

Audio is bounded by its length, everything else by number. A message that was taken comes back with ``put_back``
when it could not be sent, so a connection may break at any point and nothing is lost or sent twice.
"""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np
from numpy.typing import NDArray

from ....pipeline.units import MS, SECOND
from ..wire import encode_audio

__all__ = ["Outbox"]

_KEEP_NS = 120 * SECOND
"""Four times what reconnecting may take; 3.8 MB."""
_LONGEST_MESSAGE_NS = 100 * MS
"""What has piled up is sent in pieces of this length, the longest that the service advises."""
_MOST_MESSAGES = 1024

_Entry = str | tuple[NDArray[np.int16], int]


class Outbox:
    """A queue of audio (s16 mono) and encoded messages. One taker at a time."""

    def __init__(self, keep_ns: int = _KEEP_NS) -> None:
        self.dropped_ns = 0
        """Audio lost because nobody took it for too long."""
        self.held_ns = 0
        self._keep_ns = keep_ns
        self._entries: deque[_Entry] = deque()
        self._messages = 0
        self._taken: list[_Entry] = []
        self._filled = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether anything waits, or was taken and not confirmed."""
        return bool(self._entries or self._taken)

    def put_audio(self, samples: NDArray[np.int16], rate: int) -> None:
        """Queue sound; the oldest goes when there is too much."""
        self._entries.append((samples, rate))
        self.held_ns += len(samples) * SECOND // rate
        while self.held_ns > self._keep_ns and self._drop_oldest_audio():
            pass
        self._filled.set()

    def put(self, message: str) -> bool:
        """Queue an encoded message; ``False`` when there are too many of them."""
        if self._messages >= _MOST_MESSAGES:
            return False
        self._entries.append(message)
        self._messages += 1
        self._filled.set()
        return True

    async def filled(self) -> None:
        """Return when there is something to take."""
        while not self._entries:
            self._filled.clear()
            await self._filled.wait()

    def take(self) -> str | None:
        """The next message, or ``None``; sound that has piled up comes in longer pieces.

        It counts as waiting until ``sent`` or ``put_back``.
        """
        if not self._entries:
            return None
        first = self._leave()
        if isinstance(first, str):
            return first
        pieces, rate = [first[0]], first[1]
        length_ns = _duration_ns(first)
        while self._entries and not isinstance(following := self._entries[0], str):
            length_ns += _duration_ns(following)
            if length_ns > _LONGEST_MESSAGE_NS or following[1] != rate:
                break
            self._leave()
            pieces.append(following[0])
        pcm = b"".join(piece.astype("<i2", copy=False).tobytes() for piece in pieces)
        return encode_audio(pcm, rate).decode()

    def sent(self) -> None:
        """What was taken has been sent."""
        self._taken.clear()

    def put_back(self) -> None:
        """What was taken could not be sent: it is the next again."""
        while self._taken:
            entry = self._taken.pop()
            self._entries.appendleft(entry)
            self._count(entry, 1)
        self._filled.set()

    def _leave(self) -> _Entry:
        entry = self._entries.popleft()
        self._count(entry, -1)
        self._taken.append(entry)
        return entry

    def _count(self, entry: _Entry, sign: int) -> None:
        if isinstance(entry, str):
            self._messages += sign
        else:
            self.held_ns += sign * _duration_ns(entry)

    def _drop_oldest_audio(self) -> bool:
        for index, entry in enumerate(self._entries):
            if not isinstance(entry, str):
                del self._entries[index]
                self.held_ns -= _duration_ns(entry)
                self.dropped_ns += _duration_ns(entry)
                return True
        return False


def _duration_ns(entry: tuple[NDArray[np.int16], int]) -> int:
    return len(entry[0]) * SECOND // entry[1]

"""What is to be sent over a socket: bounded, sound apart from words, and what was cleared is not sent. Sans-IO."""

from __future__ import annotations

from collections import deque

from .signals import Data

__all__ = ["Outbox"]

_MOST_WORDS = 256
_MOST_SOUND = 50
"""A second: a far side that takes no more has enough, and the rest waits where it comes from."""


class Outbox:
    """In order, but for what is dropped: of too many words the oldest."""

    def __init__(self) -> None:
        self.lost = 0
        """Words that a far side did not take in time."""
        self._queue: deque[tuple[Data, bool]] = deque()
        self._sound = 0

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def full(self) -> bool:
        """Whether no more sound should be put in."""
        return self._sound >= _MOST_SOUND

    def put_sound(self, data: Data) -> None:
        """A piece of sound, or a mark after it."""
        self._queue.append((data, True))
        self._sound += 1

    def put_words(self, data: Data) -> None:
        """Anything else."""
        if len(self._queue) - self._sound >= _MOST_WORDS:
            oldest = next(at for at, (_, sound) in enumerate(self._queue) if not sound)
            del self._queue[oldest]
            self.lost += 1
        self._queue.append((data, False))

    def drop_sound(self) -> None:
        """What has not been sent of the sound is not to be sent."""
        self._queue = deque(entry for entry in self._queue if not entry[1])
        self._sound = 0

    def take(self) -> Data:
        """The next one. Raises ``IndexError`` when there is none."""
        data, sound = self._queue.popleft()
        self._sound -= sound
        return data

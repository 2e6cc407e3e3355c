"""The far side of a socket, with no network between: a pair of wires that may be late, and an ear that plays in real
time, remembers what was heard and when, and answers marks as a provider's buffer does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from livegraph.audio import Pcm
from livegraph.transports.socket.signals import Data
from livegraph.transports.socket.wire import WireClosed

__all__ = ["Ear", "MemoryWire"]


class MemoryWire:
    """The server's end is a ``Wire``; the far side has ``say``, ``listen`` and ``cut``. Each way takes ``delay_s``."""

    def __init__(self, listen: Callable[[Data], None], *, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.closed = ""
        """Why the server has closed it."""
        self.blocked = False
        """Whether the far side reads nothing."""
        self._listen = listen
        self._loop = asyncio.get_running_loop()
        self._in: asyncio.Queue[Data | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        # Timers of one time fire in any order; what they carry is in these.
        self._coming: deque[Data] = deque()
        self._going: deque[Data] = deque()

    def say(self, data: Data) -> None:
        """The far side sends."""
        self._coming.append(data)
        self._loop.call_later(self.delay_s, lambda: self._in.put_nowait(self._coming.popleft()))

    def cut(self) -> None:
        """The connection breaks."""
        self._in.put_nowait(None)

    async def receive(self) -> Data:
        """See ``Wire``."""
        data = await self._in.get()
        if data is None:
            raise WireClosed("the connection broke")
        return data

    async def send(self, data: Data) -> None:
        """See ``Wire``."""
        if self.blocked:
            await self._gone.wait()
        self._going.append(data)
        self._loop.call_later(self.delay_s, lambda: self._listen(self._going.popleft()))

    async def close(self, reason: str) -> None:
        """See ``Wire``."""
        self.closed = reason
        self._gone.set()


@dataclass
class Ear:
    """Plays what it is given, one sample after another, at ``rate``.

    Args:
        marked: told each mark when all before it was played.
        marks_when_cleared: whether marks of what was cleared are told as well, as telephones do.
    """

    rate: int
    marked: Callable[[str], None]
    marks_when_cleared: bool = False
    heard: list[tuple[float, Pcm]] = field(default_factory=list)
    """When each piece began to be heard, and its samples."""
    clears: list[float] = field(default_factory=list)
    most_held_s: float = 0.0

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Pcm | str] = deque()
        self._playing: Pcm | None = None
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held_s(self) -> float:
        """How much waits to be played."""
        return sum(len(one) for one in self._queue if not isinstance(one, str)) / self.rate

    def play(self, pcm: Pcm) -> None:
        """More sound."""
        self._queue.append(pcm)
        self.most_held_s = max(self.most_held_s, self.held_s)
        self._next()

    def mark(self, name: str) -> None:
        """Tell when all before it was played."""
        self._queue.append(name)
        self._next()

    def clear(self) -> None:
        """Forget what was not played."""
        self.clears.append(self._loop.time())
        if self._playing is not None:
            done = round((self._loop.time() - self._began) * self.rate)
            self.heard.append((self._began, self._playing[:done]))
            self._playing = None
            assert self._timer is not None
            self._timer.cancel()
        marks = [one for one in self._queue if isinstance(one, str)]
        self._queue.clear()
        if self.marks_when_cleared:
            for name in marks:
                self.marked(name)

    def samples(self) -> Pcm:
        """All that was heard, without the silence between."""
        return np.concatenate([pcm for _, pcm in self.heard]) if self.heard else np.zeros(0, np.int16)

    def gaps(self) -> list[float]:
        """The silences between what was heard, in seconds."""
        found = []
        for (began, pcm), (following, _) in zip(self.heard, self.heard[1:], strict=False):
            gap = following - began - len(pcm) / self.rate
            if gap > 1e-6:
                found.append(gap)
        return found

    def _next(self) -> None:
        while self._playing is None and self._queue:
            one = self._queue.popleft()
            if isinstance(one, str):
                self.marked(one)
                continue
            self._playing, self._began = one, self._loop.time()
            self._timer = self._loop.call_later(len(one) / self.rate, self._played)

    def _played(self) -> None:
        assert self._playing is not None
        self.heard.append((self._began, self._playing))
        self._playing = None
        self._next()

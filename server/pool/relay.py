"""An actor that passes messages on between the process with the pool and others that cannot be called by it.

A replica of Ray Serve is such a one: Serve calls it, and nobody else. It joins a relay, and has a line to the pool.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from .actors import InOrder, Outbox, stream_by
from .stream import Join

__all__ = ["Relay", "line_to"]

_POLL_S = 2.0
_SILENT_S = 10.0
"""Whoever has asked for nothing for so long is gone: it asks again as soon as it has an answer."""
_POOL, _OTHER = 0, 1


class _Line:
    """Two ends, each of which says what the other one hears."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._in = (InOrder(), InOrder())
        self._out = (Outbox(), Outbox())
        self._hearing = [0, 0]
        self._heard_s = [asyncio.get_running_loop().time()] * 2

    def say(self, end: int, number: int, data: bytes) -> None:
        for following in self._in[end].feed(number, data):
            if not self._out[1 - end].put(following):
                # Nobody fetches it: the other end is gone, or as good as that.
                self.end()

    async def hear(self, end: int) -> bytes | None:
        self._hearing[end] += 1
        try:
            return await self._out[end].take(self.over, _POLL_S)
        finally:
            self._hearing[end] -= 1
            self._heard_s[end] = asyncio.get_running_loop().time()

    def look(self) -> None:
        """End it when one of the ends is silent."""
        now_s = asyncio.get_running_loop().time()
        if any(
            not hearing and now_s - at_s > _SILENT_S
            for hearing, at_s in zip(self._hearing, self._heard_s, strict=True)
        ):
            self.end()

    def end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class Relay:
    """The actor. It ends with the process that has started it, and all lines with it.

    Args:
        path: where Python looks for modules in that process.
    """

    def __init__(self, path: Sequence[str]) -> None:
        sys.path[:] = [*sys.path, *(each for each in path if each not in sys.path)]
        self._lines: dict[int, _Line] = {}
        self._last = 0
        self._joined: asyncio.Queue[int] = asyncio.Queue()
        """No more than there are replicas, each of which joins anew only when its line is over."""

    async def join(self) -> int:
        """A line to the pool: its number."""
        self._last += 1
        self._lines[self._last] = _Line()
        self._joined.put_nowait(self._last)
        return self._last

    async def joined(self) -> int | None:
        """The next line that was joined, for the pool; ``None`` while there is none for a while."""
        for line in self._lines.values():
            line.look()
        self._lines = {number: line for number, line in self._lines.items() if not line.over.done()}
        try:
            async with asyncio.timeout(_POLL_S):
                return await self._joined.get()
        except TimeoutError:
            return None

    async def say(self, line: int, end: int, number: int, data: bytes) -> None:
        """See ``Mailbox``: from this end of the line."""
        if (there := self._lines.get(line)) is not None:
            there.say(end, number, data)

    async def hear(self, line: int, end: int) -> bytes | None:
        """See ``Mailbox``: at this end of the line."""
        there = self._lines.get(line)
        return None if there is None else await there.hear(end)

    async def leave(self, line: int) -> None:
        """End it."""
        if (there := self._lines.get(line)) is not None:
            there.end()


def line_to(relay: Any, line: int, *, of_pool: bool) -> Join:
    """A stream by this line of a relay, which ``relay`` is the handle of."""
    end = _POOL if of_pool else _OTHER
    return stream_by(partial(relay.say.remote, line, end), partial(relay.hear.remote, line, end))

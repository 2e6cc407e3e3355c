"""A clock that goes when it is told to, for code that takes time from a ``Clock`` and runs on no virtual loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from ..pipeline.units import DurationLike, duration_ns

__all__ = ["FakeClock"]


class FakeClock:
    """Shows ``now_ns`` until ``advance`` lets it go on; whoever sleeps until a time that has come is woken.

    ::

        clock = FakeClock()
        clock.advance("20ms")
        assert clock.now_ns() == ms(20)
    """

    def __init__(self, start: DurationLike = 0) -> None:
        self._now_ns = duration_ns(start)
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_ns(self) -> int:
        """Nanoseconds since the origin."""
        return self._now_ns

    async def sleep_until_ns(self, when_ns: int) -> None:
        """Return when ``advance`` has brought the clock to ``when_ns``."""
        if when_ns <= self._now_ns:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when_ns, next(self._order), sleeper))
        await sleeper

    def advance(self, duration: DurationLike) -> None:
        """Let the clock go on by ``duration`` at once, and wake those whose time has come, the earliest first."""
        self._now_ns += duration_ns(duration)
        while self._sleepers and self._sleepers[0][0] <= self._now_ns:
            _, _, sleeper = heapq.heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)

"""One beat every 20 ms for all calls of an event loop, instead of a timer for each."""

from __future__ import annotations

import asyncio

from ...pipeline.clock import clock_of_loop
from ...pipeline.units import MS, SECOND

__all__ = ["TICK_NS", "Ticker"]

TICK_NS = 20 * MS

_tickers: dict[asyncio.AbstractEventLoop, Ticker] = {}


class Ticker:
    """Counts periods of 20 ms. It runs while anybody holds it: each ``hold`` wants its ``release``."""

    def __init__(self) -> None:
        self._clock = clock_of_loop()
        self._loop = asyncio.get_running_loop()
        self._holders = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def hold(cls) -> Ticker:
        """The running loop's ticker."""
        loop = asyncio.get_running_loop()
        ticker = _tickers.get(loop)
        if ticker is None:
            ticker = _tickers[loop] = cls()
            ticker._set()
        ticker._holders += 1
        return ticker

    def release(self) -> None:
        """One holder less; without any the beat stops."""
        self._holders -= 1
        if not self._holders and self._timer is not None:
            self._timer.cancel()
            del _tickers[self._loop]
            self._wake()  # whoever waits looks why

    @property
    def count(self) -> int:
        """Whole periods since the ticker was made. It jumps when the loop was held up."""
        return self._clock.now_ns() // TICK_NS

    async def next(self) -> None:
        """Return at the next beat."""
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        await waiter

    def _set(self) -> None:
        # From the clock each time, so that late beats do not add up; never early, whatever the timer's resolution.
        due_ns = (self.count + 1) * TICK_NS
        delay_ns = due_ns - self._clock.now_ns()
        self._timer = self._loop.call_later(delay_ns / SECOND, self._beat, due_ns)

    def _beat(self, due_ns: int) -> None:
        if self._clock.now_ns() >= due_ns:
            self._wake()
        self._set()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

"""A timer that fires when nothing has happened for a while, at no cost per happening."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ....pipeline.clock import Clock
from ....pipeline.units import SECOND

__all__ = ["IdleTimer"]


class IdleTimer:
    """Calls ``fire`` once, ``after_ns`` after the last ``touch``; the next ``touch`` arms it again."""

    def __init__(self, clock: Clock, after_ns: int, fire: Callable[[], None]) -> None:
        self._clock = clock
        self._after_ns = after_ns
        self._fire = fire
        self._touched_ns = 0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def armed(self) -> bool:
        """Whether it was touched and has not fired since."""
        return self._handle is not None

    def touch(self) -> None:
        """Something happened."""
        self._touched_ns = self._clock.now_ns()
        if self._handle is None:
            self._wait(self._after_ns)

    def cancel(self) -> None:
        """Never mind."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wait(self, delay_ns: int) -> None:
        self._handle = asyncio.get_running_loop().call_later(delay_ns / SECOND, self._check)

    def _check(self) -> None:
        left_ns = self._touched_ns + self._after_ns - self._clock.now_ns()
        if left_ns > 0:
            self._wait(left_ns)
            return
        self._handle = None
        self._fire()

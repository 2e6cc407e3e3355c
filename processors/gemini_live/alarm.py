"""One timer whose time may change at any moment, at little cost per change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...pipeline.clock import Clock
from ...pipeline.units import SECOND

__all__ = ["Alarm"]


class Alarm:
    """Calls ``ring`` at the time that was ``set`` last."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._at_ns: int | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._handle_ns = 0

    def set(self, at_ns: int | None) -> None:
        """Ring at ``at_ns``, or not at all."""
        self._at_ns = at_ns
        # A timer that comes too early looks again: that is cheaper than a new one for every change.
        if at_ns is not None and (self._handle is None or at_ns < self._handle_ns):
            self._wait(at_ns)

    def cancel(self) -> None:
        """Never mind."""
        self._at_ns = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wait(self, at_ns: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        left_ns = max(0, at_ns - self._clock.now_ns())
        self._handle_ns = at_ns
        self._handle = asyncio.get_running_loop().call_later(left_ns / SECOND, self._look)

    def _look(self) -> None:
        self._handle = None
        if self._at_ns is None:
            return
        if self._clock.now_ns() < self._at_ns:
            self._wait(self._at_ns)
            return
        self._at_ns = None
        self._ring()

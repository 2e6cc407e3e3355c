"""One beat every 20 ms for all calls of an event loop, spread over the 20 ms so that bursts do not coincide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ....pipeline.clock import clock_of_loop, timer_s
from ....pipeline.units import MS

__all__ = ["TICK_NS", "Ticker", "TickerFacts", "beat_facts"]

TICK_NS = 20 * MS

_SLOTS = 4
_SLOT_NS = TICK_NS // _SLOTS
_LATE_NS = 10 * MS

_tickers: dict[asyncio.AbstractEventLoop, Ticker] = {}


@dataclass(slots=True)
class TickerFacts:
    """How the beat has gone."""

    beats: int = 0
    late: int = 0
    """Beats that came 10 ms late or more: the loop was held up."""
    latest_ns: int = 0
    """The worst of them."""


_facts = TickerFacts()


def beat_facts() -> TickerFacts:
    """How the beat has gone in this process."""
    return _facts


class Ticker:
    """Calls each of its members every 20 ms, in one of four slots; a slot without members costs nothing.

    ``join`` makes it run, ``leave`` undoes that; without members it is gone. Members raise nothing.
    """

    def __init__(self) -> None:
        self.facts = _facts
        self._loop = asyncio.get_running_loop()
        self._clock = clock_of_loop()
        self._slots: list[list[Callable[[], None]]] = [[] for _ in range(_SLOTS)]
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def join(cls, member: Callable[[], None]) -> Ticker:
        """Let the running loop's ticker call ``member`` from now on."""
        loop = asyncio.get_running_loop()
        ticker = _tickers.get(loop)
        if ticker is None:
            ticker = _tickers[loop] = cls()
        min(ticker._slots, key=len).append(member)
        # The slot may come before the one that is waited for.
        ticker._set()
        return ticker

    def leave(self, member: Callable[[], None]) -> None:
        """Call ``member`` no more; again is fine."""
        for slot in self._slots:
            if member in slot:
                slot.remove(member)
        if not any(self._slots):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if _tickers.get(self._loop) is self:
                del _tickers[self._loop]

    @property
    def members(self) -> int:
        """How many are called."""
        return sum(map(len, self._slots))

    def _set(self) -> None:
        """Wait for the next slot that has members."""
        if self._timer is not None:
            self._timer.cancel()
        now_ns = self._clock.now_ns()
        slot = now_ns // _SLOT_NS + 1
        while not self._slots[slot % _SLOTS]:
            slot += 1
        self._wait(slot, now_ns)

    def _wait(self, slot: int, now_ns: int) -> None:
        self._timer = self._loop.call_later(timer_s(slot * _SLOT_NS - now_ns), self._beat, slot)

    def _beat(self, slot: int) -> None:
        now_ns = self._clock.now_ns()
        if now_ns < slot * _SLOT_NS:
            # A timer may come a little early.
            self._wait(slot, now_ns)
            return
        self._timer = None
        late_ns = now_ns - slot * _SLOT_NS
        facts = self.facts
        facts.beats += 1
        if late_ns >= _LATE_NS:
            facts.late += 1
            facts.latest_ns = max(facts.latest_ns, late_ns)
        # Held up for longer than a slot: those that were missed come now, each once.
        missed = min(_SLOTS - 1, late_ns // _SLOT_NS)
        for number in range(slot, slot + missed + 1):
            for member in tuple(self._slots[number % _SLOTS]):
                try:
                    member()
                except Exception as error:  # one call's fault must not stop the beat of all others
                    self._loop.call_exception_handler(
                        {
                            "message": "a call's media failed in its beat",
                            "exception": error,
                            "callback": member,
                        }
                    )
        if any(self._slots):
            self._set()

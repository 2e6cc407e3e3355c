"""Who waits for a worker, and whose turn is next: whoever asked first. Bounded, and nobody waits for long.

To set a call up costs far more than to carry it for a second, and what it costs shows in a worker's measurements only
when it is too late. So each worker sets up few calls at a time; who comes meanwhile waits here for a moment, and is
told when to come back where a moment is not enough. Who comes back goes before those that come for the first time.
"""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Turns"]

_MOST_WAITING = 256
_MOST_KNOWN = 1_024
"""Offers that were refused, and may come back."""
_PACE_OVER_S = 5.0
_LEAST_PACE = 10.0
"""Calls a second that are reckoned with while nothing is known."""
_SOONEST_S, _LATEST_S = 2.0, 30.0

T = TypeVar("T")


@dataclass(order=True)
class _Waiting(Generic[T]):
    asked_s: float
    number: int
    kind: str = field(compare=False)
    take: Callable[[], T | None] = field(compare=False)
    given: asyncio.Future[T | None] = field(compare=False)


class Turns(Generic[T]):
    """The line in front of workers. Times are seconds of the event loop.

    Args:
        give_back: called with what a turn has taken when whoever waited for it is gone.
        most: how many may wait. When there are more, who came last is sent away.
    """

    def __init__(self, give_back: Callable[[T], None], most: int = _MOST_WAITING) -> None:
        self._give_back = give_back
        self._most = most
        self._line: list[_Waiting[T]] = []
        self._number = 0
        self._first_s: OrderedDict[str, float] = OrderedDict()
        """When those asked first that were sent away since."""
        self._given_s: deque[float] = deque(maxlen=1_024)
        self._next_s = 0.0

    @property
    def waiting(self) -> int:
        """How many are."""
        return len(self._line)

    async def turn(
        self, mark: str, take: Callable[[], T | None], within_s: float, kind: str = ""
    ) -> T | None:
        """What ``take`` gives as soon as it gives something and nobody who asked earlier can have it.

        ``None`` when it is late, or too many wait. ``mark`` is by what those are known who come back; whoever is sent
        away is remembered by it. Those of one ``kind`` find the same: what one has not found no other looks for.
        """
        loop = asyncio.get_running_loop()
        self._number += 1
        asked_s = self._first_s.setdefault(mark, loop.time())
        waiting = _Waiting(asked_s, self._number, kind, take, loop.create_future())
        insort(self._line, waiting)
        self.look()
        if len(self._line) > self._most:
            self._line.pop().given.set_result(None)
        try:
            await asyncio.wait({waiting.given}, timeout=max(0.0, within_s))
        except asyncio.CancelledError:
            if waiting.given.done() and (taken := waiting.given.result()) is not None:
                self._give_back(taken)
            raise
        finally:
            if waiting in self._line:
                self._line.remove(waiting)
            while len(self._first_s) > _MOST_KNOWN:
                self._first_s.popitem(last=False)
        return waiting.given.result() if waiting.given.done() else None

    def served(self, mark: str) -> None:
        """Whoever asked has what it asked for, or will not come back for it."""
        self._first_s.pop(mark, None)

    def look(self) -> None:
        """Something has changed: have those go whose turn it is."""
        now_s = asyncio.get_running_loop().time()
        in_vain: set[str] = set()
        for waiting in list(self._line):
            if waiting.kind in in_vain:
                continue
            if (taken := waiting.take()) is None:
                in_vain.update([waiting.kind] if waiting.kind else [])
            else:
                self._line.remove(waiting)
                self._given_s.append(now_s)
                waiting.given.set_result(taken)

    def come_back_s(self) -> int:
        """In how many seconds somebody who is sent away is to come back: one after the other, at the pace of late."""
        now_s = asyncio.get_running_loop().time()
        given = sum(at > now_s - _PACE_OVER_S for at in self._given_s)
        pace = max(_LEAST_PACE, given / _PACE_OVER_S)
        self._next_s = min(now_s + _LATEST_S, max(self._next_s, now_s + _SOONEST_S) + 1 / pace)
        return math.ceil(self._next_s - now_s)

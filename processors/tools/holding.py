"""A tool has its time and no more, whatever it does with its cancellation; nor does it hold anything longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ...pipeline.running.tasks import TaskKeeper, close_unbegun, is_cancelled
from ...pipeline.units import MS, SECOND

__all__ = ["HELD_LONGEST_NS", "Held", "TooLateError", "Watch", "within"]

T = TypeVar("T")

HELD_LONGEST_NS = 30 * SECOND
"""What goes on after its call keeps what it holds alone for so long: others wait for it, over all calls."""
_WIND_UP_NS = 2 * SECOND
"""From its deadline on a function that was cancelled may take so long to clean up."""
_GRACE_NS = 500 * MS
"""From its second cancellation, or that of its call, until it is left behind; a node has three seconds to stop."""
_A_DAY_NS = 86_400 * SECOND


class TooLateError(Exception):
    """A deadline of ours has passed; a function may well raise a ``TimeoutError`` of its own."""


async def within(limit_ns: int, answer: Awaitable[Any]) -> Any:
    """What ``answer`` comes to, which is cancelled after ``limit_ns``. Raises ``TooLateError`` then."""
    try:
        async with asyncio.timeout(limit_ns / SECOND) as deadline:
            return await answer
    except TimeoutError as error:
        if deadline.expired():
            raise TooLateError from error
        raise


class Held:
    """What a tool holds alone: free again when its call is over and nothing of it works any more, or 30 s later.

    Args:
        overdue: called when it is taken from what still works.
    """

    def __init__(self, overdue: Callable[[], None]) -> None:
        self.free: Callable[[], None] | None = None
        """Gives up what is held; ``None`` while that is nothing."""
        self._overdue = overdue
        self._users = 0
        self._timer: asyncio.TimerHandle | None = None

    def keep(self) -> Callable[[], None]:
        """It is held until what is returned is called, on the loop's thread."""
        self._users += 1
        return self._leave

    def close(self) -> None:
        """The call is over."""
        if self._users:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(HELD_LONGEST_NS / SECOND, self._give_up)
        else:
            self._free()

    def _leave(self) -> None:
        self._users -= 1
        if self._timer is not None and not self._users:
            self._timer.cancel()
            self._free()

    def _give_up(self) -> None:
        if self.free is not None:
            self._overdue()
            self._free()

    def _free(self) -> None:
        free, self.free = self.free, None
        if free is not None:
            free()


class Watch:
    """Runs what tools do in tasks of their own, so that one which ignores its cancellation can be left behind."""

    def __init__(self) -> None:
        self._keeper = TaskKeeper(_GRACE_NS)

    async def run(
        self,
        work: Callable[[Callable[[], None]], Awaitable[T]],
        limit_ns: int,
        name: str,
        held: Held,
        left_behind: Callable[[], None],
    ) -> T:
        """What ``work`` comes to, which keeps its deadline itself and calls its argument when that begins anew.

        Raises what it raises, and ``TooLateError`` where it goes on ``_WIND_UP_NS`` after the deadline.
        """
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        alarm: asyncio.TimerHandle | None = None
        made: list[T] = []
        cancelled: list[asyncio.CancelledError] = []

        def ring() -> None:
            if not over.done():
                over.set_result(None)

        def renew() -> None:
            nonlocal alarm
            if alarm is not None:
                alarm.cancel()
            alarm = loop.call_later((limit_ns + _WIND_UP_NS) / SECOND, ring)

        async def body() -> None:
            leave = held.keep()
            try:
                made.append(await work(renew))
            except asyncio.CancelledError as error:
                if is_cancelled():
                    raise
                # Something inside the function was cancelled, not the function.
                cancelled.append(error)
            finally:
                leave()

        renew()
        running = body()
        try:
            in_time = await self._keeper.within(running, _A_DAY_NS, name, left_behind, over)
        finally:
            if alarm is not None:
                alarm.cancel()
            close_unbegun(running)
        if not in_time:
            raise TooLateError
        if cancelled:
            raise cancelled[0]
        return made[0]

"""What a processor has going beside its handlers: tasks that it spawned, timers on the call's clock, offloaded work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ..clock import Clock
from ..graph.hops import is_async
from .offload import ProcessLimits
from .offloading import Offloading
from .strand import Strand
from .tasks import close_unbegun

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Background", "Spawned"]

T = TypeVar("T")


class Spawned:
    """A task that a processor started, or a timer. It is over with the node at the latest."""

    __slots__ = ("_body", "_cancel", "done")

    def __init__(self, body: Coroutine[Any, Any, object]) -> None:
        self.done = False
        """Whether it has ended, or was cancelled."""
        self._body = body
        self._cancel: Callable[[], object] | None = None

    def cancel(self) -> None:
        """End it now; again changes nothing."""
        if not self.done and self._cancel is not None:
            self._cancel()
        self.done = True
        close_unbegun(self._body)


class Background:
    """What one node has going. Its tasks begin when the call runs, those of ``start`` too."""

    __slots__ = ("_clock", "_going", "_node", "_offloading")

    def __init__(self, node: NodeRuntime, clock: Clock) -> None:
        self._node = node
        self._clock = clock
        self._going: dict[Spawned, None] = {}
        self._offloading: Offloading | None = None

    def spawn(self, body: Coroutine[Any, Any, object], name: str) -> Spawned:
        """Run ``body``; what it raises is a fault of the node."""
        spawned = Spawned(body)
        if self._node.ended or self._node.closed:
            spawned.cancel()
            return spawned
        self._going[spawned] = None
        spawned._cancel = self._node.reports.spawn(self._node, self._live(spawned, body, name), name)
        return spawned

    def after(self, delay_ns: int, then: Callable[[], Any]) -> Spawned:
        """Call ``then`` once, between two frames, ``delay_ns`` from now."""
        return self.spawn(self._later(delay_ns, then), "timer")

    def every(self, period_ns: int, then: Callable[[], Any]) -> Spawned:
        """Call ``then`` each ``period_ns``, the first time after one of them."""
        return self.spawn(self._again(period_ns, then), "timer")

    async def offload(
        self, function: Callable[..., T], process: bool | ProcessLimits, args: Any, kwargs: Any
    ) -> T:
        """``function`` beside the event loop; so much of one node at a time, in order."""
        if self._offloading is None:
            self._offloading = Offloading(self._node)
        return await self._offloading.do(function, process, args, kwargs)

    def cancel(self) -> None:
        """The node has ended, or its processor is replaced."""
        if self._going:
            for spawned in list(self._going):
                spawned.cancel()
            self._going.clear()

    async def _live(self, spawned: Spawned, body: Coroutine[Any, Any, object], name: str) -> None:
        Strand(self._node.name, self._node.now_ns).enter()
        try:
            await body
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling() or spawned.done:
                raise
            cause = RuntimeError("a spawned task was cancelled from within")
            self._node.blame(cause.with_traceback(error.__traceback__), name, skippable=False)
        except BaseException as error:
            self._node.blame(error, name, skippable=False)
        finally:
            spawned.done = True
            self._going.pop(spawned, None)

    async def _later(self, delay_ns: int, then: Callable[[], Any]) -> None:
        await self._clock.sleep_until_ns(self._clock.now_ns() + delay_ns)
        await self._fire(then)

    async def _again(self, period_ns: int, then: Callable[[], Any]) -> None:
        next_ns = self._clock.now_ns() + period_ns
        while True:
            await self._clock.sleep_until_ns(next_ns)
            await self._fire(then)
            # Those that were missed while something took longer are left out.
            now_ns = self._clock.now_ns()
            next_ns += (
                max(1, -(-(now_ns - next_ns) // period_ns)) * period_ns if now_ns >= next_ns else period_ns
            )

    async def _fire(self, then: Callable[[], Any]) -> None:
        if is_async(then):
            await then()
        else:
            self._node.between.when_free(then)

"""Work of one node beside the event loop: so much at the same time, in order, and cut with the turn that wants it.

What nobody waits for any more has not begun and never will, or is cut short: a process at it is ended; a thread, which
nobody can end, goes on for nothing. Either is counted and named.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..events import OffloadCut
from .offload import ProcessLimits, in_a_process
from .threads import DaemonThreads, outcome_of

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Offloading"]

logger = logging.getLogger("livegraph.call")

T = TypeVar("T")
_State = Literal["waits", "begun", "over", "dropped"]

_AT_ONCE = 8
"""So much work of one node is done at the same time; more waits, in order."""


class Offloading:
    """What ``node`` has given away."""

    __slots__ = ("_cut", "_node", "_slots", "_threads")

    def __init__(self, node: NodeRuntime) -> None:
        self._node = node
        self._threads = DaemonThreads(f"{node.name} offloads")
        # A thread that goes on for nothing keeps its place: however often turns are cut, there are no more of them.
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._cut = 0

    async def do(
        self,
        function: Callable[..., T],
        process: bool | ProcessLimits,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> T:
        """What ``function`` returns. Raises what it raises, ``OffloadError`` when it cannot go to a process."""
        await self._slots.acquire()
        if not process:
            return await self._in_a_thread(functools.partial(function, *args, **kwargs), _name_of(function))
        try:
            return await in_a_process(process, function, args, kwargs)
        except asyncio.CancelledError:
            self._tell_cut(_name_of(function), goes_on=False)
            raise
        finally:
            self._slots.release()

    async def _in_a_thread(self, work: Callable[[], T], name: str) -> T:
        loop = asyncio.get_running_loop()
        step = _Step(work, name, functools.partial(loop.call_soon_threadsafe, self._slots.release))
        try:
            return await outcome_of(self._threads, step)
        except asyncio.CancelledError:
            was = step.drop()
            if was == "waits":
                self._slots.release()
            elif was == "begun":
                self._tell_cut(name, goes_on=True)
            raise

    def _tell_cut(self, work: str, *, goes_on: bool) -> None:
        self._cut += 1
        node = self._node
        logger.log(
            logging.WARNING if goes_on else logging.INFO,
            "%s: nobody waits for %s any more; %s (%d so far)",
            node.name,
            work,
            "its thread goes on, for nothing" if goes_on else "it was ended in its process",
            self._cut,
        )
        events = node.processor.call.events
        if events.wants(OffloadCut):
            events.publish(
                OffloadCut(time_ns=node.now_ns(), node=node.name, work=work, goes_on=goes_on, count=self._cut)
            )


class _Step:
    """A function for a thread, which may be dropped before it begins. ``done`` is called in the thread at the end."""

    def __init__(self, work: Callable[[], Any], name: str, done: Callable[[], object]) -> None:
        self._work = work
        self._done = done
        self.__name__ = self.__qualname__ = name
        self._lock = threading.Lock()
        self._state: _State = "waits"

    def __call__(self) -> Any:
        with self._lock:
            if self._state == "dropped":
                return None
            self._state = "begun"
        try:
            return self._work()
        finally:
            with self._lock:
                self._state = "over"
            with contextlib.suppress(RuntimeError):  # the loop has gone
                self._done()

    def drop(self) -> _State:
        """Do not begin, unless that has happened; returns how far it was."""
        with self._lock:
            state = self._state
            if state == "waits":
                self._state = "dropped"
            return state


def _name_of(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__qualname__", type(function).__qualname__)

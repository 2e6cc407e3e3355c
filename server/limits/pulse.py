"""Looks at the event loop twenty times a second: how late it comes, and what its thread computes."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

from ...pipeline.clock import VirtualLoop
from ...pipeline.units import SECOND
from .blocked import BlockWatch
from .load import LOOK_EVERY_NS, Load

__all__ = ["Pulse"]


class Pulse:
    """While it is open, ``load`` is kept up to date, and a loop that is blocked is named in the log.

    On virtual time it does nothing: there the loop is never late.
    """

    def __init__(self, load: Load | None) -> None:
        self.load = load or Load()
        self.longest_ns = 0
        """The longest that the loop was ever late."""
        self._watch: BlockWatch | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if not isinstance(asyncio.get_running_loop(), VirtualLoop):
            self._watch = BlockWatch(time.monotonic_ns)
            self._watch.open()
            self._task = asyncio.create_task(self._beat(self._watch), name="loop pulse")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._watch is not None:
            self._watch.close()

    async def _beat(self, watch: BlockWatch) -> None:
        due_ns = time.monotonic_ns()
        while True:
            watch.beat()
            now_ns = time.monotonic_ns()
            self.load.look(now_ns, due_ns, time.thread_time_ns())
            self.longest_ns = max(self.longest_ns, now_ns - due_ns)
            due_ns = now_ns + LOOK_EVERY_NS
            await asyncio.sleep(LOOK_EVERY_NS / SECOND)

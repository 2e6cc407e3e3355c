"""Whose work runs: one line of it, and what it may wait for.

A node has at most two strands: its worker's and that of its ``run``. Code that a strand calls (handlers, plain boxes
behind them, tasks that they start) finds it in the context, so that a queue knows who filled it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..frames import Frame

if TYPE_CHECKING:
    from .edges import QueuedEdge

__all__ = ["Strand", "current_strand", "ring_of"]

current_strand: ContextVar[Strand | None] = ContextVar("livegraph_strand", default=None)


class Strand:
    """One line of work of the node ``name``."""

    __slots__ = ("_now_ns", "at", "cut", "filled", "name", "task", "waited_ns", "waits_for")

    def __init__(self, name: str, now_ns: Callable[[], int]) -> None:
        self.name = name
        self._now_ns = now_ns
        self.task: asyncio.Task[None] | None = None
        self.filled: dict[QueuedEdge, None] = {}
        """Blocking queues that were full after it had put something in."""
        self.waits_for: QueuedEdge | None = None
        """The queue that it waits for now."""
        self.waited_ns = 0
        """How long it has waited for room, since somebody set this to 0."""
        self.at: Frame | None = None
        """The frame that an async handler works on."""
        self.cut = False
        """Whether its task was cancelled because the turn of that frame is void."""

    def enter(self) -> None:
        """The running task works for this strand from now on."""
        self.task = asyncio.current_task()
        current_strand.set(self)

    async def room(self) -> None:
        """Return when every queue that it filled has room again.

        Never waits for a queue that only itself could empty, at once or around a circle of others that wait.
        """
        while self.filled:
            edge, _ = self.filled.popitem()
            while edge.full:
                if self._waits_for_itself(edge):
                    # Those of the circle that it has made room for take a step first.
                    await asyncio.sleep(0)
                    break
                self.waits_for = edge
                began_ns = self._now_ns()
                try:
                    await edge.has_room()
                finally:
                    self.waits_for = None
                    self.waited_ns += self._now_ns() - began_ns

    def _waits_for_itself(self, edge: QueuedEdge) -> bool:
        # Whoever joins last would close a circle, so looking once, before waiting, is enough.
        reader = edge.reader
        while reader is not None:
            if reader is self:
                return True
            reader = reader.waits_for.reader if reader.waits_for is not None else None
        return False


def ring_of(strand: Strand) -> list[Strand]:
    """The strands that wait for each other, ``strand`` among them; empty when one of them can go on."""
    ring: list[Strand] = []
    one: Strand | None = strand
    while one is not None and one not in ring:
        ring.append(one)
        one = one.waits_for.reader if one.waits_for is not None else None
    return ring if one is strand else []

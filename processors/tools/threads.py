"""Threads for tools that are plain functions, so many in one process."""

from __future__ import annotations

import threading

from ...pipeline.running.threads import DaemonThreads

__all__ = ["MOST_THREADS", "ToolThreads"]

MOST_THREADS = 256
"""Of one process."""


class ToolThreads(DaemonThreads):
    """Those of one router; all routers of the process share the number that there may be."""

    _all = 0
    _all_lock = threading.Lock()

    def __init__(self) -> None:
        super().__init__("tool")

    @classmethod
    def full(cls) -> bool:
        """Whether the whole process has as many as it may have: calls of many callers share them."""
        return cls._all >= MOST_THREADS

    def _count(self, change: int) -> None:
        super()._count(change)
        with ToolThreads._all_lock:
            ToolThreads._all += change

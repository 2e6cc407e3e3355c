"""A recorder in a test: asks, decides and tells as the real one, and keeps nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..transports.record import FinishedRecord, Recorder
from ..transports.record.lines import Head
from ..transports.record.spool import Spool

__all__ = ["RehearsedRecorder"]


class RehearsedRecorder(Recorder):
    """Says what a recorder says and follows the answer; a test is no call of anybody's, so no file is made."""

    def _open(self, head: Head) -> Spool:
        return _Nowhere(self._path, head)


class _Nowhere(Spool):
    """Takes everything and keeps none of it."""

    def __init__(self, path: Path, head: Head) -> None:
        self._path, self._head = path, head

    def sound(self, *_: Any) -> None:
        """See ``Spool``."""

    def cut(self, at_ns: int) -> None:
        """See ``Spool``."""

    def line(self, make: Callable[[], Any]) -> None:
        """See ``Spool``."""

    def is_due(self, now_ns: int) -> bool:
        """At once: whether somebody announces it is looked at then."""
        return True

    def hand_over(self, now_ns: int) -> None:
        """See ``Spool``."""

    def discard(self) -> None:
        """See ``Spool``."""

    async def finish(self, now_ns: int, reason: str) -> FinishedRecord | None:
        """The record that there would have been."""
        lines = self._path.with_suffix(".jsonl")
        return FinishedRecord(self._head.call, self._head.agent, lines, (self._path,), 0.0, True)

"""A worker that was started, as whoever starts it has it."""

from __future__ import annotations

from typing import Protocol

from .remote import RemoteWorker

__all__ = ["Started"]


class Started(Protocol):
    """A worker that has loaded all that calls need, and serves when it is told to."""

    @property
    def worker(self) -> RemoteWorker:
        """To ask it."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it can be asked for anything."""
        ...

    @property
    def ending(self) -> str:
        """How it ended, for the log, where that was not in order."""
        ...

    def kill(self) -> None:
        """End it at once, and its calls with it. Again is fine."""
        ...

    async def end(self, within_s: float) -> None:
        """Have it end its calls and itself; what is not over then is killed. Returns when it is gone."""
        ...

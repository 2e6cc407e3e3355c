"""Whether a worker is to be left out, replaced or killed: by what it reports, and whether it does. Sans-IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from .worker import WorkerReport

__all__ = ["Look", "Patience", "Watch"]

W = TypeVar("W")

_MOST_TIMES = 2
"""What a worker may have of its memory while it drains."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often somebody may look without having had a report. Looks, not seconds: who looks may be held as well."""

    silent: int
    """Offers go to others from then on, where there are some."""
    held: int
    """Its loop is held: another one takes its place."""
    dead: int
    """It is killed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found."""

    silent: bool = False
    kill: bool = False
    """Whether it cannot be waited for; ``why`` tells."""
    reason: str = ""
    """Why another one is to take its place, as metrics count it; empty where none is to."""
    why: str = ""
    """The same for people."""


class Watch(Generic[W]):
    """Looks at workers, each in turn.

    Args:
        patience: with those that report nothing.
        memory_bytes: what one may have; ``None`` for no limit.
    """

    def __init__(self, patience: Patience, memory_bytes: int | None = None) -> None:
        self._patience = patience
        self._memory_bytes = memory_bytes
        self._missed: WeakKeyDictionary[W, tuple[float, int]] = WeakKeyDictionary()

    def look(self, worker: W, report: WorkerReport, reported_s: float, *, draining: bool = False) -> Look:
        """Look at one: its last ``report``, when that came, and whether it takes no more calls already."""
        at, looks = self._missed.get(worker, (0.0, 0))
        looks = looks + 1 if at == reported_s else 0
        self._missed[worker] = (reported_s, looks)
        patience, most = self._patience, self._memory_bytes
        silent = looks >= patience.silent
        if looks >= patience.dead:
            return Look(silent, kill=True, why="it has not been heard of for long")
        if looks >= patience.held:
            return Look(silent, reason="held", why="its event loop is held")
        if most is not None and report.memory_bytes > most:
            has = f"it has {report.memory_bytes / 1e6:.0f} MB of memory"
            if draining and report.memory_bytes > _MOST_TIMES * most:
                # Before the system takes memory from whoever it likes.
                return Look(silent, kill=True, why=f"{has}, and goes on growing")
            return Look(silent, reason="memory", why=f"{has}, and may have {most / 1e6:.0f}")
        if report.leaving:
            return Look(silent, reason="asked", why="it was asked to end")
        return Look(silent)

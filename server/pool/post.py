"""One worker's post in a pool: its name, its calls, and what is known of it. Sans-IO."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ..calls.admission import Entry
from .placing import Place
from .worker import Worker, WorkerEvent

__all__ = ["Held", "Post"]


@dataclass(eq=False, slots=True)
class Held:
    """A call that a worker has."""

    entry: Entry
    reached: Callable[[], None]
    over: Callable[[], None]
    came: bool = False
    """Whether its caller was reached."""
    began_ns: int = 0
    """When it was placed; see ``Place.settled``."""


@dataclass(eq=False)
class Post:
    """A worker that has, or had, calls of this pool.

    ``name`` is part of the names of its calls, and no other worker ever has it; ``slot`` is the number that metrics
    and logs know it by, which its successor has as well.
    """

    name: str
    slot: int
    worker: Worker
    only: str = ""
    """The one agent that it serves; empty for all that have no workers of their own."""
    state: Literal["serving", "draining", "lost"] = "serving"
    silent: bool = False
    """Whether it has not reported for a while: its loop is held, or it is gone."""
    place: Place = field(default_factory=Place)
    held: dict[str, Held] = field(default_factory=dict)
    """By the worker's own names of its calls."""
    _early: dict[str, list[WorkerEvent]] = field(default_factory=dict)
    _answering: int = 0

    def begin(self, now_ns: int) -> None:
        """A call is being placed here."""
        self._answering += 1
        self.place.take(now_ns)

    def failed(self, began_ns: int) -> None:
        """One that began then did not come about, or is over without having been held."""
        self.place.calls -= 1
        self.place.settled(began_ns)
        self._ended_answering()

    def hold(self, own_name: str, held: Held) -> None:
        """It did. What the worker has told of it meanwhile counts now."""
        self.held[own_name] = held
        early = self._early.pop(own_name, ())
        self._ended_answering()
        for event in early:
            self.take(event)

    def take(self, event: WorkerEvent) -> None:
        """The worker tells of one of its calls."""
        held = self.held.get(event.pc_id)
        if held is None:
            if self._answering:
                # Its answer is under way to whoever asked.
                self._early.setdefault(event.pc_id, []).append(event)
        elif event.over:
            del self.held[event.pc_id]
            self.place.calls -= 1
            self.place.settled(held.began_ns)
            held.over()
        else:
            held.came = True
            self.place.settled(held.began_ns)
            held.reached()

    def lose(self) -> int:
        """The worker is gone and its calls with it; how many those were."""
        self.state = "lost"
        held, self.held = self.held, {}
        self.place.calls -= len(held)
        for call in held.values():
            call.over()
        return len(held)

    def shown(self) -> dict[str, Any]:
        """For operators."""
        report = self.place.report
        return {
            "worker": self.slot,
            "name": self.name,
            "pid": report.pid,
            "state": self.state,
            "calls": max(self.place.calls, report.active),
            "cpu": round(report.cpu, 3),
            "lag_ms": round(report.lag_ns / 1e6, 1),
            "memory_mb": round(report.memory_bytes / 1e6, 1),
            "udp_port": report.udp_port,
        }

    def _ended_answering(self) -> None:
        self._answering -= 1
        if not self._answering:
            self._early.clear()

"""The end of a stream in a loop: a node ends when what is under way round it has come home."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..units import SECOND, format_duration
from .node import NodeRuntime

__all__ = ["Draining", "Late"]

logger = logging.getLogger("livegraph.call")

Late = Callable[[NodeRuntime, str], None]


@dataclass(slots=True)
class _Leaving:
    node: NodeRuntime
    then: Callable[[], None]
    feeders: tuple[NodeRuntime, ...]
    timer: asyncio.TimerHandle


class Draining:
    """The nodes of a call whose inputs have ended and round which frames may still come.

    ``late(node, why)`` is told when ``limit_ns`` have passed; then the node ends all the same, and its queues
    count what they lose.
    """

    def __init__(self, limit_ns: int, feeders: Callable[[str], Iterable[NodeRuntime]], late: Late) -> None:
        self._limit_ns = limit_ns
        self._feeders = feeders
        self._late = late
        self._leaving: dict[str, _Leaving] = {}
        self._deadlines: dict[str, float] = {}
        self._given_up: set[str] = set()
        self._check: asyncio.Handle | None = None

    def add(self, node: NodeRuntime, then: Callable[[], None]) -> None:
        """Call ``then`` as soon as nothing is under way round ``node``."""
        feeders = tuple(self._feeders(node.name))
        if node.has_run and any(feeder.has_run and not feeder.ended for feeder in feeders):
            # Its own life is over, which it decided; nobody can say when the other's will be.
            then()
            return
        if node.name in self._given_up:
            then()
            return
        loop = asyncio.get_running_loop()
        # One deadline for a node, however often it goes round.
        until = self._deadlines.setdefault(node.name, loop.time() + self._limit_ns / SECOND)
        timer = loop.call_at(until, self._too_late, node.name)
        if (before := self._leaving.pop(node.name, None)) is not None:
            before.timer.cancel()
        self._leaving[node.name] = _Leaving(node, then, feeders, timer)
        self.look()

    def look(self) -> None:
        """Something has come to rest, or ended."""
        if self._leaving and self._check is None:
            # When the loop comes round: whoever says so is in the middle of a step.
            self._check = asyncio.get_running_loop().call_soon(self._look)

    def close(self) -> None:
        """The call is over."""
        for leaving in self._leaving.values():
            leaving.timer.cancel()
        self._leaving.clear()
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _look(self) -> None:
        self._check = None
        for name, leaving in list(self._leaving.items()):
            if all(
                node.is_idle for node in (*leaving.feeders, leaving.node) if node is not leaving.node
            ) and (_has_read_all(leaving.node)):
                # One at a time: what it says at its end may set the others going again.
                self._let_go(name)
                self.look()
                return

    def _too_late(self, name: str) -> None:
        self._given_up.add(name)
        node = self._leaving[name].node
        held = [
            f"{edge.stats.held} frame(s) on {edge.name}" for edge in node.intake.queues if edge.stats.held
        ]
        busy = [feeder.name for feeder in self._leaving[name].feeders if not feeder.is_idle]
        left = held + ([f"{', '.join(busy)} still at work"] if busy else [])
        self._late(
            node,
            f"did not drain within {format_duration(self._limit_ns)}; left: {'; '.join(left) or 'nothing'}",
        )
        self._let_go(name)

    def _let_go(self, name: str) -> None:
        leaving = self._leaving.pop(name)
        leaving.timer.cancel()
        leaving.then()


def _has_read_all(node: NodeRuntime) -> bool:
    at_work = node.muted or node.working or node.busy_since_ns is not None
    return node.ended or not (at_work or node.intake.holds_frames)

"""Nodes that do not come to their end although nothing more comes to them: each has a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..clock import Clock
from ..units import SECOND, format_duration
from .node import NodeRuntime
from .wire_up import Wiring

__all__ = ["Stragglers"]


class Stragglers:
    """Watches the nodes of a call whose forward inputs have all ended.

    One that has then been at the same frame, or at its ``on_end``, for ``limit_ns`` is given up: ``late(node, why)`` is
    told. What works off a long queue, or waits for room behind it, is none; nor is a node with a ``run`` of its own.
    """

    def __init__(
        self, wiring: Wiring, clock: Clock, limit_ns: int, late: Callable[[NodeRuntime, str], None]
    ) -> None:
        self._wiring = wiring
        self._clock = clock
        self._limit_ns = limit_ns
        self._late = late
        self._since: dict[NodeRuntime, int] = {}
        """From when on each has had nothing to come."""
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """A node has ended: others may be on their last frames."""
        now_ns = self._clock.now_ns()
        nodes = self._wiring.nodes
        open_inputs = {
            edge.target[0]
            for edge in self._wiring.layout.checked.edges
            if not edge.feedback and not nodes[edge.source[0]].ended
        }
        for name, node in nodes.items():
            if name not in open_inputs and not (node.ended or node.has_run):
                self._since.setdefault(node, now_ns)
        if self._since and self._timer is None:
            self._set_timer(self._limit_ns)

    def close(self) -> None:
        """The call is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._since.clear()

    def _set_timer(self, delay_ns: int) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_ns / SECOND, self._check)

    def _check(self) -> None:
        self._timer = None
        now_ns = self._clock.now_ns()
        wait_ns = self._limit_ns
        for node, since_ns in list(self._since.items()):
            if node.ended or node.closed:
                del self._since[node]
                continue
            at_ns = node.at_work_since_ns
            if at_ns is None or node.strand.waits_for is not None or node.muted:
                continue
            left_ns = max(at_ns, since_ns) + self._limit_ns - now_ns
            if left_ns > 0:
                wait_ns = min(wait_ns, left_ns)
                continue
            del self._since[node]
            what = "one frame" if node.busy_since_ns is not None else "its on_end"
            self._late(
                node,
                f"its inputs have ended, and it has been at {what} for {format_duration(self._limit_ns)}",
            )
        if self._since and self._timer is None:
            self._set_timer(wait_ns)

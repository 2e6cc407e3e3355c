"""Names the node that cannot keep up with the sound that passes through it.

What a plain handler costs is real time, whatever clock the call has: a computation takes no virtual time and holds up a
real call all the same. What an async handler costs is also what it waits for, but for waiting for room.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from ..clock import Clock, work_ns
from ..events import EventBus, NodeSlow
from ..frames import Frame
from ..units import MS, SECOND, format_duration

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["EVERY", "Pace", "TimedBody", "async_cost_ns"]

logger = logging.getLogger("livegraph.call")

_ENOUGH_NS = SECOND // 4
"""So much sound must have been looked at before a node is judged: two seconds of a stream."""
_TOO_SLOW = 1.2
"""Work of so many times the sound's own length is slower than real time, beyond what a busy machine explains."""
EVERY = 8
"""One frame of a node in so many is measured, and what it passes through in that step."""
_WAIT_AT_MOST = 4
"""What an async handler waits for counts up to so many times the frame's length: a paused speaker is no slow one."""


class Pace:
    """What the nodes of one call take for their sound."""

    def __init__(self, call_id: str, clock: Clock, events: EventBus) -> None:
        self._call_id = call_id
        self.now_ns = clock.now_ns
        """The call's time, the one function for all of its nodes."""
        self._events = events
        self._inner_ns = 0
        """What nodes inside the step that is measured have taken."""
        self.measuring = False
        """Whether the step that runs is measured, and so are the nodes that it passes through."""
        self._sums: dict[str, list[int]] = {}
        self._named: set[str] = set()

    def due(self, count: int) -> bool:
        """Whether the frame of this number is measured."""
        return not count % EVERY

    def timed(self, node: NodeRuntime, handler: Callable[[Any], Any], frame: Frame) -> Any:
        """``handler(frame)``, measured without what the nodes behind it take."""
        before_ns, self._inner_ns = self._inner_ns, 0
        outermost, self.measuring = not self.measuring, True
        began_ns = work_ns()
        try:
            return handler(frame)
        finally:
            took_ns = work_ns() - began_ns
            self.count(node, took_ns - self._inner_ns, frame.duration_ns)
            self._inner_ns = before_ns + took_ns
            if outermost:
                self.measuring, self._inner_ns = False, 0

    def count(self, node: NodeRuntime, took_ns: int, sound_ns: int) -> None:
        """``node`` took so much for so much sound; name it, once, when it is too slow for too long."""
        if not sound_ns or node.name in self._named:
            return
        sums = self._sums.setdefault(node.name, [0, 0])
        sums[0] += took_ns
        sums[1] += sound_ns
        if sums[1] < _ENOUGH_NS:
            return
        work, sound = sums
        self._sums[node.name] = [0, 0]
        if work > _TOO_SLOW * sound:
            self._named.add(node.name)
            logger.warning(
                "%s: %s is slower than real time: it takes %s for 20ms of sound; make it cheaper, or give its work to "
                "a thread",
                self._call_id,
                node.name,
                format_duration(20 * MS * work // sound),
            )
            if self._events.wants(NodeSlow):
                self._events.publish(
                    NodeSlow(time_ns=self.now_ns(), node=node.name, work_ns=work, sound_ns=sound)
                )


class TimedBody:
    """Awaits ``body`` and adds up what its steps take of real time."""

    def __init__(self, body: Coroutine[Any, Any, Any]) -> None:
        self.work_ns = 0
        self._body = body

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._body.__await__()
        given: Any = None
        raised: BaseException | None = None
        while True:
            began_ns = work_ns()
            try:
                waits_for = steps.send(given) if raised is None else steps.throw(raised)
            except StopIteration as end:
                return end.value
            finally:
                self.work_ns += work_ns() - began_ns
            given, raised = None, None
            try:
                given = yield waits_for
            except BaseException as error:
                raised = error


def async_cost_ns(body: TimedBody, waited_ns: int, sound_ns: int) -> int:
    """What an async handler took: its computing, or its waiting where that is more."""
    return max(body.work_ns, min(waited_ns, _WAIT_AT_MOST * sound_ns))

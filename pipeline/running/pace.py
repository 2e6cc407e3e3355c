"""Names the node that cannot keep up with the sound that passes through it.

What a handler computes is real time, whatever clock the call has: a computation takes no virtual time and holds up a
real call all the same. What an async handler costs is also what it waits for, but for waiting for room.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..clock import Clock, work_ns
from ..events import EventBus, NodeSlow
from ..frames import Frame
from ..units import MS, SECOND, format_duration
from .results import is_lazy

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Meter", "Pace"]

logger = logging.getLogger("livegraph.call")

_ENOUGH_NS = SECOND // 2
"""So much sound in a row is looked at before a node that took too long once is judged."""
_TOO_SLOW = 1.2
"""Work of so many times the sound's own length is slower than real time, beyond what a busy machine explains."""
_EVERY = 61
"""One frame in so many is measured. No small multiple of anything: who works on every second or tenth only is met."""
_FIRST = 5
"""The first that is measured, past what a node does once."""
_WAIT_AT_MOST = 4
"""What an async handler waits for counts up to so many times the frame's length: a paused speaker is no slow one."""


class Pace:
    """What the nodes of one call take for their sound."""

    __slots__ = (
        "_call_id",
        "_events",
        "_fresh",
        "_named",
        "_suspects",
        "inner_ns",
        "measuring",
        "now_ns",
        "step_measured",
    )

    def __init__(self, call_id: str, clock: Clock, events: EventBus) -> None:
        self._call_id = call_id
        self.now_ns = clock.now_ns
        """The call's time, the one function for all of its nodes."""
        self._events = events
        self.measuring = 0
        """How many have every frame measured now: a step that is measured, and each node under suspicion."""
        self.inner_ns = 0
        """What nodes inside the step that is measured have taken."""
        self._fresh = 0
        self.step_measured = False
        """Whether all that the frame at hand passes through in its step is measured."""
        self._suspects: dict[str, list[int]] = {}
        """By node that took too long for a frame: its work and its sound since then."""
        self._named: set[str] = set()

    def due(self, count: int) -> bool:
        """Whether the frame of this number is measured."""
        return self.measuring > 0 or count % _EVERY == _FIRST

    def sound_came(self) -> None:
        """Samples that are new have come up somewhere, and are on their way."""
        self._fresh += 1
        if self._fresh % _EVERY == _FIRST and not self.step_measured:
            self.step_measured = True
            self.measuring += 1

    def end_step(self) -> None:
        """What was ``step_measured`` is over."""
        self.step_measured = False
        self.measuring -= 1

    def timed(self, node: NodeRuntime, handler: Callable[[Any], Any], frame: Frame) -> Any:
        """``handler(frame)``, measured without what the nodes behind it take; what a generator yields is sent."""
        meter = Meter(self)
        with meter:
            result = handler(frame)
            if is_lazy(result):
                # Its work is done as it is asked for more.
                node.answer(result)
                result = None
        self.count(node, meter.work_ns, frame.duration_ns)
        return result

    def count(self, node: NodeRuntime, took_ns: int, sound_ns: int) -> None:
        """``node`` took so much for so much sound; name it, once, when it is too slow for too long."""
        sums = self._suspects.get(node.name)
        if sums is None:
            if took_ns > _TOO_SLOW * sound_ns > 0 and node.name not in self._named:
                # It may have been the machine. Those that follow tell.
                self._suspects[node.name] = [0, 0]
                self.measuring += 1
            return
        sums[0] += took_ns
        sums[1] += sound_ns
        work, sound = sums
        if sound < _ENOUGH_NS:
            return
        del self._suspects[node.name]
        self.measuring -= 1
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


class Meter:
    """Adds up what the steps of one handler at one frame compute: a ``with`` around each, in which nothing waits."""

    __slots__ = ("_before_ns", "_began_ns", "_pace", "inner_ns", "work_ns")

    def __init__(self, pace: Pace) -> None:
        self.work_ns = 0
        """Its own."""
        self.inner_ns = 0
        """What nodes behind it did within its steps."""
        self._pace = pace

    def __enter__(self) -> None:
        pace = self._pace
        pace.measuring += 1
        self._before_ns, pace.inner_ns = pace.inner_ns, 0
        self._began_ns = work_ns()

    def __exit__(self, *error: object) -> None:
        took_ns = work_ns() - self._began_ns
        pace = self._pace
        pace.measuring -= 1
        self.work_ns += took_ns - pace.inner_ns
        self.inner_ns += pace.inner_ns
        pace.inner_ns = self._before_ns + took_ns

    def cost_ns(self, passed_ns: int, sound_ns: int) -> int:
        """What an async handler took in ``passed_ns`` of the call's time: its computing, or its waiting where that is
        more."""
        return max(self.work_ns, min(passed_ns - self.inner_ns, _WAIT_AT_MOST * sound_ns))

    def each(self, many: Iterable[Any]) -> Iterator[Any]:
        """What ``many`` gives, each step of it measured."""
        items = iter(many)
        while True:
            with self:
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def awaiting(self, body: Awaitable[Any]) -> Awaitable[Any]:
        """``body``, to be awaited, its steps measured."""
        return _Metered(self, body)


class _Metered:
    def __init__(self, meter: Meter, body: Awaitable[Any]) -> None:
        self._meter = meter
        self._body = body

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Any = self._body.__await__()
        given: Any = None
        raised: BaseException | None = None
        while True:
            with self._meter:
                try:
                    waits_for = steps.send(given) if raised is None else steps.throw(raised)
                except StopIteration as end:
                    return end.value
            given, raised = None, None
            try:
                given = yield waits_for
            except BaseException as error:
                raised = error

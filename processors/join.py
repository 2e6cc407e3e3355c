"""Join: several streams into one.

Ports: ``inputs`` in, any number of edges and any kind of frame; ``out`` out. By default frames pass as they come.
``order: time`` puts them in order of their times: a frame waits until every other input has a later one, has ended,
or ``wait`` is over. ``order: sequence`` passes the first input to its end, then the second, and so on; what comes
early is kept.

Example:
    join: {order: time, wait: 100ms}
"""

import asyncio
from collections import deque
from typing import Annotated, Literal

from ..pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Doc,
    Duration,
    EdgeEnd,
    Frame,
    Ins,
    InterruptFrame,
    Out,
    Processor,
    ProcessorError,
    Range,
)

__all__ = ["Join"]


class Join(Processor):
    """Make one stream of several.

    Example:
        join: {order: time, wait: 100ms}
    """

    inputs: Ins[AudioFrame | Frame] = Ins(doc="the streams, one edge each")
    out: Out[AudioFrame | Frame] = Out(like="inputs", doc="all of their frames")

    def __init__(
        self,
        *,
        order: Annotated[
            Literal["arrival", "time", "sequence"],
            Doc("frames as they come, by their times, or one whole stream after the other"),
        ] = "arrival",
        wait: Annotated[
            Duration, Range(0, 60 * SECOND), Doc("how long a frame waits for earlier ones, with order: time")
        ] = 100 * MS,
        limit: Annotated[
            int, Range(1, 1_000_000), Doc("the most frames kept for their place in the order")
        ] = 10_000,
    ) -> None:
        self._order, self._wait_ns, self._limit = order, wait, limit
        self._held: list[deque[tuple[int, Frame]]] = []
        """For each open input what waits: when it came, and the frame."""
        self._ended: list[bool] = []
        self._changed = asyncio.Event()
        self._over = False

    async def start(self) -> None:
        count = len(self.inputs.edges)
        self._held = [deque() for _ in range(count)]
        self._ended = [False] * count

    def on_inputs(self, frame: Frame, edge: EdgeEnd) -> None:
        if self._order == "arrival":
            self.out.emit(frame)
            return
        if sum(map(len, self._held)) >= self._limit:
            raise ProcessorError(
                self.name,
                f"keeps {self._limit} frames already",
                remedy="raise its limit, or let it wait for less",
            )
        self._held[edge.index].append((self.call.clock.now_ns(), frame))
        self._release()

    def on_rewired(self) -> None:
        # Those that are new come last; what is held keeps its place.
        more = len(self.inputs.edges) - len(self._held)
        self._held += [deque() for _ in range(more)]
        self._ended += [False] * more

    def on_input_end(self, port: str, edge: EdgeEnd) -> None:
        self._ended[edge.index] = True
        self._release()

    def on_interrupt(self, frame: InterruptFrame) -> None:
        for index, held in enumerate(self._held):
            self._held[index] = deque(one for one in held if not 0 < one[1].turn <= frame.turn)

    def on_end(self) -> None:
        self._over = True
        self._changed.set()

    async def run(self) -> None:
        """Hand on what has waited long enough."""
        while not self._over:
            self._changed.clear()
            came = [held[0][0] for held in self._held if held] if self._order == "time" else []
            if not came:
                await self._changed.wait()
                continue
            left_ns = min(came) + self._wait_ns - self.call.clock.now_ns()
            try:
                async with asyncio.timeout(max(0, left_ns) / SECOND):
                    await self._changed.wait()
            except TimeoutError:
                self._release()

    def _release(self) -> None:
        if self._order == "sequence":
            for held, ended in zip(self._held, self._ended, strict=True):
                while held:
                    self.out.emit(held.popleft()[1])
                if not ended:
                    break
        else:
            while (first := self._earliest()) is not None:
                self.out.emit(first.popleft()[1])
        self._changed.set()

    def _earliest(self) -> deque[tuple[int, Frame]] | None:
        """The queue whose first frame is next in time; ``None`` while an earlier one may still come."""
        waiting = [held for held in self._held if held]
        if not waiting:
            return None
        first = min(waiting, key=lambda held: held[0][1].time_ns)
        complete = all(held or ended for held, ended in zip(self._held, self._ended, strict=True))
        oldest_ns = min(held[0][0] for held in waiting)
        waited = self.call.clock.now_ns() - oldest_ns >= self._wait_ns
        return first if complete or waited else None

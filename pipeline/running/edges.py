"""Edges: what joins an output to an input, what it does when full, and what it counts."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import NoReturn

from ..errors import LivegraphError
from ..frames import EndFrame, Frame, Turn, cuts, source_of
from ..policy import Policy
from ..ports import Room
from .strand import Strand, current_strand

__all__ = ["CAP", "EdgeStats", "QueueOverflowError", "QueuedEdge", "Voided", "refuse_overflow"]

CAP = 4
"""A step may overfill a blocking queue to so many times its bound."""


class EdgeStats:
    """Counters of one edge; plain integers that only grow, but for ``held`` and ``held_ns``."""

    __slots__ = ("dropped", "held", "held_ns", "high_water", "high_water_ns", "oldest_ns", "passed", "stale")

    def __init__(self) -> None:
        self.passed = 0
        """Frames that entered the edge."""
        self.dropped = 0
        """Frames lost by the policy, or because nobody served the edge any more."""
        self.stale = 0
        """Frames of an interrupted turn, refused or removed."""
        self.held = 0
        """Frames that wait now."""
        self.held_ns = 0
        """How long they last when played."""
        self.high_water = 0
        """The most that ever waited, in frames."""
        self.high_water_ns = 0
        """The same in time."""
        self.oldest_ns = 0
        """Greatest age at which a frame left the queue."""

    def __repr__(self) -> str:
        return f"EdgeStats({', '.join(f'{name}={getattr(self, name)}' for name in _SHOWN)})"


_SHOWN = (
    "passed",
    "dropped",
    "stale",
    "held",
    "held_ns",
    "high_water",
    "high_water_ns",
    "oldest_ns",
)


class Voided:
    """The interrupted turns of a call: frames of theirs are stale wherever they are."""

    __slots__ = ("_everybody", "_sources", "valid")

    def __init__(self) -> None:
        self.valid: int = 0
        """The turn that was found to be valid last. To be compared by identity: most frames are of one turn."""
        self._everybody = 0
        self._sources: dict[str, int] = {}

    def add(self, turn: int) -> None:
        """Turns of its source up to ``turn`` are void; with a plain number, those of every source."""
        self.valid = 0
        if isinstance(turn, Turn):
            self._sources[turn.source] = max(self._sources.get(turn.source, 0), int(turn))
        else:
            self._everybody = max(self._everybody, turn)

    def covers(self, frame: Frame) -> bool:
        """Whether ``frame`` is stale."""
        turn = frame.turn
        number = int(turn)
        if 0 < number <= max(self._sources.get(source_of(turn), 0), self._everybody):
            return not frame.uninterruptible
        self.valid = turn
        return False


class QueueOverflowError(LivegraphError):
    """A step put more into a blocking queue than its cap, without ever waiting for room."""


class QueuedEdge:
    """A bounded queue into a node that works in its own task. Sans-IO but for ``has_room``.

    ``notify`` is called when a frame enters the empty queue. ``order`` numbers the frames of all queues into a node,
    which serves them in order of arrival. A step may overfill a blocking queue to ``CAP`` times its bound; beyond it
    frames are lost, and ``overflow`` raises in whoever sends.
    """

    __slots__ = (
        "_blocks",
        "_cap_frames",
        "_cap_ns",
        "_closed",
        "_frames",
        "_max_duration_ns",
        "_max_frames",
        "_notify",
        "_now_ns",
        "_order",
        "_overflow",
        "_waiters",
        "name",
        "policy",
        "reader",
        "stats",
    )

    def __init__(
        self,
        name: str,
        policy: Policy,
        notify: Callable[[], None],
        now_ns: Callable[[], int],
        order: Iterator[int] | None = None,
        overflow: Callable[[QueuedEdge], NoReturn] | None = None,
    ) -> None:
        self.name = name
        self.policy = policy
        self.stats = EdgeStats()
        self.reader: Strand | None = None
        """Who empties it."""
        self._frames: deque[tuple[int, int, Frame]] = deque()
        self._notify = notify
        self._now_ns = now_ns
        self._order = itertools.count() if order is None else order
        self._overflow = overflow
        self._blocks = policy.when_full == "block"
        self._max_frames = 1 if policy.when_full == "latest" else policy.max_frames
        self._max_duration_ns = policy.max_duration_ns
        # What is lost anyhow needs a cap for its markers alone.
        self._cap_frames = CAP * (self._max_frames if self._blocks else max(self._max_frames, 1024))
        self._cap_ns = CAP * self._max_duration_ns
        self._closed = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def full(self) -> bool:
        """Whether another frame would go over the bound."""
        stats = self.stats
        over = stats.held >= self._max_frames or stats.held_ns >= self._max_duration_ns
        return over and not self._closed

    @property
    def left(self) -> Room:
        """What still fits."""
        stats = self.stats
        return Room(max(0, self._max_frames - stats.held), max(0, self._max_duration_ns - stats.held_ns))

    @property
    def arrival(self) -> float:
        """The number of the frame at the head among all frames of the node; infinite when empty."""
        return self._frames[0][0] if self._frames else math.inf

    def age_ns(self) -> int:
        """How long the frame at the head has waited; 0 when empty."""
        return self._now_ns() - self._frames[0][1] if self._frames else 0

    def push(self, frame: Frame) -> None:
        """Take ``frame``, or lose one by the policy. Never waits: a blocking edge overfills, to its cap."""
        stats = self.stats
        stats.passed += 1
        if self._closed:
            # With the end of a stream nothing is lost.
            stats.dropped += not isinstance(frame, EndFrame)
            return
        full = stats.held >= self._max_frames or stats.held_ns >= self._max_duration_ns
        if full and not self._may_enter(frame):
            stats.dropped += 1
            return
        self._frames.append((next(self._order), self._now_ns(), frame))
        held = stats.held = stats.held + 1
        if held > stats.high_water:
            stats.high_water = held
        duration_ns = frame.duration_ns
        if duration_ns:
            held_ns = stats.held_ns = stats.held_ns + duration_ns
            if held_ns > stats.high_water_ns:
                stats.high_water_ns = held_ns
        if held == 1:
            self._notify()
        if self._blocks and (held >= self._max_frames or stats.held_ns >= self._max_duration_ns):
            strand = current_strand.get()
            if strand is not None:
                strand.filled[self] = None

    def pop(self, now_ns: int) -> Frame | None:
        """The oldest frame, or ``None`` when there is none."""
        if not self._frames:
            return None
        _, entered_ns, frame = self._frames.popleft()
        stats = self.stats
        age_ns = now_ns - entered_ns
        if age_ns > stats.oldest_ns:
            stats.oldest_ns = age_ns
        stats.held -= 1
        if stats.held_ns:
            stats.held_ns -= frame.duration_ns
        if self._waiters and not self.full:
            self._wake_waiters()
        return frame

    def flush(self, turn: int) -> int:
        """Remove every frame that the cut of ``turn`` makes void, markers too; returns how many."""
        stats, kept = self.stats, deque[tuple[int, int, Frame]]()
        seen, cut, void_ns = 0, False, 0
        lasting = stats.held_ns > 0
        for entry in self._frames:
            frame = entry[2]
            if frame.turn is not seen:
                # Most frames that wait are of one turn.
                seen = frame.turn
                cut = cuts(turn, seen)
            if cut and not frame.uninterruptible:
                if lasting:
                    void_ns += frame.duration_ns
            else:
                kept.append(entry)
        void = len(self._frames) - len(kept)
        if void:
            self._frames = kept
            stats.stale += void
            stats.held -= void
            stats.held_ns -= void_ns
            if self._waiters and not self.full:
                self._wake_waiters()
        return void

    def close(self) -> None:
        """Nobody serves the queue any more: drop what it holds and whatever comes, and hold nobody up."""
        self._closed = True
        self.stats.dropped += sum(not isinstance(frame, EndFrame) for _, _, frame in self._frames)
        self.stats.held = self.stats.held_ns = 0
        self._frames.clear()
        self._wake_waiters()

    async def has_room(self) -> None:
        """Return when a waiter is let in: look again whether there is room."""
        # One future per waiter: a cancelled waiter cancels its own and nobody else's.
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)

    async def room(self) -> None:
        """Return as soon as the edge is not full."""
        while self.full:
            await self.has_room()

    def _left(self, frame: Frame) -> None:
        stats = self.stats
        stats.held -= 1
        if stats.held_ns:
            stats.held_ns -= frame.duration_ns
        if self._waiters and not self.full:
            self._wake_waiters()

    def _wake_waiters(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _may_enter(self, frame: Frame) -> bool:
        """Whether the newcomer may enter the full queue; makes room for it where the policy says so."""
        stats = self.stats
        if not frame.marker:
            when_full = self.policy.when_full
            if when_full == "drop_newest":
                return False
            if when_full != "block":
                while self.full and self._drop_oldest():
                    pass
                return True
        if (stats.held < self._cap_frames and stats.held_ns < self._cap_ns) or isinstance(frame, EndFrame):
            return True
        if self._overflow is None:
            return frame.marker
        stats.dropped += 1
        self._overflow(self)

    def _drop_oldest(self) -> bool:
        """Lose the oldest frame that is not a marker; ``False`` when only markers are held."""
        for index, (_, _, frame) in enumerate(self._frames):
            if not frame.marker:
                del self._frames[index]
                self.stats.dropped += 1
                self._left(frame)
                return True
        return False


def refuse_overflow(edge: QueuedEdge) -> NoReturn:
    """What a call does at the cap: raise in whoever sends."""
    raise QueueOverflowError(
        f"the queue {edge.name} holds {edge.stats.held} frames, {CAP} times its bound; "
        "`await self.<output>.send(frame)` waits until there is room, `emit` does not"
    )

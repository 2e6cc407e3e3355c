"""The voice detector of many calls in one go.

The network's cost is for the most part that of starting it, so the windows that all calls of an event loop complete
within 20 ms go through it together; where the loop has little time within 32 ms, in which each call completes one. A
call that is alone is not kept waiting: its windows are judged as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..audio import Pcm, SileroVad
from ..audio.silero import judge_batch
from ..pipeline.running.loop_load import BUSY, loop_load

__all__ = ["Seat", "take_seat"]

_PERIOD_S = 0.02
_BUSY_PERIOD_S = 0.032
_MOST_CHUNKS = 16

Told = Callable[[list[list[float]]], None]

_batches: dict[asyncio.AbstractEventLoop, _Batch] = {}


def take_seat(vad: SileroVad, told: Told) -> Seat:
    """A place for one stream in the running loop's batch; whoever takes it leaves it."""
    loop = asyncio.get_running_loop()
    batch = _batches.get(loop)
    if batch is None:
        batch = _batches[loop] = _Batch(loop)
    seat = Seat(batch, vad, told)
    batch.seats.add(seat)
    return seat


class Seat:
    """One stream's place.

    ``told`` is called with the probabilities of the chunks that ``offer`` kept, a list for each, in order.
    """

    __slots__ = ("_batch", "_told", "_vad", "_waiting")

    def __init__(self, batch: _Batch, vad: SileroVad, told: Told) -> None:
        self._batch = batch
        self._vad = vad
        self._told = told
        self._waiting: list[int] = []
        """How many windows were complete after each chunk that is to be told of."""

    def offer(self, pcm: Pcm) -> list[float] | None:
        """Take samples; returns a probability for each window that they complete, or ``None`` when that is told later.

        It is told within 20 ms, or 32 where the loop has little time.
        """
        vad, batch, waiting = self._vad, self._batch, self._waiting
        if len(waiting) >= _MOST_CHUNKS:
            batch.flush()  # somebody feeds faster than time passes
        windows = vad.add(pcm)
        if not waiting:
            if not windows:
                return []
            if len(batch.seats) == 1:
                return vad.judge()
        waiting.append(windows)
        batch.wait(self)
        return None

    def settle(self) -> None:
        """Tell at once what is yet to be told, with all that waits."""
        if self._waiting:
            self._batch.flush()

    def leave(self) -> None:
        """Give the place back; what was yet to be told is not."""
        self._waiting.clear()
        self._batch.leave(self)

    def take(self) -> tuple[SileroVad, list[int], Told]:
        """What waits, for the batch."""
        waiting, self._waiting = self._waiting, []
        return self._vad, waiting, self._told


class _Batch:
    """The seats of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[Seat, None] = {}
        self.seats: set[Seat] = set()

    def wait(self, seat: Seat) -> None:
        """``seat`` has something to be told."""
        self._waiting[seat] = None
        if self._timer is None:
            period_s = _BUSY_PERIOD_S if loop_load() >= BUSY else _PERIOD_S
            self._timer = self._loop.call_later(period_s, self.flush)

    def flush(self) -> None:
        """Judge all that waits, and tell."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        taken = [seat.take() for seat in waiting]
        results = judge_batch([vad for vad, _, _ in taken])
        for seat, (_, windows, told), found in zip(waiting, taken, results, strict=True):
            # What one call is told may have ended another.
            if seat in self.seats:
                told(_by_chunk(windows, found))

    def leave(self, seat: Seat) -> None:
        """One seat less; the last one takes the batch along."""
        self.seats.discard(seat)
        self._waiting.pop(seat, None)
        if not self.seats:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            _batches.pop(self._loop, None)


def _by_chunk(windows: list[int], probabilities: list[float]) -> list[list[float]]:
    """The probabilities by the chunk that completed their window."""
    parts, done = [], 0
    for count in windows:
        parts.append(probabilities[done:count])
        done = count
    return parts

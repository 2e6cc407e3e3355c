"""A pool that has more or fewer workers as they are needed, and fresh ones when it is told to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from ...language import Agent
from ..calls.served import ServedAgent
from ..refusals import Refusal
from .kept import MOST_WORKERS, KeptPool
from .placing import call_cost, load_of
from .scaling import Scaling
from .worker import WorkerLost

__all__ = ["ElasticPool"]

logger = logging.getLogger("livegraph.server")

_ROLL_WITHIN_S = 60.0


class ElasticPool(KeptPool):
    """See ``Pool``.

    Args:
        scaling: says how many workers there are to be as time goes on; by default as many as at the start.
        others: see ``KeptPool``.
    """

    def __init__(
        self, agents: Sequence[ServedAgent | Agent], *, scaling: Scaling | None = None, **others: Any
    ) -> None:
        super().__init__(agents, **others)
        self.scaling = scaling
        self._resizing: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """How many workers there are to be."""
        return len(self._keepers.keys() & set(range(MOST_WORKERS)))

    async def resize(self, workers: int) -> None:
        """Have so many: new ones are started, those that are too many take no more calls and end when theirs are over.

        Raises ``Refusal`` and ``WorkerLost`` when one cannot be started; those that could be are there.
        """
        if not 1 <= workers <= MOST_WORKERS:
            raise ValueError(f"a pool has 1 to {MOST_WORKERS} workers")
        slots = sorted(slot for slot in self._keepers if slot < MOST_WORKERS)
        for slot in slots[workers:]:
            self._keepers.pop(slot).cancel()
            for post in [post for post in self.posts if post.slot == slot and post.state == "serving"]:
                self.retire(post, "scaled", "fewer are needed")
                self._run(self._wind_up(post, self._started[post]), f"worker {slot}, not needed")
        missing = [slot for slot in range(workers) if slot not in self._keepers][: workers - len(slots)]
        started = await asyncio.gather(*(self._spawn(slot) for slot in missing), return_exceptions=True)
        faults = [one for one in started if isinstance(one, BaseException)]
        for slot, one in zip(missing, started, strict=True):
            if not isinstance(one, BaseException):
                self._have(slot, await self._begin(slot, one))
        if faults:
            raise faults[0]

    async def roll(self) -> None:
        """See ``Pool``."""
        self._edition += 1
        while self._ready:
            self._ready.popleft().kill()
            self._missing_spares.release()
        for slot in sorted(self._keepers):
            old = [post for post in self.posts if post.slot == slot and post.state == "serving"]
            try:
                self._next[slot] = await self._spawn(slot)
            except WorkerLost as lost:
                raise Refusal(503, "worker_failed", f"Worker {slot} stays as it is: {lost}.") from None
            for post in old:
                self.retire(post, "rolled", "a fresh one takes its place")
            if not self.exclusive_ports:
                async with asyncio.timeout(_ROLL_WITHIN_S):
                    await self.until_serving(slot)

    def _looked(self) -> None:
        if self.scaling is not None and (self._resizing is None or self._resizing.done()):
            self._scale(self.scaling)

    def _scale(self, scaling: Scaling) -> None:
        serving = [post.place for post in self.posts if post.state == "serving"]
        now_ns, cost = time.monotonic_ns(), call_cost(serving)
        full = sum(load_of(place, cost, now_ns) for place in serving)
        wanted = scaling.wanted(now_ns, self.size, full)
        if wanted != self.size:
            logger.warning(
                "%d worker(s) instead of %d: they are %.0f %% full", wanted, self.size, 100 * full / self.size
            )
            self._resizing = self._run(self._resize(wanted), "scaling")

    async def _resize(self, wanted: int) -> None:
        try:
            await self.resize(wanted)
        except (Refusal, WorkerLost) as error:
            logger.error("the pool stays smaller than it should be: %s", error)

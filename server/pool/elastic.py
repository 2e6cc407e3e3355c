"""A pool that has more or fewer workers as they are needed, and fresh ones when it is told to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Container, Sequence
from typing import Any

from ...language import Agent
from ...pipeline.units import SECOND
from ..calls.served import ServedAgent
from ..refusals import Refusal
from .backoff import Backoff
from .kept import MOST_WORKERS, KeptPool
from .placing import call_cost, load_of
from .post import Post
from .scaling import Scaling
from .setup import WorkerSetup
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
        self,
        setup: WorkerSetup,
        agents: Sequence[ServedAgent | Agent],
        *,
        scaling: Scaling | None = None,
        **others: Any,
    ) -> None:
        super().__init__(setup, agents, **others)
        self.scaling = scaling
        self._starting: dict[int, asyncio.Task[Refusal | WorkerLost | None]] = {}
        """Workers that are to be there as soon as they can, by place."""
        self._backoff = Backoff()
        self._not_before_s = 0.0
        self._foreseen = 0

    @property
    def size(self) -> int:
        """How many workers there are to be, those included that are being started."""
        return len(self._general())

    def _general(self) -> list[int]:
        return sorted(slot for slot in {*self._keepers, *self._starting} if slot < MOST_WORKERS)

    async def resize(self, workers: int) -> None:
        """Have so many: new ones are started, those that are too many take no more calls and end when theirs are over.

        Returns when they serve. Raises ``Refusal`` and ``WorkerLost`` when one cannot be started; those that could be
        are there.
        """
        if not 1 <= workers <= MOST_WORKERS:
            raise ValueError(f"a pool has 1 to {MOST_WORKERS} workers")
        self._head_for(workers)
        faults = await asyncio.gather(*self._starting.values(), return_exceptions=True)
        for fault in faults:
            if isinstance(fault, Exception):
                raise fault

    def _head_for(self, workers: int) -> None:
        slots = self._general()
        for slot in slots[workers:]:
            if (starting := self._starting.pop(slot, None)) is not None:
                starting.cancel()
                continue
            self._keepers.pop(slot).cancel()
            for post in self._serving_at(slot):
                self.retire(post, "scaled", "fewer are needed")
                self._run(self._wind_up(post, self._started[post]), f"worker {slot}, not needed")
        for slot in [slot for slot in range(workers) if slot not in slots][: max(0, workers - len(slots))]:
            # Each serves as soon as it is there: one of them may have to wait for a node.
            self._starting[slot] = starting = self._run(self._add(slot), f"worker {slot}, needed")
            starting.add_done_callback(self._added)

    async def _add(self, slot: int) -> Refusal | WorkerLost | None:
        try:
            post = await self._begin(slot, await self._spawn(slot))
        except (Refusal, WorkerLost) as error:
            self._starting.pop(slot, None)
            return error
        self._starting.pop(slot, None)
        self._have(slot, post)
        self._backoff = Backoff()
        return None

    async def roll(self) -> None:
        """See ``Pool``."""
        self._edition += 1
        while self._ready:
            self._ready.popleft().kill()
            self._missing_spares.release()
        before = {post.name for post in self.posts}
        for slot in sorted(self._keepers):
            try:
                await self._roll_one(slot, before)
            except WorkerLost as lost:
                raise Refusal(503, "worker_failed", f"Worker {slot} stays as it is: {lost}.") from None
            except TimeoutError:
                raise Refusal(
                    503, "worker_failed", f"Worker {slot} did not take calls within {_ROLL_WITHIN_S:.0f} s."
                ) from None

    async def _roll_one(self, slot: int, before: Container[str]) -> None:
        """Have a fresh worker in this place; ``before`` names those that are not. Returns when it takes calls, or has
        to wait for its port."""
        self._next[slot] = fresh = await self._spawn(slot)
        old = [post for post in self._serving_at(slot) if post.name in before]
        for post in old:
            self.retire(post, "rolled", "a fresh one takes its place")
        if old and self.exclusive_ports:
            return
        async with asyncio.timeout(_ROLL_WITHIN_S):
            await self.until_serving(slot)
        if self._next.get(slot) is fresh:
            # The one before has died meanwhile, and its place was taken by a fresh one already.
            await self._next.pop(slot).end(0)

    def _serving_at(self, slot: int) -> list[Post]:
        return [post for post in self.posts if post.slot == slot and post.state == "serving"]

    def _looked(self) -> None:
        if self.scaling is not None:
            self._scale(self.scaling)

    def _scale(self, scaling: Scaling) -> None:
        serving = [post.place for post in self.posts if post.state == "serving" and not post.only]
        now_ns, cost = time.monotonic_ns(), call_cost(serving)
        full = sum(load_of(place, cost, now_ns) for place in serving)
        before = self.size
        wanted = scaling.wanted(now_ns, before, full)
        if (foreseen := scaling.foreseen(wanted, full)) != self._foreseen:
            self._foreseen = foreseen
            self._foresee(foreseen)
        if wanted == before or (wanted > before and now_ns / SECOND < self._not_before_s):
            return
        logger.warning(
            "%d worker(s) instead of %d: they are %.0f %% full", wanted, before, 100 * full / before
        )
        self._head_for(wanted)

    def _foresee(self, workers: int) -> None:
        """So many workers will have to have room soon."""

    def _added(self, task: asyncio.Task[Refusal | WorkerLost | None]) -> None:
        if task.cancelled() or task.exception() is not None or (fault := task.result()) is None:
            return
        wait_s = max(SECOND, self._backoff.after(0)) / SECOND
        self._not_before_s = time.monotonic() + wait_s
        logger.error("the pool stays smaller than it should be: %s; tried again in %.0f s", fault, wait_s)

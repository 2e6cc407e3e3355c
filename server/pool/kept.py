"""A pool that has as many workers as it is to have, whatever becomes of them.

Where they run is the business of who starts them. Some more than serve are kept ready, with all that calls need in
their memory: what dies is replaced at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from ...language import Agent
from ...pipeline.units import SECOND
from ..calls.served import Running, ServedAgent
from ..refusals import Refusal
from .backoff import Backoff
from .post import Post
from .setup import WorkerSetup
from .started import Started
from .watching import Patience, Watch
from .wire import Begin
from .worker import WorkerLost
from .workers import WorkersPool

__all__ = ["MOST_WORKERS", "KeptPool"]

logger = logging.getLogger("livegraph.server")

_LOOK_EVERY_S = 0.5
_END_WITHIN_S = 12.0
_RETIRED_DRAIN_S = 300.0
MOST_WORKERS = 1_024
"""Places from here on are those of agents that have workers of their own."""


T = TypeVar("T")


class KeptPool(WorkersPool):
    """See ``Pool``. Its workers are there while the pool is open; ``_start`` starts one.

    Args:
        setup: what each worker is given.
        workers: how many serve.
        spares: how many more are kept ready.
        memory_bytes: a worker that has more is drained and replaced.
        retired_drain_s: how long the calls of a worker that is to be replaced may go on.
        others: see ``WorkersPool``.

    Raises ``ValueError`` for fewer than one worker.
    """

    exclusive_ports = False
    """Whether a successor has to wait until the worker before it has let go of its port."""
    patience = Patience(silent=3, held=8, dead=40)
    """Looks, every half second, without a report."""

    def __init__(
        self,
        setup: WorkerSetup,
        agents: Sequence[ServedAgent | Agent],
        *,
        workers: int,
        spares: int = 0,
        memory_bytes: int | None = None,
        retired_drain_s: float = _RETIRED_DRAIN_S,
        **others: Any,
    ) -> None:
        super().__init__(agents, **others)
        if not 1 <= workers <= MOST_WORKERS:
            raise ValueError(f"a pool has 1 to {MOST_WORKERS} workers")
        self._setup = setup
        self._count = workers
        self._retired_drain_s = retired_drain_s
        self._started: dict[Post, Started] = {}
        self._retired: dict[Post, asyncio.Future[None]] = {}
        self._watching: Watch[Post] = Watch(self.patience, memory_bytes)
        self._keepers: dict[int, asyncio.Task[None]] = {}
        self._ready: deque[Started] = deque()
        self._next: dict[int, Started] = {}
        """Who takes a place when it is free, before anybody else."""
        self._spares = spares
        self._missing_spares = asyncio.Semaphore(spares)
        self._edition = 0
        """Of the agents: who has begun to read them before they were taken anew reads them again."""
        self._read: WeakKeyDictionary[Started, int] = WeakKeyDictionary()
        """Which edition each has that does not serve yet."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def _places(self) -> Sequence[int]:
        """The places that there are from the start."""
        return range(self._count)

    def _only(self, slot: int) -> str:
        """The one agent that the worker in this place serves; empty for all."""
        return ""

    async def _start(self, slot: int | None) -> Started:
        """A new worker for this place, or for any, warm.

        Raises ``Refusal`` with what is wrong with its agents, ``WorkerLost`` when it dies.
        """
        raise NotImplementedError

    def _begin_at(self, slot: int, started: Started) -> Begin:
        """How a worker serves that takes the place ``slot``."""
        return Begin(slot)

    # Open and close ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start the workers; returns when all of them serve. Raises ``Refusal`` with what keeps them from it."""
        self.closing = self.draining = False
        try:
            async with asyncio.TaskGroup() as group:
                starting = [group.create_task(self._spawn(slot)) for slot in self._places()]
        except ExceptionGroup as failed:
            await self._end_all([task.result() for task in starting if _is_result(task)])
            raise _first(failed) from None
        first = [task.result() for task in starting]
        try:
            for slot, started in zip(self._places(), first, strict=True):
                self._have(slot, await self._begin(slot, started))
        except (Refusal, WorkerLost):
            await self._stop_tasks()
            await self._end_all(first)
            raise
        self._run(self._watch(), "workers' watch")
        if self._spares:
            self._run(self._keep_spares(), "spare workers")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing = True
        await self._stop_tasks()
        await self._end_all([*self._started.values(), *self._ready, *self._next.values()])
        self._ready.clear()
        self._next.clear()
        for post in self.posts:
            self.lose(post)
        self._started.clear()

    def _run(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)

    async def _stop_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._keepers.clear()

    async def _end_all(self, started: Sequence[Started]) -> None:
        await asyncio.gather(*(each.end(_END_WITHIN_S) for each in started))

    # One place ---------------------------------------------------------------------------------

    async def _spawn(self, slot: int | None = None) -> Started:
        edition = self._edition
        started = await self._start(slot)
        self._read[started] = edition
        try:
            await self._catch_up(started)
        except BaseException:
            # Cancelled as well: nobody else knows of the worker yet.
            started.kill()
            raise
        return started

    async def _catch_up(self, started: Started) -> None:
        """Have it read the agents as they are now, if they were taken anew since it did."""
        while self._read.get(started) != (edition := self._edition):
            await started.worker.renew(self._source_options)
            self._read[started] = edition

    async def _begin(self, slot: int, started: Started) -> Post:
        await started.worker.begin(self._begin_at(slot, started))
        try:
            await self._catch_up(started)
        except Refusal as refusal:
            # As with those that serve: it keeps what it has.
            logger.error("worker %d: %s", slot, refusal)
        # From here on whoever takes the agents anew asks it as well.
        post = self.install(slot, started.worker, self._only(slot))
        self._started[post] = started
        self._retired[post] = asyncio.get_running_loop().create_future()
        return post

    def _have(self, slot: int, post: Post) -> None:
        """From now on there is a worker in this place."""
        self._keepers[slot] = self._run(self._keep(slot, post), f"worker {slot}")

    async def _keep(self, slot: int, post: Post) -> None:
        """Have a worker in this place, whatever becomes of the one before."""
        backoff = Backoff()
        while True:
            began_ns = time.monotonic_ns()
            await self._until_gone(post)
            post = await self._replace(slot, backoff, time.monotonic_ns() - began_ns)

    async def _replace(self, slot: int, backoff: Backoff, lived_ns: int) -> Post:
        while True:
            if wait_ns := backoff.after(lived_ns):
                logger.warning("worker %d is started again in %d s", slot, wait_ns // SECOND)
                await asyncio.sleep(wait_ns / SECOND)
            began_ns = time.monotonic_ns()
            started: Started | None = None
            try:
                started = self._next.pop(slot, None) or await self._take_ready(slot)
                post = await self._begin(slot, started)
            except (Refusal, WorkerLost) as error:
                logger.error("worker %d cannot be started: %s", slot, error)
                if started is not None:
                    await started.end(_END_WITHIN_S)
                lived_ns = 0
                continue
            except asyncio.CancelledError:
                if started is not None:
                    started.kill()
                raise
            logger.warning(
                "worker %d is there again, %d ms after it was missed",
                slot,
                (time.monotonic_ns() - began_ns) // 1_000_000,
            )
            return post

    async def _take_ready(self, slot: int) -> Started:
        while self._ready:
            started = self._ready.popleft()
            self._missing_spares.release()
            if started.alive:
                return started
            await started.end(0)
        return await self._spawn(slot)

    async def _keep_spares(self) -> None:
        backoff = Backoff()
        while True:
            await self._missing_spares.acquire()
            began_ns = time.monotonic_ns()
            try:
                self._ready.append(await self._spawn())
            except (Refusal, WorkerLost) as error:
                self._missing_spares.release()
                logger.error("no spare worker can be started: %s", error)
                await asyncio.sleep(max(SECOND, backoff.after(time.monotonic_ns() - began_ns)) / SECOND)

    async def _until_gone(self, post: Post) -> None:
        """Wait until the place of this worker is free for another."""
        started = self._started[post]
        await asyncio.wait({self._retired[post], started.worker.lost}, return_when=asyncio.FIRST_COMPLETED)
        winding_up = self._wind_up(post, started)
        if started.worker.lost.done() or self.exclusive_ports:
            # Its port is its successor's: that one has to wait for it.
            await winding_up
        else:
            self._run(winding_up, f"worker {post.slot}, retired")

    async def _wind_up(self, post: Post, started: Started) -> None:
        """Let a worker end that takes no more calls, or has ended."""
        try:
            if started.alive:
                try:
                    await started.worker.drain(self._retired_drain_s)
                except (WorkerLost, Refusal) as error:
                    logger.error("worker %d, which was drained: %s", post.slot, error)
            else:
                # Callers learn of it now, not when the system has taken the process apart.
                self.lose(post)
        finally:
            await started.end(_END_WITHIN_S if started.alive else 0)
            self.lose(post)
            self._started.pop(post, None)
            self._retired.pop(post, None)
            if started.ending:
                logger.error("worker %d: %s", post.slot, started.ending)

    # Watching ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for post, started in list(self._started.items()):
                self._look(post, started)
            self._looked()

    def _looked(self) -> None:
        """All workers were looked at."""

    def _look(self, post: Post, started: Started) -> None:
        worker = started.worker
        look = self._watching.look(post, worker.report, worker.reported_s, draining=post.state == "draining")
        post.silent = look.silent
        if look.kill:
            logger.error("worker %d is killed: %s", post.slot, look.why)
            started.kill()
        elif post.state == "serving" and look.reason:
            self.retire(post, look.reason, look.why)

    def retire(self, post: Post, reason: str, why: str) -> None:
        """Have another worker take this one's place; its calls go on for a while. Again is fine."""
        if post.state != "serving" or post not in self._retired:
            return
        post.state = "draining"
        logger.warning("worker %d is drained and replaced: %s", post.slot, why)
        self.counted.ended(post.slot, reason)
        self._retired[post].set_result(None)

    @property
    def _source_options(self) -> Mapping[str, Any]:
        return self._setup.options

    async def exchange(
        self, agents: Sequence[ServedAgent | Agent], options: dict[str, Any] | None = None
    ) -> Mapping[str, Running]:
        """See ``Pool``. Workers that are kept ready take the new agents as well, and so does whoever comes later.

        ``options`` are those of the workers' source from now on; by default as they were.
        """
        if options is not None:
            self._setup = msgspec.structs.replace(self._setup, options=options)
        self._edition += 1
        found = await super().exchange(agents)
        for started in list(self._ready):
            try:
                await self._catch_up(started)
            except (Refusal, WorkerLost) as error:
                logger.error("a spare worker is ended: %s", error)
                # Whoever would take it sees that it is gone.
                started.kill()
        return found


def _is_result(task: asyncio.Task[Started]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

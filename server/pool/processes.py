"""A pool whose workers are processes of this machine, each on a core of its own.

One more than serve is kept ready, with all that calls need in its memory: what dies is replaced at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ...language import Agent
from ...pipeline.units import SECOND
from ..calls.served import Running, ServedAgent
from ..refusals import Refusal
from .backoff import Backoff
from .post import Post
from .setup import WorkerSetup
from .spawning import WorkerProcess, spawn
from .worker import WorkerLost
from .workers import WorkersPool

__all__ = ["ProcessPool"]

logger = logging.getLogger("livegraph.server")

_LOOK_EVERY_S = 0.5
_HELD_LOOKS = 8
"""So many looks without a report, and the loop of the worker is held. Looks, not seconds: we may be held ourselves."""
_DEAD_LOOKS = 40
_END_WITHIN_S = 12.0
_RETIRED_DRAIN_S = 300.0


class ProcessPool(WorkersPool):
    """See ``Pool``. Its processes are there while the pool is open.

    Args:
        setup: what each worker is given.
        workers: how many serve.
        spares: how many more are kept ready.
        udp_port: of the first worker's media, the next one has the next; 0 takes free ones.
        memory_bytes: a worker that has more is drained and replaced.
        retired_drain_s: how long the calls of a worker that is to be replaced may go on.
        environment: variables of the processes, beside those of this one.
        others: see ``WorkersPool``.

    Raises ``ValueError`` for fewer than one worker, and for ports that there are not.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        agents: Sequence[ServedAgent | Agent],
        *,
        workers: int,
        spares: int = 1,
        udp_port: int = 0,
        memory_bytes: int | None = None,
        retired_drain_s: float = _RETIRED_DRAIN_S,
        environment: Mapping[str, str] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(agents, **others)
        if workers < 1:
            raise ValueError("a pool has one worker at least")
        if udp_port and not 0 < udp_port <= 65_536 - workers:
            raise ValueError(f"{workers} workers from port {udp_port} on need ports that there are not")
        self._setup = setup
        self._count = workers
        self._udp_port = udp_port
        self._memory_bytes = memory_bytes
        self._retired_drain_s = retired_drain_s
        # One core computes for one worker: libraries that start a thread a core would take turns on it.
        self._environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **(environment or {})}
        self._processes: dict[Post, WorkerProcess] = {}
        self._retired: dict[Post, asyncio.Future[None]] = {}
        self._missed: dict[Post, tuple[float, int]] = {}
        self._ready: deque[WorkerProcess] = deque()
        self._spares = spares
        self._missing_spares = asyncio.Semaphore(spares)
        self._edition = 0
        """Of the agents: who has begun to read them before they were taken anew reads them again."""
        self._tasks: set[asyncio.Task[None]] = set()

    # Open and close ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start the workers; returns when all of them serve. Raises ``Refusal`` with what keeps them from it."""
        self.closing = self.draining = False
        try:
            async with asyncio.TaskGroup() as group:
                starting = [group.create_task(self._spawn()) for _ in range(self._count)]
        except ExceptionGroup as failed:
            await self._end_all([task.result() for task in starting if _is_result(task)])
            raise _first(failed) from None
        processes = [task.result() for task in starting]
        try:
            for slot, process in enumerate(processes):
                post = await self._begin(slot, process)
                self._run(self._keep(slot, post), f"worker {slot}")
        except (Refusal, WorkerLost):
            await self._stop_tasks()
            await self._end_all(processes)
            raise
        self._run(self._watch(), "workers' watch")
        if self._spares:
            self._run(self._keep_spares(), "spare workers")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing = True
        await self._stop_tasks()
        await self._end_all([*self._processes.values(), *self._ready])
        self._ready.clear()
        for post in self.posts:
            self.lose(post)
        self._processes.clear()

    def _run(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)

    async def _stop_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end_all(self, processes: Sequence[WorkerProcess]) -> None:
        await asyncio.gather(*(process.end(_END_WITHIN_S) for process in processes))

    # One place ---------------------------------------------------------------------------------

    async def _spawn(self) -> WorkerProcess:
        edition = self._edition
        process = await spawn(self._setup, self._environment)
        try:
            while edition != self._edition:
                edition = self._edition
                await process.worker.renew()
        except BaseException:
            process.kill()
            raise
        return process

    async def _begin(self, slot: int, process: WorkerProcess) -> Post:
        await process.worker.begin(slot, self._udp_port + slot if self._udp_port else 0)
        post = self.install(slot, process.worker)
        self._processes[post] = process
        self._retired[post] = asyncio.get_running_loop().create_future()
        return post

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
            process: WorkerProcess | None = None
            try:
                process = await self._take_ready()
                post = await self._begin(slot, process)
            except (Refusal, WorkerLost) as error:
                logger.error("worker %d cannot be started: %s", slot, error)
                if process is not None:
                    await process.end(_END_WITHIN_S)
                lived_ns = 0
                continue
            logger.warning(
                "worker %d is there again, %d ms after it was missed",
                slot,
                (time.monotonic_ns() - began_ns) // 1_000_000,
            )
            return post

    async def _take_ready(self) -> WorkerProcess:
        while self._ready:
            process = self._ready.popleft()
            self._missing_spares.release()
            if process.alive:
                return process
            await process.end(0)
        return await self._spawn()

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
        process = self._processes[post]
        await asyncio.wait({self._retired[post], process.worker.lost}, return_when=asyncio.FIRST_COMPLETED)
        winding_up = self._wind_up(post, process)
        if process.worker.lost.done() or self._udp_port:
            # Its port is its successor's: that one has to wait for it.
            await winding_up
        else:
            self._run(winding_up, f"worker {post.slot}, retired")

    async def _wind_up(self, post: Post, process: WorkerProcess) -> None:
        """Let a worker end that takes no more calls, or has ended."""
        try:
            if process.alive:
                try:
                    await process.worker.drain(self._retired_drain_s)
                except (WorkerLost, Refusal) as error:
                    logger.error("worker %d, which was drained: %s", post.slot, error)
            else:
                # Callers learn of it now, not when the system has taken the process apart.
                self.lose(post)
        finally:
            await process.end(_END_WITHIN_S if process.alive else 0)
            self.lose(post)
            self._processes.pop(post, None)
            self._retired.pop(post, None)
            self._missed.pop(post, None)
            code = process.process.returncode
            if code:
                logger.error("the process of worker %d ended with %d", post.slot, code)

    # Watching ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for post, process in list(self._processes.items()):
                self._look(post, process)

    def _look(self, post: Post, process: WorkerProcess) -> None:
        worker = process.worker
        at, looks = self._missed.get(post, (0.0, 0))
        looks = looks + 1 if at == worker.reported_s else 0
        self._missed[post] = (worker.reported_s, looks)
        if looks >= _DEAD_LOOKS:
            logger.error("worker %d has not been heard of for long, and is killed", post.slot)
            process.kill()
        elif post.state != "serving":
            return
        elif looks >= _HELD_LOOKS:
            self.retire(post, "held", "its event loop is held")
        elif self._memory_bytes is not None and worker.report.memory_bytes > self._memory_bytes:
            has = f"it has {worker.report.memory_bytes / 1e6:.0f} MB of memory"
            self.retire(post, "memory", f"{has}, and may have {self._memory_bytes / 1e6:.0f}")
        elif worker.report.leaving:
            self.retire(post, "asked", "it was asked to end")

    def retire(self, post: Post, reason: str, why: str) -> None:
        """Have another worker take this one's place; its calls go on for a while. Again is fine."""
        if post.state != "serving" or post not in self._retired:
            return
        post.state = "draining"
        logger.warning("worker %d is drained and replaced: %s", post.slot, why)
        self.counted.ended(post.slot, reason)
        self._retired[post].set_result(None)

    async def exchange(self, agents: Sequence[ServedAgent | Agent]) -> Mapping[str, Running]:
        """See ``Pool``. Workers that are kept ready take the new agents as well."""
        self._edition += 1
        found = await super().exchange(agents)
        for process in list(self._ready):
            try:
                await process.worker.renew()
            except (Refusal, WorkerLost) as error:
                logger.error("a spare worker is ended: %s", error)
                # Whoever would take it sees that it is gone.
                process.kill()
        return found


def _is_result(task: asyncio.Task[WorkerProcess]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

"""The workers of a pool: who is there, who was, and what is asked of all of them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ..access.grant import ReportLevel
from ..refusals import Refusal
from .joined_metrics import PoolMetrics, joined_text
from .local import no_such_call
from .names import parted
from .post import Post
from .worker import Worker, WorkerEvent, WorkerLost, WorkerReport

__all__ = ["LOST", "Roster", "call_lost"]

logger = logging.getLogger("livegraph.server")

LOST = "call_lost"
"""The code of a refusal: the worker that had the call is gone."""
_REMEMBERED = 1_024
"""Workers that are gone."""

T = TypeVar("T")


class Roster:
    """Whoever has workers gives them posts: ``install``, and ``lose`` when one is gone."""

    def __init__(self) -> None:
        self.counted = PoolMetrics()
        self._posts: dict[str, Post] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._generations: dict[int, int] = {}
        self._agents_apart: set[str] = set()
        """Agents that have workers of their own, also while one of these is being replaced."""
        self._changed = asyncio.Event()
        self.when_changed: list[Callable[[], None]] = []
        """Called when a worker may have more room or time than before."""
        self.counted.watch(lambda: self._posts.values())

    def install(self, slot: int, worker: Worker, only: str = "") -> Post:
        """A worker serves from now on, in the place ``slot``; ``only`` one agent, which then has no other workers."""
        generation = self._generations[slot] = self._generations.get(slot, 0) + 1
        post = Post(f"{slot}-{generation}", slot, worker, only)
        self._posts[post.name] = post
        if only:
            self._agents_apart.add(only)
        worker.tell(lambda what: self._told(post, what))
        self._changed.set()
        self._change()
        return post

    def serving(self) -> list[Post]:
        """Those that take a call now."""
        return [p for p in self._posts.values() if p.state == "serving" and not p.place.report.unready]

    def apart(self, agent: str) -> str:
        """Its name where it has workers of its own; empty where it shares those of the others."""
        return agent if agent in self._agents_apart else ""

    def serving_for(self, agent: str) -> list[Post]:
        """Those of them that are for this agent."""
        only = self.apart(agent)
        return [post for post in self.serving() if post.only == only]

    def has_workers_for(self, agent: str) -> bool:
        """Whether there is a worker for this agent, be it overloaded: none that has to be waited for."""
        only = self.apart(agent)
        return any(post.only == only and post.state == "serving" for post in self._posts.values())

    async def until_serving(self, slot: int) -> None:
        """Return when a worker takes calls in this place."""
        while not any(post.slot == slot and post.state == "serving" for post in self._posts.values()):
            self._changed.clear()
            await self._changed.wait()

    def lose(self, post: Post, reason: str = "lost") -> None:
        """The worker is gone, and its calls with it. Again is fine."""
        if self._posts.pop(post.name, None) is None:
            return
        serving, calls = post.state == "serving", post.lose()
        self._gone[post.name] = None
        if len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)
        if serving or calls:
            self.counted.ended(post.slot, reason, calls)
        if calls:
            logger.error("worker %d is gone, and %d call(s) with it", post.slot, calls)

    @property
    def posts(self) -> Sequence[Post]:
        """All workers that are there, those included that drain."""
        return list(self._posts.values())

    def _told(self, post: Post, what: WorkerReport | WorkerEvent) -> None:
        if isinstance(what, WorkerEvent):
            post.take(what)
        else:
            post.place.tell(what)
        self._change()

    def _change(self) -> None:
        for listener in self.when_changed:
            listener()

    def _post(self, name: str) -> tuple[Post, str]:
        """The worker that a call's name carries, and its own name of it."""
        worker, own = parted(name)
        post = self._posts.get(worker)
        if post is not None:
            return post, own
        if worker in self._gone:
            raise call_lost()
        raise no_such_call()

    async def _reach(self, post: Post, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except WorkerLost as lost:
            # It may be gone, and not have been taken off the roster yet.
            if lost.gone or post.name not in self._posts:
                raise call_lost() from None
            raise Refusal(
                503, "no_answer", "The call's worker does not answer.", "Try again.", {"Retry-After": "1"}
            ) from None

    # What operators ask for --------------------------------------------------------------------

    async def calls(self) -> list[dict[str, Any]]:
        """See ``Pool``."""
        found = await self._all(lambda post: post.worker.calls())
        listed = [{**call, "worker": post.slot} for post, calls in found for call in calls]
        return sorted(listed, key=lambda call: -float(call["seconds"]))

    async def call(self, call_id: str) -> dict[str, Any]:
        """See ``Pool``."""
        post = await self._who_has(call_id)
        return {**await self._reach(post, post.worker.call(call_id)), "worker": post.slot}

    async def tap(self, call_id: str, port: str, level: ReportLevel, *, sound: bool) -> AsyncGenerator[bytes]:
        """See ``Pool``."""
        post = await self._who_has(call_id)
        return await self._reach(post, post.worker.tap(call_id, port, level, sound))

    async def end(self, call_id: str, detail: str = "") -> None:
        """See ``Pool``."""
        post = await self._who_has(call_id)
        await self._reach(post, post.worker.end(call_id, detail))

    async def metrics(self) -> bytes:
        """See ``Pool``."""
        found = await self._all(lambda post: post.worker.metrics())
        return joined_text(self.counted.registry, [(str(post.slot), text) for post, text in found])

    async def _who_has(self, call_id: str) -> Post:
        """The worker that has the call of this id, or the one whose id begins so (``call-17``)."""
        listed = await self._all(lambda post: post.worker.calls())
        ids = [(str(call["id"]), post) for post, calls in listed for call in calls]
        found = [post for known, post in ids if known == call_id]
        found = found or [post for known, post in ids if known.startswith(f"{call_id}-")]
        if len(found) != 1:
            raise no_such_call(call_id, [known for known, _ in ids])
        return found[0]

    async def _all(self, ask: Callable[[Post], Awaitable[T]]) -> list[tuple[Post, T]]:
        """What the workers say. One that is gone says nothing; one that refuses is named in the log."""
        posts = list(self._posts.values())
        found = await asyncio.gather(*(ask(post) for post in posts), return_exceptions=True)
        said: list[tuple[Post, T]] = []
        for post, answer in zip(posts, found, strict=True):
            if isinstance(answer, Refusal | WorkerLost):
                logger.error("worker %d: %s", post.slot, answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                said.append((post, answer))
        return said


def call_lost() -> Refusal:
    """For whoever asks for a call whose worker is gone."""
    return Refusal(410, LOST, "The call was lost: what served it is gone.", "Make a new call.")

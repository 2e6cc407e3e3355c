"""Has a worker take a call: the one with the most room, and another where that one cannot."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from ...pipeline.clock import clock_of_loop
from ..calls.reception import not_ready
from ..offering import Answered, Offer
from ..refusals import Refusal
from .names import joined
from .placing import CALL_COST, call_cost, has_room, roomiest
from .post import Held, Post
from .roster import Roster
from .turns import Turns
from .worker import WorkerLost

__all__ = ["Dispatch", "named"]

logger = logging.getLogger("livegraph.server")

_ANSWER_WITHIN_S = 9.0
"""All in all: a page gives up after 10 s."""
_TURN_WITHIN_S = 5.0
"""For a worker to have time; one that died is replaced in about a second."""
_LOOK_EVERY_S = 0.25
_MOST_TRIES = 4
_ELSEWHERE = frozenset({"full", "overloaded", "draining", "shutting_down", "worker_failed"})
"""Refusals of one worker that another one need not share."""


class Dispatch:
    """Places the calls of a pool whose workers are in ``roster``.

    ``check_ready`` raises ``Refusal`` while no calls are taken.
    """

    def __init__(self, roster: Roster, check_ready: Callable[[], None]) -> None:
        self._roster = roster
        self._check_ready = check_ready
        self._costs: dict[str, float] = {}
        """What a call takes of a core, as it was measured last, by the agent that has workers of its own."""
        self._turns: Turns[tuple[Post, int]] = Turns(lambda taken: taken[0].failed(taken[1]))
        roster.when_changed.append(self._turns.look)

    async def place(self, offer: Offer, held: Held, mark: str) -> Answered:
        """A worker's answer. Raises ``Refusal``: within some seconds in any case, and then with when to come back."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _ANSWER_WITHIN_S
        tried: list[Post] = []
        refusal = not_ready("overloaded")
        for _ in range(_MOST_TRIES):
            self._check_ready()
            turn = await self._choose(str(offer.agent), mark, until_s - loop.time(), tried)
            if turn is None:
                break
            post, held.began_ns = turn
            tried.append(post)
            try:
                answered = await self._ask(post, offer, until_s)
            except Refusal as refused:
                self._failed(post, held)
                if refused.code not in _ELSEWHERE:
                    self._turns.served(mark)
                    raise
                if refused.code == "overloaded":
                    # It says so with its next report as well; until then others need not be sent there.
                    post.place.report = msgspec.structs.replace(post.place.report, unready="overloaded")
                refusal = refused
            except WorkerLost as lost:
                self._failed(post, held)
                logger.warning("a call is placed anew: worker %d: %s", post.slot, lost)
            except BaseException:
                # Cancelled as well: it does not count as a call that is coming any more.
                self._failed(post, held)
                raise
            else:
                self._turns.served(mark)
                post.hold(answered.pc_id, held)
                return named(post, answered)
            if loop.time() > until_s:
                break
        raise self.sent_away() if refusal.code == "overloaded" else refusal

    def sent_away(self) -> Refusal:
        """All workers have too much to do: when there will be time for one more who comes back."""
        refusal = not_ready("overloaded")
        refusal.headers["Retry-After"] = str(self._turns.come_back_s())
        return refusal

    async def turn_of(self, agent: str) -> tuple[Post, int] | None:
        """A worker that has room and time for one more, and when its call began, which counts there from now on.

        ``None`` when all are overloaded, or none has time soon.
        """
        mark = secrets.token_hex(8)
        try:
            return await self._choose(agent, mark, _TURN_WITHIN_S)
        finally:
            self._turns.served(mark)

    async def _choose(
        self, agent: str, mark: str, within_s: float, tried: Sequence[Post] = ()
    ) -> tuple[Post, int] | None:
        """See ``turn_of``. A worker that is just being replaced is waited for."""
        posts, apart = self._roster.serving_for(agent), self._roster.apart(agent)
        if all(post in tried for post in posts) and self._roster.has_workers_for(agent):
            return None

        def take() -> tuple[Post, int] | None:
            now_ns = clock_of_loop().now_ns()
            serving = self._roster.serving_for(agent)
            cost = self._costs[apart] = call_cost(
                [post.place for post in serving], self._costs.get(apart, CALL_COST)
            )
            found = [
                post
                for post in serving
                if post not in tried and post.place.has_time(now_ns) and has_room(post.place, cost)
            ]
            if not found:
                return None
            found = [post for post in found if not post.silent] or found
            chosen = roomiest([post.place for post in found], now_ns, cost)
            post = next(post for post in found if post.place is chosen)
            post.begin(now_ns)
            return post, now_ns

        # Who has tried none yet finds what the others find that the same workers are for.
        kind = "" if tried else f"workers of {apart}"
        return await self._turns.turn(mark, take, min(within_s, _TURN_WITHIN_S), kind)

    def _failed(self, post: Post, held: Held) -> None:
        post.failed(held.began_ns)
        self._turns.look()

    async def _ask(self, post: Post, offer: Offer, until_s: float) -> Answered:
        """The worker's answer. Raises ``WorkerLost`` as soon as it is known that it will not answer in time."""
        loop = asyncio.get_running_loop()
        answering = asyncio.ensure_future(post.worker.answer(offer))
        try:
            while not (await asyncio.wait({answering}, timeout=_LOOK_EVERY_S))[0]:
                if post.silent:
                    raise WorkerLost("its event loop is held")
                if loop.time() > until_s:
                    raise WorkerLost("it does not answer in time")
        finally:
            if not answering.done():
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
        return answering.result()


def named(post: Post, answered: Answered) -> Answered:
    """An answer whose names carry the worker that gave it."""
    return replace(
        answered, pc_id=joined(post.name, answered.pc_id), resume=joined(post.name, answered.resume)
    )

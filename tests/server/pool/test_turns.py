"""The line in front of workers: who asked first goes first, nobody waits long, who is sent away is told for when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.units import MS, SECOND
from livegraph.server.pool.placing import Place, has_room
from livegraph.server.pool.turns import Turns
from livegraph.server.pool.worker import WorkerReport


class Counter:
    """Has ``free`` to give, and numbers what it gives."""

    def __init__(self, free: int = 0) -> None:
        self.free = free
        self.given = 0

    def take(self) -> int | None:
        """One of them."""
        if not self.free:
            return None
        self.free -= 1
        self.given += 1
        return self.given

    def back(self, _: int) -> None:
        """It was not wanted after all."""
        self.free += 1


def played(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On virtual time."""
    run_virtual(play())


def test_who_asked_first_goes_first() -> None:
    """Three wait; two turns come up: the first two have them, and the third is sent away when it is late."""

    async def play() -> None:
        counter = Counter()
        turns = Turns(counter.back)
        waiting = [asyncio.create_task(turns.turn(mark, counter.take, 5)) for mark in "abc"]
        await asyncio.sleep(1)
        assert turns.waiting == 3
        counter.free = 2
        turns.look()
        assert await asyncio.gather(*waiting) == [1, 2, None]
        assert asyncio.get_running_loop().time() >= 5
        assert turns.waiting == 0

    played(play)


def test_who_comes_back_goes_before_who_comes_for_the_first_time() -> None:
    """An offer that was sent away has waited longer than those in the line, and is known by its mark."""

    async def play() -> None:
        counter = Counter()
        turns = Turns(counter.back)
        assert await turns.turn("early", counter.take, 1) is None
        late = asyncio.create_task(turns.turn("late", counter.take, 5))
        await asyncio.sleep(0.1)
        early = asyncio.create_task(turns.turn("early", counter.take, 5))
        await asyncio.sleep(0.1)
        counter.free = 1
        turns.look()
        assert await early == 1
        assert await late is None
        # Whoever was served and comes again is as late as anybody.
        turns.served("early")
        again = [asyncio.create_task(turns.turn(mark, counter.take, 5)) for mark in ("late", "early")]
        await asyncio.sleep(0.1)
        counter.free = 1
        turns.look()
        assert await asyncio.gather(*again) == [2, None]

    played(play)


def test_nobody_who_finds_something_waits_behind_those_who_cannot_have_it() -> None:
    """Calls of an agent with workers of its own do not wait for those of others."""

    async def play() -> None:
        busy, idle = Counter(), Counter(free=1)
        turns = Turns(busy.back)
        first = asyncio.create_task(turns.turn("first", busy.take, 5))
        await asyncio.sleep(0.1)
        assert await turns.turn("second", idle.take, 5) == 1
        assert await first is None

    played(play)


def test_of_those_who_look_for_the_same_only_the_first_looks() -> None:
    """A long line costs no more than a short one while there is nothing to be had."""

    async def play() -> None:
        looked = 0

        def take() -> int | None:
            nonlocal looked
            looked += 1
            return None

        turns = Turns(Counter().back)
        waiting = [asyncio.create_task(turns.turn(str(n), take, 1, "same")) for n in range(50)]
        await asyncio.sleep(0.1)
        looked = 0
        turns.look()
        assert looked == 1
        assert await asyncio.gather(*waiting) == [None] * 50

    played(play)


def test_the_line_is_bounded_and_who_came_last_is_sent_away() -> None:
    """At once: to wait would be in vain. One that comes back takes the place of one that has waited less."""

    async def play() -> None:
        counter = Counter()
        turns = Turns(counter.back, most=2)
        assert await turns.turn("old", counter.take, 0) is None
        await asyncio.sleep(1)
        waiting = [asyncio.create_task(turns.turn(mark, counter.take, 5)) for mark in ("b", "c", "d")]
        began = asyncio.get_running_loop().time()
        assert await waiting[2] is None
        assert asyncio.get_running_loop().time() == began
        old = asyncio.create_task(turns.turn("old", counter.take, 5))
        assert await waiting[1] is None
        counter.free = 2
        turns.look()
        assert sorted([await old, await waiting[0]]) == [1, 2]  # type: ignore[type-var]

    played(play)


def test_a_turn_that_comes_to_one_who_has_gone_is_given_back() -> None:
    """A caller that hangs up at the moment in which it is let in."""

    async def play() -> None:
        counter = Counter()
        turns = Turns(counter.back)
        waiting = asyncio.create_task(turns.turn("a", counter.take, 5))
        await asyncio.sleep(0.1)
        counter.free = 1
        turns.look()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert counter.free == 1
        assert turns.waiting == 0

    played(play)


def test_those_who_are_sent_away_are_told_to_come_one_after_the_other() -> None:
    """Not all at the same moment, or they meet again; never later than in half a minute."""

    async def play() -> None:
        turns = Turns(Counter().back)
        told = [turns.come_back_s() for _ in range(2_000)]
        assert told == sorted(told)
        assert told[0] >= 1
        assert len(set(told)) > 10
        assert told[-1] == 30
        await asyncio.sleep(60)
        assert turns.come_back_s() == told[0]

    played(play)


def test_a_worker_sets_up_few_calls_at_a_time() -> None:
    """More when callers have come, or were waited for in vain; fewer when its loop is late, but always one."""
    place = Place()
    while place.has_time(0):
        place.take(0)
    assert 4 <= len(place.settling) <= 16
    place.settled(0)
    assert place.has_time(0)
    place.take(0)
    assert not place.has_time(0)
    assert place.has_time(3 * SECOND)
    assert not place.settling
    late = Place(WorkerReport(lag_ns=500 * MS))
    assert late.has_time(0)
    late.take(0)
    assert not late.has_time(0)


def test_a_worker_takes_no_more_calls_than_its_core_can_be_expected_to_bear() -> None:
    """By what a call was found to cost, before the measurement shows it; a few calls are borne by any core."""
    place = Place()
    while has_room(place, 0.1) and place.calls < 100:
        place.take(0)
    assert 15 <= place.calls <= 20
    assert has_room(Place(WorkerReport(cpu=1.0), calls=3), 0.25)
    assert not has_room(Place(WorkerReport(cpu=1.0, active=10), calls=10), 0.1)

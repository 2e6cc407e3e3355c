"""One beat for all calls: each is called once in 20 ms, they are spread, and nobody is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.pipeline.units import MS
from livegraph.transports.webrtc.rtp import ticker
from livegraph.transports.webrtc.rtp.ticker import Ticker, beat_facts


class Member:
    """Notes when it is called."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.clock = clock_of_loop()
        self.times: list[int] = []
        self.then = then

    def beat(self) -> None:
        self.times.append(self.clock.now_ns())
        self.then()


def test_every_member_is_called_once_in_20_ms_and_they_are_spread() -> None:
    """Eight calls, two in each of four slots."""

    async def main() -> None:
        members = [Member() for _ in range(8)]
        for member in members:
            joined = Ticker.join(member.beat)
        await asyncio.sleep(1.0)
        for member in members:
            assert len(member.times) in (49, 50)
            assert {b - a for a, b in zip(member.times, member.times[1:], strict=False)} == {20 * MS}
        slots = [member.times[0] % (20 * MS) // (5 * MS) for member in members]
        assert sorted(slots) == [0, 0, 1, 1, 2, 2, 3, 3]
        for member in members:
            joined.leave(member.beat)
            joined.leave(member.beat)
        before = [len(member.times) for member in members]
        await asyncio.sleep(0.1)
        assert before == [len(member.times) for member in members]

    run_virtual(main())
    assert not ticker._tickers


def test_a_stall_is_counted_and_each_member_called_once_after_it() -> None:
    """The loop stands still for 100 ms: no burst of beats, and the lateness is told."""

    async def main() -> None:
        members = [Member() for _ in range(4)]
        for member in members:
            joined = Ticker.join(member.beat)
        await asyncio.sleep(0.2)
        late, counts = beat_facts().late, [len(member.times) for member in members]
        asyncio.get_running_loop().virtual_ns += 100 * MS  # type: ignore[attr-defined]
        await asyncio.sleep(0.0001)
        assert [len(member.times) - count for member, count in zip(members, counts, strict=True)] == [1] * 4
        assert beat_facts().late == late + 1
        assert beat_facts().latest_ns >= 90 * MS
        for member in members:
            joined.leave(member.beat)

    run_virtual(main())


def test_a_member_that_raises_is_told_of_and_stops_nobody() -> None:
    """The loop's handler hears of it each time; the others are called as ever."""

    async def main() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: told.append(context["exception"])
        )

        def fail() -> None:
            raise ValueError("broken")

        broken = Member(fail)
        others = [Member() for _ in range(5)]
        for member in (broken, *others):
            joined = Ticker.join(member.beat)
        await asyncio.sleep(0.5)
        assert len(told) in (24, 25)
        assert all(len(member.times) in (24, 25) for member in others)
        for member in (broken, *others):
            joined.leave(member.beat)

    run_virtual(main())


def test_members_may_come_and_go_in_the_middle_of_a_beat() -> None:
    """One leaves another, one joins: the rest are called as ever."""

    async def main() -> None:
        steady, late = Member(), Member()
        fickle = Member()
        joined = Ticker.join(steady.beat)

        def leave() -> None:
            joined.leave(fickle.beat)
            if not late.times and joined.members == 1:
                Ticker.join(late.beat)

        fickle.then = leave
        Ticker.join(fickle.beat)
        await asyncio.sleep(0.5)
        assert len(fickle.times) == 1
        assert len(late.times) >= 22
        assert len(steady.times) in (24, 25)
        joined.leave(steady.beat)
        joined.leave(late.beat)

    run_virtual(main())
    assert not ticker._tickers


def test_a_beat_on_uvloop_is_not_asked_for_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its timers count milliseconds and may come early: then one more is set, not one after another till it is time."""
    uvloop = pytest.importorskip("uvloop")
    fired: list[int] = []
    beat = Ticker._beat

    def counted(self: Ticker, slot: int) -> None:
        fired.append(slot)
        beat(self, slot)

    monkeypatch.setattr(Ticker, "_beat", counted)

    async def main() -> None:
        member = Member()
        joined = Ticker.join(member.beat)
        await asyncio.sleep(0.5)
        joined.leave(member.beat)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert len(fired) <= 2 * len(set(fired)) + 2

"""How busy a loop's thread is, for whoever can do with less."""

from __future__ import annotations

import asyncio
import time

from livegraph.pipeline import run_virtual
from livegraph.pipeline.clock import timer_s
from livegraph.pipeline.running.loop_load import LoadMeter, loop_load
from livegraph.pipeline.units import MS, SECOND


def test_the_share_is_that_of_the_time_between_two_measurements() -> None:
    """At most once a second, and never above a whole core."""
    meter = LoadMeter(10 * SECOND, 3 * SECOND)
    assert meter.share == 0.0
    assert not meter.is_due(11 * SECOND - 1)
    assert meter.is_due(11 * SECOND)
    meter.measure(12 * SECOND, 3 * SECOND + 500 * MS)
    assert meter.share == 0.25
    meter.measure(13 * SECOND, 6 * SECOND)
    assert meter.share == 1.0
    meter.measure(15 * SECOND, 6 * SECOND)
    assert meter.share == 0.0


def test_virtual_time_is_never_busy() -> None:
    """What follows from the load would else follow from the machine."""

    async def main() -> float:
        loop_load()
        await asyncio.sleep(3)
        return loop_load()

    assert run_virtual(main()) == 0.0


def test_a_loop_that_computes_is_found_busy() -> None:
    """By the time that its thread took, whatever else the machine does."""

    async def main() -> float:
        loop_load()
        until_ns = time.thread_time_ns() + 300 * MS
        began = time.monotonic()
        while time.thread_time_ns() < until_ns or time.monotonic() - began < 1.05:
            pass
        return loop_load()

    assert asyncio.run(main()) > 0.05


def test_a_timer_is_given_whole_milliseconds_and_virtual_time_exact_ones() -> None:
    """uvloop would fire early, and again and again, for a part of one."""

    async def main() -> list[float]:
        return [timer_s(-1), timer_s(0), timer_s(1), timer_s(MS), timer_s(MS + 1)]

    assert asyncio.run(main()) == [0.0, 0.0, 0.001, 0.001, 0.002]
    assert run_virtual(main()) == [0.0, 0.0, 1e-9, 0.001, 0.001000001]

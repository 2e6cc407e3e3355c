"""Callers from as many processes as it takes, added up."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable

import msgspec

from ...pipeline.errors import LivegraphError
from .numbers import LoadReport, Seen, Tally
from .plan import LoadPlan

__all__ = ["processes_for", "run_load"]

_CALLERS_A_PROCESS = 100
_END_WITHIN_S = 20.0
_LONGEST_LINE = 16 * 1024 * 1024


def processes_for(calls: int) -> int:
    """How many processes so many callers take."""
    return max(1, -(-calls // _CALLERS_A_PROCESS))


async def run_load(
    plan: LoadPlan, *, processes: int | None = None, told: Callable[[LoadReport], None] | None = None
) -> LoadReport:
    """Put this load on a server; returns when all calls are over. Cancelled, all callers hang up first.

    Args:
        processes: that the callers are in; by default one for each hundred.
        told: given the report as it stands, about once a second.

    Raises ``LivegraphError`` when a process of callers fails.
    """
    count = processes or processes_for(plan.calls)
    tally, began = Tally(plan.calls, count), time.monotonic()

    async def one(number: int) -> None:
        part = msgspec.structs.replace(plan, first=number, step=count)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "livegraph.testing.load.crowd"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(part) + b"\n")
            await process.stdin.drain()
            async for line in process.stdout:
                tally.take(number, msgspec.json.decode(line, type=Seen))
                if told is not None:
                    told(tally.report(time.monotonic() - began))
            if await process.wait():
                raise LivegraphError(f"a process of callers ended with {process.returncode}")
        finally:
            process.stdin.close()
            await _ended(process)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number), name=f"callers {number}")
    return tally.report(time.monotonic() - began)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Its callers hang up, or it is killed."""
    try:
        async with asyncio.timeout(_END_WITHIN_S):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise

"""Whatever fails, hangs or is cancelled, and in whatever order: the call ends in time and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline import SECOND, CallLimits, Graph, LivegraphError, Processor, run_virtual
from livegraph.pipeline.events import CallEnded
from livegraph.pipeline.graph.declarations import OnError
from livegraph.pipeline.graph.plan import make_plan
from livegraph.testing import no_tasks_left
from support.boxes import Collect, Words
from support.faulty import AsyncFaulty, Faulty, FaultySource

LIMITS = CallLimits(start_ns=2 * SECOND, stop_ns=SECOND, stall_ns=SECOND, restarts=2)


@dataclass(frozen=True)
class Box:
    """One box of the chain, and what is wrong with it."""

    kind: type[Processor]
    where: str
    hangs: bool
    times: int
    on_error: OnError


BOXES = st.builds(
    Box,
    kind=st.sampled_from([Faulty, AsyncFaulty]),
    where=st.sampled_from(["", "", "start", "handler", "on_interrupt", "on_end", "stop"]),
    hangs=st.booleans(),
    times=st.sampled_from([1, 2, 1_000]),
    on_error=st.sampled_from(["end_call", "skip_frame", "restart"]),
)
Ending = Literal["streams", "end", "cancel", "leave"]


@settings(max_examples=150)
@given(
    boxes=st.lists(BOXES, min_size=1, max_size=4),
    source=st.sampled_from(["words", "run", "run hangs"]),
    ending=st.sampled_from(["streams", "end", "cancel", "leave"]),
    after_ms=st.sampled_from([0, 1, 15, 40, 2_500]),
    interrupt_ms=st.sampled_from([0, 10, 30]),
)
def test_a_call_ends_whatever_happens(
    boxes: list[Box], source: str, ending: Ending, after_ms: int, interrupt_ms: int
) -> None:
    """Each of its deadlines is kept, everything that started is stopped, and the end is told once."""
    logs: list[list[str]] = []
    graph = Graph()
    if source == "words":
        graph.add("source", Words, words=["w"] * 8, gap_ms=10)
    else:
        graph.add("source", FaultySource, where="run", hangs=source == "run hangs")
    names: list[Any] = ["source"]
    for number, box in enumerate(boxes):
        logs.append([])
        name = graph.add(
            f"box{number}",
            box.kind,
            on_error=box.on_error,
            where=box.where,
            hangs=box.hangs,
            times=box.times,
            log=logs[-1],
        )
        names.append(name)
    graph.chain(*names, graph.add("sink", Collect))

    async def main() -> None:
        call = make_plan(graph, limits=LIMITS).call()
        ends: list[CallEnded] = []
        call.events.subscribe(CallEnded, ends.append)

        async def use() -> None:
            async with call:
                await asyncio.sleep(after_ms / 1_000)

        def interrupt() -> None:
            with contextlib.suppress(KeyError):
                call.processor("sink", Collect).call.conversation.interrupted(1)

        async with no_tasks_left():
            running = asyncio.create_task(use() if ending == "leave" else call.run())
            loop = asyncio.get_running_loop()
            if interrupt_ms:
                loop.call_later(interrupt_ms / 1_000, interrupt)
            if ending == "cancel":
                loop.call_later(after_ms / 1_000, running.cancel)
            else:
                # What hangs for ever is ended from outside, however else it was to end.
                loop.call_later(after_ms / 1_000 if ending == "end" else 5, call.end, "enough")
            done, _ = await asyncio.wait({running}, timeout=60)
            assert done
        error = None if running.cancelled() else running.exception()
        assert error is None or isinstance(error, LivegraphError)
        assert ending == "cancel" or not running.cancelled()
        if not ends:
            # Cancelled before its first step, it never was.
            assert running.cancelled()
            return
        # Starts one after the other, each with its grace; then the script and the stops.
        assert ends[0].time_ns <= (len(names) * 3 + 5 + 4) * SECOND
        assert len(ends) == 1
        assert ending == "cancel" or (ends[0].error != "") == (error is not None)

    logging.disable(logging.CRITICAL)
    try:
        run_virtual(main())
    finally:
        logging.disable(logging.NOTSET)
    for log in logs:
        assert log.count("stop") == log.count("start")

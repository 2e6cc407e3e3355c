"""What the engine costs: a frame's hop from box to box, ten of them, an interruption, a call's start and end.

    python benchmarks/bench_engine.py [--rounds 15] [--frames 2000] [--against PATH] [--cpu]

``--against`` compares with the checkout at PATH (``git worktree add PATH COMMIT``): the same rows on both engines, in
turns, in two processes.

Hops are measured against the least that Python can do: a direct call of the same method (*call*), and a task behind
an ``asyncio.Queue`` (*queue*). All rows take turns, so that a busy machine slows them alike; the numbers are medians
over the rounds, and ratios are medians of the ratios within a round. A chain passes ``--frames`` frames through ten
boxes; its cost per hop is the time of the run divided by frames and boxes.

- *inline*: boxes with plain handlers, which return the frame.
- *emit*: the same, which emit it by the port's name.
- *audio*: the same as *inline* with 20 ms of sound, a new frame at each hop.
- *queued*: boxes with async handlers, each behind a bounded queue with a task of its own.
- *latency*: one frame at a time through ten boxes, from its sending to its arrival.
- *interrupt*: until N boxes have been told and their queues emptied.
- *start and stop*: a call of ten boxes, from its making to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import numpy as np

from livegraph.pipeline import AudioFrame, Frame, Graph, In, InterruptFrame, Out, Plan, Processor, TextFrame

HOPS = 10
SOUND = AudioFrame(np.zeros(320, np.int16), 16_000)
TEXT = TextFrame("x")
clock: Callable[[], float] = time.perf_counter
"""``--cpu``: the processor's time, where others work on the same machine."""
INTERRUPTED = (10, 100)


class Source(Processor):
    """Sends when the benchmark says so."""

    out: Out[Frame]

    def __init__(self) -> None:
        self._over = asyncio.Event()

    async def run(self) -> None:
        await self._over.wait()


class Inline(Processor):
    """A hop that costs a function call."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame


class Emitting(Processor):
    """The same, by the port's name."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def on_text(self, frame: TextFrame) -> None:
        self.out.emit(frame)


class Queued(Processor):
    """A hop that costs a queue and a task's wake-up."""

    text: In[TextFrame]
    out: Out[TextFrame]

    async def on_text(self, frame: TextFrame) -> TextFrame:
        return frame


class Louder(Processor):
    """A hop that makes sound of sound."""

    text: In[AudioFrame] = In(rate=16_000, channels=1)
    out: Out[AudioFrame] = Out(like="text")

    def on_text(self, frame: AudioFrame) -> AudioFrame:
        return AudioFrame(frame.samples, frame.rate)


class Sink(Processor):
    """Counts, and wakes the benchmark at the last one."""

    text: In[Frame]

    def __init__(self) -> None:
        self.left = 0
        self.done = asyncio.Event()

    def on_text(self, frame: Frame) -> None:
        self.left -= 1
        if self.left == 0:
            self.done.set()

    def expect(self, frames: int) -> None:
        """Wake after so many."""
        self.left = frames
        self.done.clear()


def chain(kind: type[Processor], boxes: int) -> Plan:
    """Source, boxes, sink."""
    graph = Graph()
    names = [graph.add("source", Source), *(graph.add(f"box{n}", kind) for n in range(boxes))]
    graph.chain(*names, graph.add("sink", Sink))
    return graph.plan()


# Baselines ---------------------------------------------------------------------------------------------


class Direct:
    """The boxes' method, called by the next in line and by nothing else."""

    def __init__(self, following: Callable[[Frame], None]) -> None:
        self._following = following

    def on_text(self, frame: Frame) -> None:
        self._following(frame)


async def direct_calls(frames: int, hops: int) -> float:
    """Seconds for a chain of plain method calls."""
    count = 0

    def sink(frame: Frame) -> None:
        nonlocal count
        count += 1

    first: Callable[[Frame], None] = sink
    for _ in range(hops):
        first = Direct(first).on_text
    frame = TextFrame("x")
    began = clock()
    for _ in range(frames):
        first(frame)
    return clock() - began


async def queue_hops(frames: int, hops: int, *, one_by_one: bool = False) -> float:
    """Seconds for a chain of tasks behind bounded ``asyncio.Queue``s."""
    queues: list[asyncio.Queue[Frame]] = [asyncio.Queue(1024) for _ in range(hops)]
    arrived = asyncio.Event()
    left = 1 if one_by_one else frames

    async def work(mine: asyncio.Queue[Frame], following: asyncio.Queue[Frame] | None) -> None:
        nonlocal left
        while True:
            frame = await mine.get()
            if following is not None:
                await following.put(frame)
                continue
            left -= 1
            if left == 0:
                arrived.set()

    tasks = [
        asyncio.create_task(work(queue, queues[index + 1] if index + 1 < hops else None))
        for index, queue in enumerate(queues)
    ]
    frame = TextFrame("x")
    began = clock()
    for _ in range(frames):
        await queues[0].put(frame)
        if one_by_one:
            await arrived.wait()
            arrived.clear()
            left = 1
    if not one_by_one:
        await arrived.wait()
    took = clock() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took


# The engine --------------------------------------------------------------------------------------------


async def hops(plan: Plan, frames: int, frame: Frame = TEXT, *, one_by_one: bool = False) -> float:
    """Seconds for ``frames`` through a running call."""
    async with plan.call() as call:
        source, sink = call.processor("source", Source), call.processor("sink", Sink)
        sink.expect(1 if one_by_one else frames)
        began = clock()
        for _ in range(frames):
            await source.out.send(frame)
            if one_by_one:
                await sink.done.wait()
                sink.expect(1)
        if not one_by_one:
            await sink.done.wait()
        return clock() - began


async def interrupt(plan: Plan) -> float:
    """Seconds until every box of a running call was told that a turn is void."""
    async with plan.call() as call:
        source = call.processor("source", Source)
        # The engine that `--against` names may have it under its old name.
        conversation = getattr(
            source.call, "conversation" if hasattr(source.call, "conversation") else "turns"
        )
        for _ in range(20):
            source.out.emit(TextFrame("x", turn=1))
        began = clock()
        conversation.interrupted(1)
        return clock() - began


async def start_and_stop(plan: Plan, calls: int) -> float:
    """Seconds for so many calls, one after the other."""
    began = clock()
    for _ in range(calls):
        async with plan.call():
            pass
    return clock() - began


class Told(Queued):
    """Has something to forget."""

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self.forgotten = frame.turn


# The table ---------------------------------------------------------------------------------------------


class Row:
    """One thing to measure; ``unit`` divides its seconds, ``base`` is the row that it is compared with."""

    def __init__(self, name: str, unit: int, step: Callable[[], Awaitable[float]], base: str = "") -> None:
        self.name, self.unit, self.step, self.base = name, unit, step, base
        self.us: list[float] = []

    async def measure(self) -> None:
        """Once more."""
        gc.collect()
        self.us.append(await self.step() * 1e6 / self.unit)

    def report(self, rows: dict[str, Row]) -> str:
        """Its line of the table."""
        line = f"{self.name:<38}{statistics.median(self.us):>10.2f} us{min(self.us):>10.2f} us"
        if self.base:
            pairs = zip(self.us, rows[self.base].us, strict=True)
            line += f"{statistics.median(mine / theirs for mine, theirs in pairs):>8.2f} x {self.base}"
        return line


def all_rows(frames: int) -> list[Row]:
    """What is measured."""
    few = max(1, frames // 10)
    per_hop = frames * HOPS
    inline, emitting, queued, audio = (chain(kind, HOPS) for kind in (Inline, Emitting, Queued, Louder))
    rows = [
        Row("call, per hop", per_hop, lambda: direct_calls(frames, HOPS)),
        Row("inline, per hop", per_hop, lambda: hops(inline, frames), "call, per hop"),
        Row("emit, per hop", per_hop, lambda: hops(emitting, frames), "call, per hop"),
        Row("audio, per hop", per_hop, lambda: hops(audio, frames, SOUND), "call, per hop"),
        Row("queue, per hop", per_hop, lambda: queue_hops(frames, HOPS)),
        Row("queued, per hop", per_hop, lambda: hops(queued, frames), "queue, per hop"),
        Row("call, latency of ten hops", few, lambda: direct_calls(few, HOPS)),
        Row("inline, latency of ten hops", few, lambda: hops(inline, few, one_by_one=True)),
        Row("queue, latency of ten hops", few, lambda: queue_hops(few, HOPS, one_by_one=True)),
        Row(
            "queued, latency of ten hops",
            few,
            lambda: hops(queued, few, one_by_one=True),
            "queue, latency of ten hops",
        ),
    ]
    for boxes in INTERRUPTED:
        plan = chain(Told, boxes)
        rows.append(Row(f"interrupt, {boxes} queued boxes", 1, partial(interrupt, plan)))
    rows.append(Row("start and stop, ten inline boxes", 20, lambda: start_and_stop(inline, 20)))
    rows.append(Row("start and stop, ten queued boxes", 20, lambda: start_and_stop(queued, 20)))
    return rows


async def measure(rounds: int, rows: list[Row]) -> None:
    """Every row in turn, so many times, then the table."""
    for _ in range(rounds):
        for row in rows:
            await row.measure()
    table = {row.name: row for row in rows}
    print(f"{'':<38}{'median':>13}{'best':>13}{'ratio':>8}")
    for row in rows:
        print(row.report(table))


# Two checkouts in one run --------------------------------------------------------------------------------


def serve(rows: list[Row]) -> None:
    """For ``--against``: measure the rows of the numbers that come on stdin, and print what each took."""
    for line in sys.stdin:
        row = rows[int(line)]
        asyncio.run(row.measure())
        print(row.us[-1], flush=True)


class Engine:
    """This benchmark in a process of its own, on the livegraph of one checkout."""

    def __init__(self, checkout: Path, home: str, frames: int, *, cpu: bool) -> None:
        (Path(home) / "livegraph").symlink_to(checkout.resolve(), target_is_directory=True)
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", "--frames", str(frames), *(["--cpu"] if cpu else [])],
            env={**os.environ, "PYTHONPATH": home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, row: int) -> float:
        """Microseconds of one row."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(row, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def compare(other: Path, rounds: int, frames: int, *, cpu: bool) -> None:
    """Both in turns, row by row, so that whatever else the machine does slows them alike; then the ratios."""
    rows = all_rows(frames)
    taken: list[tuple[list[float], list[float]]] = [([], []) for _ in rows]
    with tempfile.TemporaryDirectory() as old_home, tempfile.TemporaryDirectory() as new_home:
        old = Engine(other, old_home, frames, cpu=cpu)
        new = Engine(Path(__file__).parent.parent, new_home, frames, cpu=cpu)
        for turn in range(rounds):
            for number, (before, after) in enumerate(taken):
                # Who comes second finds a warmer machine: they take turns in that, too.
                for engine, into in ((old, before), (new, after))[:: -1 if turn % 2 else 1]:
                    into.append(engine.measure(number))
        old.close()
        new.close()
    print(f"{'':<38}{'old':>13}{'new':>13}{'new/old':>10}{'best':>8}")
    for row, (before, after) in zip(rows, taken, strict=True):
        ratio = statistics.median(mine / theirs for mine, theirs in zip(after, before, strict=True))
        print(
            f"{row.name:<38}{statistics.median(before):>10.2f} us{statistics.median(after):>10.2f} us"
            f"{ratio:>10.2f}{min(after) / min(before):>8.2f}"
        )


def main() -> None:
    """Measure in turns, then print."""
    parser = argparse.ArgumentParser(description="What the engine costs.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--frames", type=int, default=2_000)
    parser.add_argument("--against", type=Path, help="another checkout to compare this one with")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--cpu", action="store_true", help="measure the processor's time instead of the clock's"
    )
    arguments = parser.parse_args()
    if arguments.cpu:
        global clock
        clock = time.process_time
    if arguments.serve:
        serve(all_rows(arguments.frames))
    elif arguments.against is not None:
        compare(arguments.against, arguments.rounds, arguments.frames, cpu=arguments.cpu)
    else:
        asyncio.run(measure(arguments.rounds, all_rows(arguments.frames)))


if __name__ == "__main__":
    main()

"""What a processor has going beside its handlers, at its end, and across a restart."""

import asyncio
import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import (
    CallLimits,
    Graph,
    In,
    OffloadCut,
    Out,
    ProcessLimits,
    Processor,
    ProcessorError,
    TextFrame,
    ms,
    run_virtual,
)
from livegraph.pipeline.running.offload import OffloadError, shut_pool
from livegraph.testing import LiveProcessor, Wait, live_processor, no_leaks, no_tasks_left, run_processor
from support import deeds, heavy
from support.boxes import Collect, SlowUpper, Words
from support.processes import gone


class Beside(Processor):
    """Says what its tasks and timers do."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, at_start: Callable[["Beside"], Any] | None = None) -> None:
        self.at_start = at_start
        self.tasks: list[Any] = []
        self.cleaned = 0

    async def start(self) -> None:
        if self.at_start is not None:
            self.tasks.append(self.at_start(self))

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame

    def say(self) -> TextFrame:
        return TextFrame(f"at {self.call.clock.now_ns() // ms(1)}")

    async def talk(self) -> None:
        try:
            for _ in range(3):
                await asyncio.sleep(0.01)
                await self.out.send(self.say())
            await asyncio.Event().wait()
        finally:
            self.cleaned += 1

    async def fail(self) -> None:
        await asyncio.sleep(0.01)
        raise RuntimeError("no more")


class Slow(Beside):
    """The same with a handler that waits."""

    async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]  # async here
        await asyncio.sleep(0.1)
        return frame


# Tasks ------------------------------------------------------------------------------------------------


def test_a_spawned_task_begins_with_the_call_and_ends_with_the_node() -> None:
    """From `start` on; cancelled at the end of the streams, its `finally` run before the call is over."""
    with no_leaks():
        run = run_processor(
            Beside, [Wait("100ms"), TextFrame("a")], at_start=lambda box: box.spawn(box.talk())
        )
    assert run.texts == ["at 10", "at 20", "at 30", "a"]
    assert run.processor.cleaned == 1 and run.processor.tasks[0].done


def test_what_a_spawned_task_raises_is_the_nodes_fault() -> None:
    """With its name, and `on_error` applies."""
    with pytest.raises(ProcessorError, match="box: RuntimeError: no more"):
        run_processor(Beside, [Wait("1s")], at_start=lambda box: box.spawn(box.fail()))


def test_a_spawned_task_can_be_cancelled_alone() -> None:
    """Whether it has begun or not; the node goes on."""

    def start(box: Beside) -> Any:
        box.spawn(box.talk()).cancel()
        task = box.spawn(box.talk())
        box.after("15ms", task.cancel)
        return task

    run = run_processor(Beside, [Wait("100ms"), TextFrame("a")], at_start=start)
    assert run.texts == ["at 10", "a"]
    assert run.processor.cleaned == 1


def test_nothing_begins_in_a_call_that_does_not_start() -> None:
    """And no coroutine is left behind that nobody awaited."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("box", Beside, at_start=lambda box: box.spawn(box.talk()))
    graph.add("broken", Beside, at_start=lambda box: 1 / 0)
    graph.chain("words", "broken", "box")

    async def main() -> None:
        async with no_tasks_left():
            with pytest.raises(ProcessorError, match="broken"):
                await graph.plan().call().run()

    run_virtual(main())


def test_outside_of_a_call_there_is_nothing_to_spawn_on() -> None:
    """Said with a remedy; the coroutine is closed."""
    box = Beside()
    with pytest.raises(RuntimeError, match="from `start` on"):
        box.spawn(box.talk())
    with pytest.raises(RuntimeError, match="from `start` on"):
        box.after("1s", box.say)


# Timers -----------------------------------------------------------------------------------------------


def test_timers_go_by_the_calls_clock_and_send_what_they_return() -> None:
    """Once, or each period, to the end of the node."""
    run = run_processor(
        Beside, [Wait("100ms")], at_start=lambda box: (box.after("25ms", box.say), box.every(ms(40), box.say))
    )
    assert run.texts == ["at 25", "at 40", "at 80"]


def test_a_timer_waits_while_a_handler_is_at_a_frame() -> None:
    """Handlers never overlap, timers included; those that were due come in order, before the next frame."""
    run = run_processor(
        Slow, [TextFrame("a"), TextFrame("b"), Wait("1s")], at_start=lambda box: box.after("30ms", box.say)
    )
    assert run.texts == ["a", "at 100", "b"]


def test_an_async_timer_runs_beside_and_its_fault_is_the_nodes() -> None:
    with pytest.raises(ProcessorError, match="no more"):
        run_processor(Beside, [Wait("1s")], at_start=lambda box: box.after("30ms", box.fail))


def test_a_period_of_nothing_is_refused() -> None:
    with pytest.raises(ProcessorError, match="period: must be longer than nothing"):
        run_processor(Beside, at_start=lambda box: box.every(0, box.say))


# Offload ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _processes() -> Iterator[None]:
    """Those that work was given to are gone when these tests are done."""
    yield
    shut_pool()


class Digests(Processor):
    """Works on each frame elsewhere."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(
        self, *, process: bool | ProcessLimits = False, work: Callable[..., Any] = heavy.digest
    ) -> None:
        self.process, self.work = process, work

    async def on_text(self, frame: TextFrame) -> TextFrame:
        return TextFrame(str(await self.offload(self.work, int(frame.text), process=self.process)))


def test_offloaded_work_keeps_its_order() -> None:
    """In threads: the first takes longest, and comes first."""
    numbers = [900, 5, 1]
    run = run_processor(Digests, [TextFrame(str(number)) for number in numbers])
    assert run.texts == [str(heavy.digest(number)) for number in numbers]


def test_offloaded_work_leaves_the_loop_free() -> None:
    """It runs in another thread; with `process=True` in another process, which is there for all calls."""
    seen: list[int] = []
    run_processor(Digests, [TextFrame("1")], work=lambda _: seen.append(threading.get_ident()))
    assert seen and seen[0] != threading.get_ident()
    run = run_processor(Digests, [TextFrame("1"), TextFrame("2")], process=True, work=heavy.where)
    assert str(os.getpid()) not in run.texts


def test_what_offloaded_work_raises_is_raised_where_it_is_awaited() -> None:
    def broken(_: int) -> None:
        raise ValueError("not this one")

    with pytest.raises(ProcessorError, match="ValueError: not this one"):
        run_processor(Digests, [TextFrame("1")], work=broken)


def test_work_that_cannot_go_to_a_process_is_told_with_a_remedy() -> None:
    """And one that kills its process is named."""
    with pytest.raises(
        ProcessorError, match="it takes a function of a module, and arguments that pickle"
    ) as caught:
        run_processor(Digests, [TextFrame("1")], process=True, work=lambda _: 1)
    assert isinstance(caught.value.__cause__, OffloadError)
    with pytest.raises(ProcessorError, match="the process that ran die_of died"):
        run_processor(Digests, [TextFrame("1")], process=True, work=heavy.die_of)


@pytest.mark.virtual_time
async def test_offloaded_work_is_dropped_with_its_turn() -> None:
    """The next turn does not wait for it, and its result is not heard."""
    gate = threading.Event()

    def wait(number: int) -> str:
        if number == 1:
            gate.wait(20)
        return f"done {number}"

    async with live_processor(Digests, work=wait) as box:
        await box.send(TextFrame("1", turn=1))
        # Real time: a virtual clock stands still while a thread works.
        deadline = time.monotonic() + 20
        while box.processor._host is None or time.monotonic() > deadline:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        box.interrupt(1)
        await box.send(TextFrame("2", turn=2))
        for _ in range(2_000):
            if box.texts:
                break
            await asyncio.sleep(0)
            time.sleep(0.001)  # noqa: ASYNC251  # the thread is given real time
        gate.set()
        assert box.texts == ["done 2"]


async def first_text(box: LiveProcessor[Digests]) -> list[str]:
    """What has come once something has."""
    for _ in range(20_000):
        if box.texts:
            break
        await asyncio.sleep(0)
        time.sleep(0.001)  # noqa: ASYNC251  # others are given real time
    return box.texts


@pytest.mark.virtual_time
async def test_a_process_at_work_for_a_cut_turn_is_ended_and_replaced(tmp_path: Path) -> None:
    """The next turn has a process at once, however long the work would have taken; it is counted and named."""
    told: list[OffloadCut] = []
    async with live_processor(Digests, process=True, work=partial(heavy.linger, str(tmp_path))) as box:
        box.call.events.subscribe(OffloadCut, told.append)
        await box.send(TextFrame("1", turn=1))
        while not (tmp_path / "1").exists() or not (tmp_path / "1").read_text():
            await asyncio.sleep(0)
            time.sleep(0.001)  # noqa: ASYNC251  # the process is given real time
        box.interrupt(1)
        await box.send(TextFrame("2", turn=2))
        (second,) = await first_text(box)
    first = int((tmp_path / "1").read_text())
    assert int(second) != first
    assert gone(first)
    assert [(event.node, event.work, event.goes_on, event.count) for event in told] == [
        ("box", "linger", False, 1)
    ]


@pytest.mark.virtual_time
async def test_threads_at_work_for_cut_turns_are_counted_and_bounded() -> None:
    """They go on for nothing, eight of them at most; a ninth piece begins when one of them is done."""
    told: list[OffloadCut] = []
    gate, running = threading.Event(), set[int]()

    def wait(number: int) -> str:
        running.add(number)
        if number < 9:
            gate.wait(20)
        return f"done {number}"

    async with live_processor(Digests, work=wait) as box:
        box.call.events.subscribe(OffloadCut, told.append)
        for number in range(1, 9):
            await box.send(TextFrame(str(number), turn=number))
            while number not in running:
                await asyncio.sleep(0)
                time.sleep(0.001)  # noqa: ASYNC251  # the thread is given real time
            box.interrupt(number)
        await box.send(TextFrame("9", turn=9))
        for _ in range(50):
            await asyncio.sleep(0)
        assert running == set(range(1, 9)) and not box.texts
        gate.set()
        assert await first_text(box) == ["done 9"]
    assert [event.count for event in told] == list(range(1, 9))
    assert all(event.goes_on and "wait" in event.work for event in told)


@pytest.mark.parametrize("error", [StopIteration(1), GeneratorExit(), SystemExit(2), KeyboardInterrupt()])
@pytest.mark.parametrize("process", [False, True])
def test_whatever_offloaded_work_raises_arrives(error: BaseException, process: bool) -> None:
    """Some classes of exceptions are none that a future can be given."""
    with pytest.raises(ProcessorError, match=f"box: .*{type(error).__name__}"):
        run_processor(
            Digests,
            [TextFrame("1")],
            process=process,
            work=partial(heavy.raises, type(error), error.args),
        )


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (heavy.gives_a_lock, "TypeError: cannot pickle"),
        (heavy.raises_what_cannot_be_read, "Unreadable: no such number"),
    ],
)
def test_what_cannot_come_back_from_a_process_is_told(work: Callable[..., Any], message: str) -> None:
    """A result that does not pickle, and an exception that pickles and cannot be made again."""
    with pytest.raises(ProcessorError, match=message):
        run_processor(Digests, [TextFrame("1")], process=True, work=work)


class Closing(Processor):
    """Offloads when it stops."""

    text: In[TextFrame]

    def __init__(self, *, done: list[str]) -> None:
        self.done = done

    def on_text(self, frame: TextFrame) -> None: ...

    async def stop(self) -> None:
        self.done.append(await self.offload(str.upper, "saved"))


@pytest.mark.leaks
def test_stop_may_offload_and_leaves_no_thread() -> None:
    """What is saved at the end is saved beside the loop."""
    done: list[str] = []
    run_processor(Closing, [TextFrame("1")], done=done)
    assert done == ["SAVED"]


# The end ----------------------------------------------------------------------------------------------


class LateWords(Processor):
    """Has something to say at its end, and takes time for it."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame

    async def on_end(self) -> TextFrame:
        await asyncio.sleep(0.05)
        if self.fails:
            raise RuntimeError("lost it")
        return TextFrame("the last")


class LateStream(LateWords):
    """The same, piece by piece."""

    async def on_end(self) -> AsyncIterator[TextFrame]:  # type: ignore[override]  # yields here
        for word in ("one", "two"):
            await asyncio.sleep(0.05)
            yield TextFrame(word)


def test_an_async_on_end_is_awaited_before_the_node_ends() -> None:
    """What it returns or yields goes out, then the end of the stream; the call completes."""
    run = run_processor(LateWords, [TextFrame("a")])
    assert (run.texts, run.times_ns()[-1], run.reason) == (["a", "the last"], ms(50), "completed")
    assert run_processor(LateStream, [TextFrame("a")]).texts == ["a", "one", "two"]
    with pytest.raises(ProcessorError, match="lost it"):
        run_processor(LateWords, [TextFrame("a")], fails=True)


# Across a restart -------------------------------------------------------------------------------------


class Counts(Processor):
    """Numbers lines; fails at some."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, fail_at: tuple[int, ...] = (), log: list[int] | None = None) -> None:
        self.fail_at, self.starts = fail_at, log if log is not None else []
        self.count = 0

    async def start(self) -> None:
        self.starts.append(self.call.clock.now_ns() // ms(1))

    async def on_text(self, frame: TextFrame) -> TextFrame:
        self.count += 1
        if self.count in self.fail_at:
            raise RuntimeError(f"at {frame.text}")
        return TextFrame(f"{self.count}{frame.text}")

    def snapshot(self) -> int:
        return self.count

    def restore(self, state: int) -> None:
        self.count = state


def restarted(
    words: str, fail_at: tuple[int, ...], on_error: Any = "restart", gap_ms: int = 0, **limits: Any
) -> tuple[list[str], list[int]]:
    """What comes out of a node that fails, and when it started."""
    heard: list[str] = []
    log: list[int] = []
    graph = Graph()
    graph.chain(
        graph.add(Words, words=list(words), gap_ms=gap_ms),
        graph.add("counts", Counts, on_error=on_error, fail_at=fail_at, log=log),
        graph.add(Collect, into=heard),
    )
    run_virtual(graph.plan(limits=CallLimits(**limits)).call().run())
    return heard, log


def test_a_snapshot_is_restored_across_a_restart() -> None:
    """The next one goes on counting where this one failed."""
    assert restarted("abcd", (2,))[0] == ["1a", "3c", "4d"]


def test_restarts_wait_longer_each_time() -> None:
    """The first is made at once, then 100 ms, 200 ms; no longer than the longest."""
    _, log = restarted("abcdefg", (1, 2, 3, 4), restarts=9, back_off_max_ns="250ms")
    assert [after - before for before, after in itertools.pairwise(log)] == [0, 100, 200, 250]


def test_restarts_are_forgotten_after_a_while() -> None:
    """Three within the window end the call; the same three over a longer time do not."""
    with pytest.raises(ProcessorError, match="at d"):
        restarted("abcde", (2, 3, 4), gap_ms=1_000, restarts=2, restart_window_ns="10s")
    heard, _ = restarted("abcde", (2, 3, 4), gap_ms=20_000, restarts=2, restart_window_ns="30s")
    assert heard == ["1a", "5e"]


def test_on_error_can_be_a_function() -> None:
    """It is given the fault, and chooses; the cause is what was raised."""
    asked: list[str] = []

    def choose(error: ProcessorError) -> str:
        asked.append(f"{error.node}: {error.__cause__}")
        return "skip_frame" if "b" in str(error.__cause__) else "end_call"

    with pytest.raises(ProcessorError, match="at d"):
        restarted("abcde", (2, 4), on_error=choose)
    assert asked == ["counts: at b", "counts: at d"]


def _raises_panic(error: ProcessorError) -> str:
    raise BaseException("no Exception")


async def _too_late(error: ProcessorError) -> str:
    return "skip_frame"


@pytest.mark.parametrize(
    "broken", [lambda error: 1 / 0, lambda error: "never mind", _raises_panic, _too_late]
)
def test_an_on_error_that_chooses_nothing_ends_the_call(broken: Callable[[Any], Any]) -> None:
    """With the node's own fault."""
    with pytest.raises(ProcessorError, match="at b"):
        restarted("abc", (2,), on_error=broken)


def test_an_on_error_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'retry' is none of end_call, skip_frame, restart"):
        Graph().add("x", Counts, on_error="retry")  # type: ignore[call-overload]  # what mypy sees as well


# Back-pressure ----------------------------------------------------------------------------------------


def test_an_output_tells_how_much_room_is_behind_it() -> None:
    """Of the fullest blocking queue that a frame can reach; boundless where nothing waits."""
    rooms: list[tuple[int, bool]] = []

    class Looks(Processor):
        """Sends until there is no room."""

        out: Out[TextFrame]

        async def run(self) -> None:
            while self.out.room:
                rooms.append((self.out.room.frames, bool(self.out.room)))
                self.out.emit(TextFrame("a"))
            rooms.append((self.out.room.frames, bool(self.out.room)))

    graph = Graph()
    looks, slow, sink = graph.add(Looks), graph.add(SlowUpper, delay_ms=1), graph.add(Collect)
    graph.connect(looks.out, slow.text, max_frames=3, when_full="block")
    graph.connect(slow, sink)
    run_virtual(graph.plan().call().run())
    assert rooms == [(3, True), (2, True), (1, True), (0, False)]
    assert Looks().out.room.frames > 1_000_000


def test_work_in_a_process_keeps_to_its_limits() -> None:
    """The node is told which it passed; sizes and durations are read where the limits are written."""
    try:
        for limits, told in (
            (ProcessLimits(time="500ms"), "spin_for took longer than 0.5s, and was ended"),
            (ProcessLimits(memory="100MB", time=ms(60_000)), "wanted more than 100 MB of memory"),
        ):
            work = deeds.spin_for if limits.memory is None else deeds.take_much
            with pytest.raises(ProcessorError, match=told):
                run_processor(Digests, [TextFrame("1")], process=limits, work=work)
    finally:
        shut_pool()
    with pytest.raises(ValueError, match="a size such as 500MB"):
        ProcessLimits(memory="much")


def test_a_flood_from_a_thread_is_one_fault(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of frames more than the queue may hold are told once, and not one by one."""

    class Floods(Processor):
        out: Out[TextFrame]

        async def run(self) -> None:
            def work() -> None:
                for number in range(6_000):
                    self.out.emit_threadsafe(TextFrame(str(number)))

            await asyncio.to_thread(work)
            await asyncio.sleep(1)

    class Slow(Collect):
        async def on_text(self, frame: TextFrame) -> None:  # type: ignore[override]
            await asyncio.sleep(1)

    graph = Graph()
    graph.add("floods", Floods)
    graph.add("slow", Slow)
    graph.chain("floods", "slow")
    with pytest.raises(ProcessorError, match=r"floods: the queue .* 4 times its bound"):
        run_virtual(graph.plan().call().run())
    assert len(caplog.records) <= 2

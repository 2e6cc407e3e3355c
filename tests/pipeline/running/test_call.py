"""A call starts, runs to its end, and leaves nothing behind, however it ends."""

from __future__ import annotations

import asyncio
import logging

import pytest

from livegraph.pipeline import (
    SECOND,
    Call,
    CallLimits,
    Graph,
    In,
    Out,
    Processor,
    StalledError,
    StartError,
    TextFrame,
    run_virtual,
)
from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.events import CallEnded, CallStarted, Event
from livegraph.pipeline.graph.plan import make_plan
from livegraph.testing import no_leaks, no_tasks_left
from support.boxes import Collect, SlowUpper, Upper, Words
from support.faulty import Faulty, Stubborn


def sentence(*, words: int = 3, gap_ms: int = 10, delay_ms: int = 5) -> tuple[Graph, list[str]]:
    """A source, an inline and a queued box, and a sink that fills the list."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=[f"w{n}" for n in range(words)], gap_ms=gap_ms)
    graph.add("upper", Upper)
    graph.add("slow", SlowUpper, delay_ms=delay_ms)
    graph.add("collect", Collect, into=heard)
    graph.chain("words", "upper", "slow", "collect")
    return graph, heard


def endless() -> Graph:
    """A graph that goes on for longer than any test."""
    return sentence(words=1_000, gap_ms=20)[0]


class Ordered(Processor):
    """Notes when it starts and stops."""

    text: In[TextFrame] = In(required=False)
    out: Out[TextFrame]

    def __init__(self, *, log: list[str]) -> None:
        self.steps = log

    async def start(self) -> None:
        self.steps.append(f"start {self.name}")

    async def stop(self) -> None:
        self.steps.append(f"stop {self.name}")

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame


def test_a_call_completes_when_every_stream_has_ended() -> None:
    """run() returns by itself, with everything delivered in order."""
    graph, heard = sentence()

    async def main() -> Call:
        call = graph.plan().call()
        async with no_tasks_left():
            await call.run()
        return call

    call = run_virtual(main())
    assert heard == ["W0", "W1", "W2"]
    assert call.reason == "completed"


def test_the_body_of_a_call_begins_when_it_has_started_and_ends_it() -> None:
    """``async with``: started inside, over outside, "left" as the reason."""

    async def main() -> None:
        async with no_tasks_left():
            async with endless().plan().call() as call:
                assert call.processor("collect", Collect).call.id == call.id
                await asyncio.sleep(0.1)
                assert call.reason == ""
            assert call.reason == "left"
            assert call.processor("collect", Collect).count >= 4

    run_virtual(main())


def test_end_ends_at_once_and_the_first_reason_counts() -> None:
    """Whoever waits for the end is told; the second reason is not."""

    async def main() -> None:
        call = endless().plan().call()
        seen: list[Event] = []
        call.events.subscribe(Event, seen.append)
        running = asyncio.create_task(call.run())
        await asyncio.sleep(1)
        call.end(EndReason.HUNG_UP)
        call.end("again")
        await call.finished()
        await running
        assert call.clock.now_ns() == SECOND
        assert call.reason is EndReason.HUNG_UP
        assert [type(event) for event in seen] == [CallStarted, CallEnded]

    run_virtual(main())


def test_a_processor_can_end_its_call() -> None:
    """``self.call.end`` is a hang-up, not an error."""

    class HangUp(Collect):
        def on_text(self, frame: TextFrame) -> None:
            self.call.end(f"heard {frame.text}")

    async def main() -> tuple[str, str]:
        graph = Graph()
        graph.add("words", Words, words=["bye"] * 100, gap_ms=10)
        graph.add("sink", HangUp)
        graph.chain("words", "sink")
        call = graph.plan().call()
        await call.run()
        return call.reason, call.end_detail

    assert run_virtual(main()) == (EndReason.ENDED_BY_AGENT, "heard bye")


def test_an_error_of_the_body_is_the_one_that_is_told() -> None:
    """The call ends all the same."""

    async def main() -> None:
        async with no_tasks_left():
            call = endless().plan().call()
            with pytest.raises(LookupError, match="mine"):
                async with call:
                    raise LookupError("mine")
            assert call.reason == "left"

    run_virtual(main())


def test_a_call_is_used_once() -> None:
    """A second run would find the first one's leftovers."""

    async def main() -> None:
        call = sentence()[0].plan().call()
        await call.run()
        with pytest.raises(RuntimeError, match="once"):
            await call.run()

    run_virtual(main())


def test_sinks_start_before_sources_and_all_stop() -> None:
    """What a source sends at once finds everybody awake."""
    log: list[str] = []
    graph = Graph()
    for name in ("first", "second", "third"):
        graph.add(name, Ordered, log=log)
    graph.chain("first", "second", "third")
    run_virtual(graph.plan().call().run())
    assert log[:3] == ["start third", "start second", "start first"]
    assert sorted(log[3:]) == ["stop first", "stop second", "stop third"]


@pytest.mark.parametrize("where", ["start", "handler", "stop"])
def test_cancelling_run_in_any_phase_stops_what_was_started(where: str) -> None:
    """Cancelled while it starts, runs or stops: every start that was tried has its stop, and run is cancelled."""
    log: list[str] = []

    async def main() -> None:
        graph = Graph()
        # What hangs in stop would do so for three seconds: the cancellation arrives in them.
        graph.add("words", Words, words=["a"] * 1_000, gap_ms=10)
        graph.add("hangs", Faulty, where=where, hangs=True, log=log)
        graph.add("collect", Collect)
        graph.chain("words", "hangs", "collect")
        async with no_tasks_left():
            call = graph.plan().call()
            running = asyncio.create_task(call.run())
            await asyncio.sleep(0.1)
            if where == "stop":
                call.end("enough")
                await asyncio.sleep(0.1)
            running.cancel()
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled()
            assert call.clock.now_ns() < 5 * SECOND

    run_virtual(main())
    assert log.count("start") == log.count("stop") == 1


def test_cancelling_twice_does_not_cut_the_stop_short() -> None:
    """Cleaning up is bounded, and done."""
    stopped: list[str] = []

    class Slow(Collect):
        async def stop(self) -> None:
            await asyncio.sleep(1)
            stopped.append(self.name)

    async def main() -> None:
        graph = Graph()
        graph.add("words", Words, words=["a"] * 1_000, gap_ms=10)
        for name in ("one", "two"):
            graph.add(name, Slow)
            graph.connect("words", name)
        running = asyncio.create_task(graph.plan().call().run())
        for _ in range(3):
            await asyncio.sleep(0.2)
            running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()

    run_virtual(main())
    assert sorted(stopped) == ["one", "two"]


def test_cancelling_whoever_enters_or_leaves_ends_the_call() -> None:
    """Neither ``async with`` waits in the face of its own cancellation."""

    async def main() -> None:
        async def use(seconds: float) -> None:
            async with graph.plan().call():
                await asyncio.sleep(seconds)

        for where in ("start", "stop"):
            graph = Graph()
            graph.add("words", Words, words=["a"] * 1_000, gap_ms=10)
            graph.add("hangs", Faulty, where=where, hangs=True)
            graph.chain("words", "hangs")
            async with no_tasks_left(settle_s=5):
                using = asyncio.create_task(use(0.1))
                await asyncio.sleep(0.5)
                using.cancel()
                await asyncio.wait({using})
                assert using.cancelled()

    run_virtual(main())


def test_a_call_that_is_ended_while_it_starts_does_not_wait_for_the_start() -> None:
    """The caller hung up before anything was there."""
    log: list[str] = []

    async def main() -> None:
        graph = Graph()
        graph.add("words", Words, words=["a"])
        graph.add("hangs", Faulty, where="start", hangs=True, log=log)
        graph.chain("words", "hangs")
        call = graph.plan().call()
        running = asyncio.create_task(call.run())
        await asyncio.sleep(0.5)
        call.end(EndReason.HUNG_UP)
        await running
        assert call.clock.now_ns() == SECOND // 2
        assert call.reason is EndReason.HUNG_UP

    run_virtual(main())
    assert log == ["init", "start", "stop"]


def test_a_start_that_hangs_is_named_when_its_deadline_passes() -> None:
    """StalledError, which is a fault of that node; those that started are stopped."""
    log: list[str] = []

    async def main() -> None:
        graph = Graph()
        graph.add("words", Words, words=["a"])
        graph.add("hangs", Faulty, where="start", hangs=True)
        graph.add("good", Faulty, log=log)
        graph.chain("words", "hangs", "good")
        call = make_plan(graph, limits=CallLimits(start_ns=2 * SECOND)).call()
        async with no_tasks_left():
            with pytest.raises(StalledError, match=r"hangs: did not start within 2s"):
                await call.run()
        assert call.clock.now_ns() == 2 * SECOND

    run_virtual(main())
    assert log == ["init", "start", "stop"]


def test_a_start_that_raises_its_own_timeout_is_not_a_stall() -> None:
    """A connection's timeout in start() is told as what it is."""

    class NoAnswer(Collect):
        async def start(self) -> None:
            async with asyncio.timeout(1):
                await asyncio.Event().wait()

    async def main() -> None:
        graph = Graph()
        graph.add("words", Words, words=["a"])
        graph.add("sink", NoAnswer)
        graph.chain("words", "sink")
        with pytest.raises(StartError, match="sink: did not start: TimeoutError"):
            await graph.plan().call().run()

    run_virtual(main())


def test_many_stops_that_hang_cost_one_deadline() -> None:
    """The call is over after it, and each of them is told."""

    async def main() -> list[str]:
        graph = Graph()
        graph.add("words", Words, words=["a"])
        for number in range(8):
            graph.add(f"hangs{number}", Faulty, where="stop", hangs=True)
            graph.connect("words", f"hangs{number}")
        call = graph.plan().call()
        ended: list[CallEnded] = []
        call.events.subscribe(CallEnded, ended.append)
        async with no_tasks_left():
            with pytest.raises(StalledError, match=r"hangs\d: did not stop within 3s"):
                await call.run()
        assert call.clock.now_ns() <= 4 * SECOND
        return [event.reason for event in ended]

    assert run_virtual(main()) == ["failed"]


@pytest.mark.parametrize("where", ["start", "run", "handler", "stop"])
def test_a_node_that_ignores_its_cancellation_is_named_and_left_behind(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The call ends within its deadlines without it."""

    async def main() -> None:
        release = asyncio.Event()
        graph = Graph()
        graph.add("words", Words, words=["a"] * 10, gap_ms=100)
        graph.add("stubborn", Stubborn, where=where, release=release)
        graph.chain("words", "stubborn")
        call = make_plan(graph, limits=CallLimits(start_ns=SECOND)).call()
        async with no_tasks_left():
            asyncio.get_running_loop().call_later(2, call.end, "enough")
            with pytest.raises(StalledError, match=f"stubborn: ignores its cancellation in .*{where}|worker"):
                await call.run()
            assert call.clock.now_ns() <= 9 * SECOND
            assert any(
                "left behind" in task.get_name() or "stubborn" in task.get_name()
                for task in asyncio.all_tasks()
            )
            release.set()

    with caplog.at_level(logging.ERROR):
        run_virtual(main())
    assert sum("left behind" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.leaks
def test_hundreds_of_calls_from_one_plan_share_nothing() -> None:
    """Each hears its own words; tasks, threads and files are as before."""
    graph, _ = sentence(words=5, gap_ms=1)
    plan = graph.plan()

    async def one(into: dict[str, list[str]]) -> None:
        async with plan.call() as call:
            sink = call.processor("collect", Collect)
            sink.seen = into[call.id] = []
            await call.finished()

    async def main() -> dict[str, list[str]]:
        heard: dict[str, list[str]] = {}
        async with no_tasks_left():
            await asyncio.gather(*(one(heard) for _ in range(300)))
        return heard

    with no_leaks():
        heard = run_virtual(main())
    assert len(heard) == 300
    assert all(words == ["W0", "W1", "W2", "W3", "W4"] for words in heard.values())


def test_unknown_nodes_and_other_classes_are_told() -> None:
    """``processor`` is for programs: its errors name what there is."""

    async def main() -> None:
        async with endless().plan().call() as call:
            with pytest.raises(KeyError, match="words, upper, slow, collect"):
                call.processor("colect", Collect)
            with pytest.raises(TypeError, match="'slow' is a SlowUpper, not a Collect"):
                call.processor("slow", Collect)

    run_virtual(main())

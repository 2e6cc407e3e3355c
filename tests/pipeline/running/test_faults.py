"""A processor that fails is named, its cause is logged once, and what follows is what the graph declared."""

from __future__ import annotations

import asyncio
import logging

import pytest

from livegraph.pipeline import (
    SECOND,
    Call,
    CallLimits,
    ConfigError,
    Graph,
    LivegraphError,
    Processor,
    ProcessorError,
    StartError,
    TextFrame,
    TransportError,
    run_virtual,
)
from livegraph.pipeline.events import EdgeStalled, NodeFailed
from livegraph.pipeline.graph.declarations import OnError
from livegraph.pipeline.graph.plan import make_plan
from livegraph.testing import no_tasks_left
from support.boxes import Collect, SlowUpper, Words
from support.faulty import AsyncFaulty, Faulty, FaultySource, Trouble

WORDS = ["one", "two", "three"]


def run(
    kind: type[Processor], *, on_error: OnError = "end_call", interrupt: bool = False, **options: object
) -> tuple[Call, LivegraphError | None, list[str], list[NodeFailed]]:
    """A whole call with ``kind`` as the node "bad": the call, its error, what the sink heard, the events."""
    heard: list[str] = []
    failures: list[NodeFailed] = []
    graph = Graph()
    graph.add("bad", kind, on_error=on_error, **options)
    if kind is not FaultySource:
        graph.add("words", Words, words=WORDS, gap_ms=10)
        graph.connect("words", "bad")
    graph.add("sink", Collect, into=heard)
    graph.connect("bad", "sink")

    async def main() -> tuple[Call, LivegraphError | None]:
        call = make_plan(graph, limits=CallLimits(restarts=3)).call()
        call.events.subscribe(NodeFailed, failures.append)
        async with no_tasks_left():
            if interrupt:
                loop = asyncio.get_running_loop()
                loop.call_later(
                    0.015, lambda: call.processor("sink", Collect).call.conversation.interrupted(1)
                )
            try:
                await call.run()
            except LivegraphError as error:
                return call, error
        return call, None

    call, error = run_virtual(main())
    return call, error, heard, failures


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        (Faulty, "handler"),
        (AsyncFaulty, "handler"),
        (FaultySource, "run"),
        (Faulty, "on_end"),
        (AsyncFaulty, "on_end"),
        (Faulty, "on_interrupt"),
        (AsyncFaulty, "on_interrupt"),
    ],
)
def test_whatever_raises_while_the_call_runs_ends_it(
    kind: type[Processor], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """ProcessorError with the node's name and the cause; logged once, with the traceback; everything stopped."""
    log: list[str] = []
    with caplog.at_level(logging.DEBUG):
        call, error, _, failures = run(kind, where=where, log=log, interrupt=where == "on_interrupt")
    assert type(error) is ProcessorError
    assert error.node == "bad"
    assert str(error) == f"bad: Trouble: in {where}"
    assert isinstance(error.__cause__, Trouble)
    assert call.reason == "failed"
    told = [record for record in caplog.records if f"in {where}" in record.getMessage()]
    assert len(told) == 1
    assert told[0].exc_info is not None and told[0].exc_info[1] is error.__cause__
    assert [(event.node, event.fatal) for event in failures] == [("bad", True)]
    assert log.count("start") == log.count("stop") == 1


def test_what_raises_in_start_is_a_start_error() -> None:
    """The source was not started, so it is not stopped; the sink was, so it is."""
    log: list[str] = []
    _, error, heard, _ = run(Faulty, where="start", log=log)
    assert type(error) is StartError
    assert str(error) == "bad: did not start: Trouble: in start"
    assert (log, heard) == (["init", "start", "start!", "stop"], [])


def test_what_raises_in_stop_is_told_after_a_good_call() -> None:
    """The call had completed, and yet something was not put in order."""
    _, error, heard, failures = run(Faulty, where="stop")
    assert str(error) == "bad: did not stop: Trouble: in stop"
    assert heard == ["one'", "two'", "three'"]
    assert len(failures) == 1


def test_a_constructor_that_refuses_its_options_is_a_fault_of_the_configuration() -> None:
    """LG221 with the node's place; nothing has started."""
    _, error, _, _ = run(Faulty, where="init")
    assert isinstance(error, ConfigError)
    (problem,) = error.problems
    assert (problem.code, problem.path) == ("LG221", ("nodes", "bad"))


def test_two_faults_are_both_logged_and_the_first_is_the_calls(caplog: pytest.LogCaptureFixture) -> None:
    """A stop that fails after a handler that failed is not lost."""

    class Twice(Faulty):
        async def stop(self) -> None:
            raise TransportError("the file is gone")

    with caplog.at_level(logging.ERROR):
        _, error, _, _ = run(Twice, where="handler")
    assert str(error) == "bad: Trouble: in handler"
    messages = [record.getMessage() for record in caplog.records]
    assert sum("did not stop: the file is gone" in text for text in messages) == 1
    assert sum("Trouble: in handler" in text for text in messages) == 1


@pytest.mark.parametrize("kind", [Faulty, AsyncFaulty])
def test_skip_frame_loses_that_frame_only(kind: type[Processor], caplog: pytest.LogCaptureFixture) -> None:
    """The call goes on and completes."""
    call, error, heard, failures = run(kind, on_error="skip_frame", where="handler", times=1)
    assert error is None
    assert heard == ["two'", "three'"]
    assert call.reason == "completed"
    assert [(event.fatal, event.message) for event in failures] == [(False, "bad: Trouble: in handler")]
    assert sum("Trouble" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("kind", [Faulty, AsyncFaulty])
def test_an_on_end_that_is_skipped_still_ends_the_stream(kind: type[Processor]) -> None:
    """Those behind would wait for ever."""
    call, error, heard, _ = run(kind, on_error="skip_frame", where="on_end")
    assert (error, call.reason, len(heard)) == (None, "completed", 3)


@pytest.mark.parametrize("kind", [Faulty, AsyncFaulty])
def test_restart_puts_a_fresh_processor_in_its_place(kind: type[Processor]) -> None:
    """The old one is stopped, a new one constructed and started; the stream ends as it should."""
    log: list[str] = []
    call, error, heard, failures = run(kind, on_error="restart", where="handler", times=1, log=log)
    assert error is None
    assert heard == ["two'", "three'"]
    assert call.reason == "completed"
    steps = [step for step in log if step in ("init", "start", "stop", "on_end")]
    assert steps == ["init", "start", "stop", "init", "start", "on_end", "stop"]
    assert [event.fatal for event in failures] == [False]


def test_a_source_that_is_restarted_runs_again() -> None:
    """Its life begins anew, and only one of them is led."""
    _, error, heard, _ = run(FaultySource, on_error="restart", where="run", times=1, log=[])
    assert error is None
    assert heard == ["one", "one", "two", "three"]


@pytest.mark.parametrize("where", ["handler", "on_end"])
@pytest.mark.parametrize("kind", [Faulty, AsyncFaulty])
def test_restarts_have_a_limit(kind: type[Processor], where: str) -> None:
    """A node that fails every time ends the call after the third fresh one."""
    log: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["w"] * 100, gap_ms=10)
    graph.add("bad", kind, on_error="restart", where=where, log=log)
    graph.chain("words", "bad")

    async def main() -> None:
        async with no_tasks_left():
            with pytest.raises(ProcessorError, match=f"bad: Trouble: in {where}"):
                await make_plan(graph, limits=CallLimits(restarts=3)).call().run()

    run_virtual(main())
    assert log.count("init") == log.count("start") == log.count("stop") == 4


def test_the_end_of_a_stream_during_a_restart_is_not_lost() -> None:
    """The fresh processor is told of it when it has started, and the call completes."""

    class SlowStart(Faulty):
        async def start(self) -> None:
            await asyncio.sleep(1)
            await super().start()

    log: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["a", "b"], gap_ms=1)
    graph.add("bad", SlowStart, on_error="restart", where="handler", times=1, log=log)
    graph.chain("words", "bad")

    async def main() -> str:
        call = graph.plan().call()
        await call.run()
        assert call.stats()["words.out -> bad.text"].dropped == 1
        return call.reason

    assert run_virtual(main()) == "completed"
    assert log.count("on_end") == 1


def test_a_queue_keeps_its_frames_for_the_fresh_processor() -> None:
    """Only the frame that it failed on is lost."""

    class SlowStart(AsyncFaulty):
        async def start(self) -> None:
            await asyncio.sleep(1)

    _, error, heard, _ = run(SlowStart, on_error="restart", where="handler", times=1, log=[])
    assert error is None
    assert heard == ["two'", "three'"]


def test_a_restart_that_fails_ends_the_call() -> None:
    """With the reason of the start that failed."""

    class FailsLater(Faulty):
        async def start(self) -> None:
            if self.calls.count("init") > 1:
                raise OSError("no more")

    _, error, _, _ = run(FailsLater, on_error="restart", where="handler", times=1, log=[])
    assert isinstance(error, StartError)
    assert str(error) == "bad: did not start: OSError: no more"


def test_a_fault_before_everything_has_started_ends_the_call() -> None:
    """A source that talks while it starts reaches a box that raises: there is nothing to restart yet."""

    class Eager(Words):
        async def start(self) -> None:
            self.out.emit(TextFrame("too early"))

    graph = Graph()
    graph.add("words", Eager, words=["a"])
    graph.add("bad", Faulty, on_error="restart", where="handler")
    graph.chain("words", "bad")
    with pytest.raises(ProcessorError, match="bad: Trouble"):
        run_virtual(graph.plan().call().run())


def test_errors_of_ours_are_told_without_their_class() -> None:
    """``TransportError`` says what is wrong by itself."""

    class Disk(Collect):
        def on_text(self, frame: TextFrame) -> None:
            raise TransportError("the disk is full")

    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("disk", Disk)
    graph.chain("words", "disk")
    with pytest.raises(ProcessorError, match=r"^disk: the disk is full$"):
        run_virtual(graph.plan().call().run())


class CancelsItself(Collect):
    """Awaits a task that somebody cancelled, which looks like its own cancellation."""

    async def on_text(self, frame: TextFrame) -> None:  # type: ignore[override]  # async is another way
        if frame.text == "one":
            other = asyncio.create_task(asyncio.sleep(10))
            other.cancel()
            await other
        self.seen.append(frame.text)


class CancelsItsLife(Words):
    async def run(self) -> None:
        raise asyncio.CancelledError


class CancelsItsStart(Words):
    async def start(self) -> None:
        raise asyncio.CancelledError


def test_a_cancellation_from_within_is_a_fault_and_no_end() -> None:
    """A handler whose own task was cancelled must not take its worker with it in silence."""
    for first, second, expected in (
        (Words, CancelsItself, "sink: RuntimeError: on_text was cancelled from within"),
        (CancelsItsLife, Collect, "words: RuntimeError: run was cancelled from within"),
        (CancelsItsStart, Collect, "words: did not start: RuntimeError: it was cancelled from within"),
    ):
        graph = Graph()
        graph.add("words", first, words=WORDS)
        graph.add("sink", second)
        graph.chain("words", "sink")
        with pytest.raises(ProcessorError) as caught:
            run_virtual(graph.plan().call().run())
        assert str(caught.value) == expected


def test_a_worker_outlives_a_cancellation_from_within_when_frames_may_be_skipped() -> None:
    """skip_frame loses that frame and no other."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=WORDS)
    graph.add("sink", CancelsItself, on_error="skip_frame", into=heard)
    graph.chain("words", "sink")
    run_virtual(graph.plan().call().run())
    assert heard == ["two", "three"]


def test_a_handler_that_swallows_its_cancellation_ends_with_its_frame() -> None:
    """It is not left behind for it: the worker does not go on."""
    heard: list[str] = []

    class Swallows(Collect):
        async def on_text(self, frame: TextFrame) -> None:  # type: ignore[override]  # async is another way
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.seen.append(frame.text)

    async def main() -> None:
        graph = Graph()
        graph.add("words", Words, words=WORDS)
        graph.add("sink", Swallows, into=heard)
        graph.chain("words", "sink")
        async with no_tasks_left(), graph.plan().call() as call:
            await asyncio.sleep(1)
        assert call.clock.now_ns() < 2 * SECOND

    run_virtual(main())
    assert heard == ["one"]


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (TextFrame("x"), "none; send it with"),
        (5, "returned a int; expected a frame, an iterable of frames or None"),
    ],
)
def test_a_result_that_goes_nowhere_is_explained(returns: object, message: str) -> None:
    """The error says what a handler may return, and how to send otherwise."""

    class Returns(Collect):
        def on_text(self, frame: TextFrame) -> object:  # type: ignore[override]  # wrong on purpose
            return returns

    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("sink", Returns)
    graph.chain("words", "sink")
    with pytest.raises(ProcessorError, match=message):
        run_virtual(graph.plan().call().run())


def test_the_watchdog_names_the_node_that_is_at_one_frame_for_too_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once per frame, and not those before it, which only wait for room."""
    stalls: list[EdgeStalled] = []
    graph = Graph()
    graph.add("words", Words, words=["w"] * 50)
    graph.add("before", SlowUpper)
    graph.add("slow", SlowUpper, delay_ms=5_000)
    graph.connect("words", "before", max_frames=1)
    graph.connect("before", "slow", max_frames=1)

    async def main() -> None:
        call = make_plan(graph, limits=CallLimits(stall_ns=SECOND)).call()
        call.events.subscribe(EdgeStalled, stalls.append)
        async with call:
            await asyncio.sleep(11)

    run_virtual(main())
    assert {stall.node for stall in stalls} == {"slow"}
    assert {stall.edge for stall in stalls} == {"before.out -> slow.text"}
    assert len(stalls) == 3
    assert all(SECOND <= stall.age_ns < 2 * SECOND for stall in stalls)
    assert sum("slow has been at one frame for 1s" in r.getMessage() for r in caplog.records) == 3


def test_an_observer_that_raises_is_taken_off_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Watching must not hurt what is watched."""

    def broken(event: NodeFailed) -> None:
        raise ValueError("observer")

    graph = Graph()
    graph.add("words", Words, words=WORDS)
    graph.add("bad", AsyncFaulty, on_error="skip_frame", where="handler")
    graph.chain("words", "bad")

    async def main() -> str:
        call = graph.plan().call()
        call.events.subscribe(NodeFailed, broken)
        await call.run()
        return call.reason

    assert run_virtual(main()) == "completed"
    assert sum("was removed" in record.getMessage() for record in caplog.records) == 1

"""Whatever code of a node raises, in whatever class, is that node's fault: told, named, and the call ends in time."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Annotated, Any

import pytest

from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Call,
    CallLimits,
    ConfigError,
    EdgeEnd,
    Frame,
    Graph,
    In,
    Live,
    LivegraphError,
    OptionFault,
    Out,
    Processor,
    ProcessorError,
    ServiceError,
    TextFrame,
    run_virtual,
)
from livegraph.pipeline.errors import from_signal
from livegraph.pipeline.events import CallStarted, NodeFailed
from livegraph.processors import AppIn
from livegraph.testing import no_tasks_left
from support.boxes import Collect, Upper, Words


class Panic(BaseException):
    """What a Rust library raises: no Exception."""


class Unprintable(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Textless(BaseException):
    """Its text is none."""

    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # as foreign code may


RAISED = [
    Panic("deep"),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    StopIteration(1),
    Unprintable(),
    Textless(),
]
PLACES = [
    "handler",
    "async handler",
    "async generator",
    "generator's finally",
    "async generator's finally",
    "run",
    "start",
    "stop",
    "on_end",
    "on_interrupt",
    "on_input_end",
    "spawned",
    "timer",
    "async timer",
    "offloaded",
]


def failing(where: str, error: BaseException) -> type[Processor]:
    """A sink of texts that raises ``error`` in ``where``."""

    class Sink(Collect):
        async def start(self) -> None:
            if where == "start":
                raise error
            if where == "spawned":
                self.spawn(self.late())
            elif where == "timer":
                self.after("1ms", self.early)
            elif where == "async timer":
                self.after("1ms", self.late)

        def early(self) -> None:
            raise error

        async def late(self) -> None:
            raise error

        def on_input_end(self, port: str, edge: EdgeEnd) -> None:
            if where == "on_input_end":
                raise error

        async def stop(self) -> None:
            if where == "stop":
                raise error

        def on_end(self) -> None:
            if where == "on_end":
                raise error

        def on_interrupt(self, frame: Frame) -> None:
            if where == "on_interrupt":
                raise error

    class Plain(Sink):
        def on_text(self, frame: TextFrame) -> None:
            if where == "handler":
                raise error
            if where == "on_interrupt":
                self.call.conversation.interrupted(1)

    class Waiting(Sink):
        async def on_text(self, frame: TextFrame) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            if where == "offloaded":
                await self.offload(self.early)
            raise error

    class Generating(Sink):
        def on_text(self, frame: TextFrame) -> Iterator[Frame]:  # type: ignore[override]
            try:
                yield from ()
            finally:
                raise error

    class Cleaning(Sink):
        async def on_text(self, frame: TextFrame) -> AsyncIterator[Frame]:  # type: ignore[override]
            try:
                for nothing in ():
                    yield nothing
            finally:
                raise error

    class Yielding(Sink):
        async def on_text(self, frame: TextFrame) -> AsyncIterator[Frame]:  # type: ignore[override]
            await asyncio.sleep(0)
            if frame is not None:
                raise error
            yield frame

    class Living(Sink):
        async def run(self) -> None:
            await asyncio.sleep(0.001)
            raise error

    kinds: dict[str, type[Sink]] = {
        "async handler": Waiting,
        "offloaded": Waiting,
        "generator's finally": Generating,
        "async generator's finally": Cleaning,
        "async generator": Yielding,
        "run": Living,
    }
    return kinds.get(where, Plain)


def whole(
    graph: Graph, limits: CallLimits | None = None
) -> tuple[Call, LivegraphError | None, list[NodeFailed]]:
    """A call to its end, which must come within a virtual minute and leave nothing behind."""
    failures: list[NodeFailed] = []

    async def main() -> tuple[Call, LivegraphError | None]:
        call = graph.plan(limits=limits).call()
        call.events.subscribe(NodeFailed, failures.append)
        async with no_tasks_left():
            try:
                await asyncio.wait_for(call.run(), 60)
            except LivegraphError as error:
                return call, error
        return call, None

    call, error = run_virtual(main())
    return call, error, failures


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", PLACES)
def test_any_class_of_exception_is_the_nodes_fault(where: str, error: BaseException) -> None:
    """The call ends with it and does not hang; the node is named, the class too unless it looks like a cancellation."""
    graph = Graph()
    graph.add("words", Words, words=["a", "b"], gap_ms=10)
    graph.add("bad", failing(where, error))
    graph.chain("words", "bad")
    call, told, failures = whole(graph)
    assert isinstance(told, ProcessorError)
    assert (told.node, call.reason) == ("bad", "failed")
    # An async function cannot raise StopIteration: Python makes a RuntimeError of it.
    name = "cancelled from within" if isinstance(error, asyncio.CancelledError) else type(error).__name__
    assert name in str(told) or isinstance(error, StopIteration)
    assert [event.node for event in failures] == ["bad"] or where in ("start",)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["snapshot", "restore"])
def test_a_restart_that_raises_ends_the_call(where: str, error: BaseException) -> None:
    """Whatever it raises: the call does not wait for a processor that will never come."""

    class Fragile(Collect):
        def on_text(self, frame: TextFrame) -> None:
            raise ValueError("the first fault")

        def snapshot(self) -> int:
            if where == "snapshot":
                raise error
            return 1

        def restore(self, state: int) -> None:
            raise error

    graph = Graph()
    graph.add("words", Words, words=["a", "b"], gap_ms=10)
    graph.add("bad", Fragile, on_error="restart")
    graph.chain("words", "bad")
    call, told, _ = whole(graph)
    assert isinstance(told, ProcessorError)
    assert (told.node, call.reason) == ("bad", "failed") and "did not restart" in str(told)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_observer_of_an_output_is_no_part_of_the_call(error: BaseException) -> None:
    """Whatever a tap raises is no fault of the node whose frames it sees: it is removed."""

    def observer(frame: Frame) -> None:
        raise error

    graph = Graph()
    graph.add("words", Words, words=["a", "b"])
    graph.add("sink", Collect)
    graph.chain("words", "sink")

    async def main() -> list[str]:
        call = graph.plan().call()
        call.tap("words.out", observer)
        async with call:
            await call.finished()
            return call.processor("sink", Collect).seen

    assert run_virtual(main()) == ["a", "b"]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["check_options", "sound_stops", "needs_silence", "__init__"])
def test_whatever_a_class_raises_before_a_call_is_a_fault_of_the_configuration(
    where: str, error: BaseException
) -> None:
    """With the node's name; never a traceback of somebody else's code."""

    class Bad(Processor):
        audio: In[AudioFrame] = In()

        def __init__(self) -> None:
            if where == "__init__":
                raise error

        def on_audio(self, frame: AudioFrame) -> None: ...

        @classmethod
        def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
            if where == "check_options":
                raise error
            yield from ()

        @classmethod
        def needs_silence(cls, options: Mapping[str, Any]) -> str:
            if where == "needs_silence":
                raise error
            return "it waits for silence"

    class Mic(Processor):
        out: Out[AudioFrame] = Out(rate=16_000)

        @classmethod
        def sound_stops(cls, options: Mapping[str, Any]) -> None:
            if where == "sound_stops":
                raise error

    graph = Graph()
    graph.add("mic", Mic)
    graph.add("bad", Bad)
    graph.chain("mic", "bad")
    with pytest.raises(ConfigError, match="mic" if where == "sound_stops" else "bad") as caught:
        run_virtual(graph.plan().call().run())
    assert all(problem.code in ("LG221", "LG222") for problem in caught.value.problems)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["emit_threadsafe", "on_tune"])
def test_where_no_task_runs_the_node_is_to_blame_too(where: str, error: BaseException) -> None:
    """Options are told, and frames of other threads and of the network are handled, by the loop itself."""

    class Sink(Collect):
        def __init__(self, *, level: Annotated[int, Live()] = 1) -> None:
            super().__init__()

        def on_tune(self, *, level: int) -> None:
            raise error

        def on_text(self, frame: TextFrame) -> None:
            raise error

    graph = Graph()
    graph.add("app", AppIn)
    graph.add("bad", Sink)
    graph.connect("app.frames", "bad")

    async def main() -> None:
        async with graph.plan().call() as call:
            if where == "on_tune":
                call.tune({"bad": {"level": 2}})
            else:
                call.processor("app", AppIn).frames.emit_threadsafe(TextFrame("a"))
            await asyncio.sleep(60)

    with pytest.raises(ProcessorError, match="bad: "):
        run_virtual(main())


def test_an_inline_handler_that_looks_cancelled_is_to_blame_and_not_the_sender() -> None:
    """`future.result()` of a cancelled future, behind another plain node."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("upper", Upper)
    graph.add("bad", failing("handler", asyncio.CancelledError()))
    graph.chain("words", "upper", "bad")
    _, told, _ = whole(graph)
    assert str(told) == "bad: RuntimeError: on_text was cancelled from within"


def test_a_users_task_that_sends_is_untouched_by_what_the_graph_raises() -> None:
    """The call fails with the node's name; the sender's own task is not cancelled."""
    graph = Graph()
    graph.add("source", AppIn)
    graph.add("bad", failing("handler", asyncio.CancelledError()))
    graph.connect("source.frames", "bad")

    async def main() -> tuple[str, str]:
        call = graph.plan().call()
        running = asyncio.create_task(call.run())
        await asyncio.sleep(0.1)
        await call.processor("source", AppIn).send(TextFrame("x"))
        with pytest.raises(ProcessorError) as caught:
            await running
        return call.reason, str(caught.value)

    assert run_virtual(main()) == ("failed", "bad: RuntimeError: on_text was cancelled from within")


def test_skip_frame_skips_frames_and_not_a_life() -> None:
    """A run() that raised has no frame to skip: the call ends with the fault."""

    class Fails(Words):
        async def run(self) -> None:
            raise ValueError("no source")

    graph = Graph()
    graph.add("words", Fails, words=[], on_error="skip_frame")
    graph.add("sink", Collect)
    graph.chain("words", "sink")
    call, told, failures = whole(graph)
    assert (str(told), call.reason) == ("words: ValueError: no source", "failed")
    assert [event.fatal for event in failures] == [True]


@pytest.mark.parametrize(
    "group",
    [
        ExceptionGroup("tasks", [ServiceError("no quota", remedy="wait a minute")]),
        ExceptionGroup(
            "outer", [BaseExceptionGroup("inner", [ServiceError("no quota", remedy="wait a minute")])]
        ),
    ],
)
@pytest.mark.parametrize("where", ["handler", "run", "start"])
def test_a_group_of_one_is_that_one(where: str, group: BaseExceptionGroup[Any]) -> None:
    """A TaskGroup of the user's does not hide the error, nor its remedy."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("bad", failing(where, group))
    graph.chain("words", "bad")
    _, told, _ = whole(graph)
    assert isinstance(told, ProcessorError)
    assert str(told) == "bad: no quota. wait a minute"
    assert told.remedy == "wait a minute"
    assert isinstance(told.__cause__, ServiceError)


def test_a_group_of_several_tells_all_of_them() -> None:
    """Each with its class."""
    both = ExceptionGroup("two tasks failed", [ValueError("one"), ServiceError("other")])
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("bad", failing("handler", both))
    graph.chain("words", "bad")
    _, told, _ = whole(graph)
    assert str(told) == "bad: two tasks failed: ValueError: one; other"


def test_a_signal_is_no_fault_of_a_node() -> None:
    """Python's own handler for Ctrl-C, and one that leaves by sys.exit, raise through whatever runs."""

    def caught(act: Any) -> BaseException:
        try:
            act()
        except BaseException as error:
            return error
        raise AssertionError

    def leave(number: int, frame: object) -> None:
        raise SystemExit(1)

    def raises(error: BaseException) -> None:
        raise error

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, leave)
        for number in before:
            assert from_signal(caught(functools.partial(os.kill, os.getpid(), number)))
        assert not from_signal(caught(functools.partial(raises, KeyboardInterrupt())))
        assert not from_signal(caught(functools.partial(raises, SystemExit(1))))
        assert not from_signal(caught(functools.partial(raises, ValueError())))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# What handlers return, and from where they emit ---------------------------------------------------------------


def one(returns: object) -> tuple[Call, LivegraphError | None]:
    """A call through a plain node whose handler returns ``returns``."""

    class Returns(Upper):
        def on_text(self, frame: TextFrame) -> Any:
            return returns

    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("bad", Returns)
    graph.add("sink", Collect)
    graph.chain("words", "bad", "sink")
    call, told, _ = whole(graph)
    return call, told


@pytest.mark.parametrize(
    ("returns", "kind"),
    [("text", "str"), (b"x", "bytes"), ({"a": 1}, "dict"), ([1], "int"), (["x"], "str"), (5, "int")],
)
def test_a_result_that_is_no_frame_is_told_with_its_type(returns: object, kind: str) -> None:
    """Text is iterable and no stream of frames."""
    _, told = one(returns)
    assert f"on_text returned a {kind}; expected a frame, an iterable of frames or None" in str(told)


def wrapped(function: Any) -> Any:
    """A decorator that says what it wraps."""

    @functools.wraps(function)
    def call(*given: Any) -> Any:
        return function(*given)

    return call


def bare(function: Any) -> Any:
    """One that does not."""

    def call(self: Any, frame: Any) -> Any:
        return function(self, frame)

    return call


@pytest.mark.parametrize("around", [wrapped, bare])
def test_an_async_handler_in_a_wrapper_is_seen_or_refused(around: Any) -> None:
    """With functools.wraps it works like any other; without, the fault says what to do."""

    class Handles(Upper):
        @around
        async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]
            await asyncio.sleep(0.01)
            return frame

    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("odd", Handles)
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "odd", "sink")
    _, told, _ = whole(graph)
    if around is wrapped:
        assert (told, heard) == (None, ["a"])
    else:
        assert "odd:" in str(told) and "functools.wraps" in str(told)


def test_emit_in_a_thread_names_the_way_that_works() -> None:
    """It would arrive when the loop happens to wake; emit_threadsafe arrives at once, in order."""
    raised: list[BaseException] = []

    class FromThread(Words):
        async def run(self) -> None:
            def work() -> None:
                try:
                    self.out.emit(TextFrame("lost"))
                except RuntimeError as error:
                    raised.append(error)
                for word in self.words:
                    self.out.emit_threadsafe(TextFrame(word))

            await asyncio.get_running_loop().run_in_executor(None, work)
            await asyncio.sleep(0.01)

    heard: list[str] = []
    graph = Graph()
    graph.add("words", FromThread, words=["a", "b"])
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "sink")
    _, told, _ = whole(graph)
    assert (told, heard) == (None, ["a", "b"])
    assert "self.out.emit_threadsafe(frame)" in str(raised[0])
    assert threading.active_count() < 50


def test_observers_may_be_async_and_the_end_waits_for_them() -> None:
    """One event after the other, in order; one that raises is taken off; one that hangs does not hold the call up."""
    seen: list[str] = []

    async def slowly(event: NodeFailed) -> None:
        await asyncio.sleep(0.5)
        seen.append(event.message)

    async def broken(event: NodeFailed) -> None:
        raise ValueError("observer")

    async def hangs(event: CallStarted) -> None:
        await asyncio.sleep(3600)

    async def main() -> int:
        graph = Graph()
        graph.add("words", Words, words=["a", "b", "c"])
        graph.add("bad", failing("handler", ValueError("x")), on_error="skip_frame")
        graph.chain("words", "bad")
        call = graph.plan().call()
        for observer in (slowly, broken):
            call.events.subscribe(NodeFailed, observer)
        call.events.subscribe(CallStarted, hangs)
        async with no_tasks_left():
            await call.run()
        return call.clock.now_ns()

    assert 1_500 * MS <= run_virtual(main()) <= 4 * SECOND
    assert seen == ["bad: ValueError: x"] * 3


def test_results_are_drawn_out_of_any_iterable() -> None:
    """Tuples, generators and nested lists alike."""

    class Many(Upper):
        def on_text(self, frame: TextFrame) -> Any:
            made: Iterable[TextFrame] = (TextFrame(letter) for letter in frame.text)
            return [(TextFrame("<"),), made, TextFrame(">")]

    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["ab"])
    graph.add("many", Many)
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "many", "sink")
    _, told, _ = whole(graph)
    assert (told, heard) == (None, ["<", "a", "b", ">"])

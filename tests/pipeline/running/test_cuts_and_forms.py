"""What a cut leaves behind, what may leave a node and what may still enter it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Call,
    CallLimits,
    Frame,
    Graph,
    In,
    InterruptFrame,
    Out,
    Processor,
    ProcessorError,
    StartError,
    TextFrame,
    Turn,
    run_virtual,
)
from livegraph.pipeline.events import NodeSlow
from livegraph.pipeline.frames import VideoFrame
from livegraph.processors import AppIn, AppOut
from livegraph.testing import no_tasks_left
from support.boxes import Collect, Hear, SlowUpper, Tone, Upper, Words


class Feed(Processor):
    """Sends what a test gives it."""

    out: Out[Frame]

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def run(self) -> None:
        await self.over.wait()


# Cuts --------------------------------------------------------------------------------------------------


class Careless(Processor):
    """Makes frames without a word about turn and time."""

    text: In[TextFrame]
    out: Out[TextFrame]


class Returns(Careless):
    def on_text(self, frame: TextFrame) -> TextFrame:
        return TextFrame(frame.text)


class ReturnsMany(Careless):
    def on_text(self, frame: TextFrame) -> list[TextFrame]:
        return [TextFrame(frame.text)]


class EmitsInPlain(Careless):
    def on_text(self, frame: TextFrame) -> None:
        self.out.emit(TextFrame(frame.text))


class EmitsInAsync(Careless):
    async def on_text(self, frame: TextFrame) -> None:
        await asyncio.sleep(0.001)
        await self.out.send(TextFrame(frame.text))


class ReturnsInAsync(Careless):
    async def on_text(self, frame: TextFrame) -> TextFrame:
        await asyncio.sleep(0.001)
        return TextFrame(frame.text)


class YieldsInAsync(Careless):
    async def on_text(self, frame: TextFrame) -> AsyncIterator[TextFrame]:
        await asyncio.sleep(0.001)
        yield TextFrame(frame.text)


@pytest.mark.parametrize(
    "kind", [Returns, ReturnsMany, EmitsInPlain, EmitsInAsync, ReturnsInAsync, YieldsInAsync]
)
def test_what_answers_a_frame_has_its_turn_and_its_time(kind: type[Processor]) -> None:
    """However it is sent: one frame of twenty is heard after the cut, not all."""
    heard: list[TextFrame] = []

    class Listens(SlowUpper):
        async def on_text(self, frame: TextFrame) -> TextFrame:
            await asyncio.sleep(0.01)
            heard.append(frame)
            return frame

    async def main() -> None:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("careless", kind)
        graph.add("listens", Listens)
        graph.chain("feed", "careless", "listens")
        async with graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            turn = feed.call.conversation.next_turn()
            for number in range(20):
                feed.out.emit(TextFrame(str(number), turn=turn, time_ns=7 + number))
            await asyncio.sleep(0.035)
            before = len(heard)
            feed.call.conversation.interrupted(turn)
            await asyncio.sleep(1)
            assert 0 < before <= len(heard) <= before + 1
        assert [(frame.turn, frame.time_ns) for frame in heard] == [(turn, 7 + n) for n in range(len(heard))]

    run_virtual(main())


def test_what_somebody_says_of_himself_stays() -> None:
    """A frame with a turn and a time of its own keeps them, and a run() answers nobody."""
    seen: list[tuple[str, int, int]] = []

    class Both(Careless):
        async def run(self) -> None:
            for _ in range(3):
                await asyncio.sleep(0.002)
                self.out.emit(TextFrame("own"))

        async def on_text(self, frame: TextFrame) -> TextFrame:
            await asyncio.sleep(0.01)
            return TextFrame("answer", turn=9, time_ns=1)

    class Sees(Collect):
        def on_text(self, frame: TextFrame) -> None:
            seen.append((frame.text, frame.turn, frame.time_ns))

    graph = Graph()
    graph.add("words", Words, words=["a"], turn=4)
    graph.add("both", Both)
    graph.add("sees", Sees)
    graph.chain("words", "both", "sees")

    async def main() -> None:
        async with graph.plan().call():
            await asyncio.sleep(0.1)

    run_virtual(main())
    assert {entry for entry in seen if entry[0] == "own"} == {("own", 0, 0)}
    assert ("answer", 9, 1) not in seen, "its node had ended by then"


@pytest.mark.parametrize("keeps", ["nothing", "processor", "frame"])
def test_work_on_a_cut_turn_is_cancelled_and_the_next_begins_at_once(keeps: str) -> None:
    """Ten seconds of work do not delay the new turn, unless somebody says that it must be done."""
    done: list[tuple[str, int]] = []
    cleaned: list[str] = []

    class Kept(TextFrame, frozen=True, eq=False):
        uninterruptible = True

    class Works(Careless):
        uninterruptible = keeps == "processor"

        async def on_text(self, frame: TextFrame) -> None:
            try:
                await asyncio.sleep(10 if frame.text == "old" else 1)
                done.append((frame.text, self.call.clock.now_ns() // SECOND))
            finally:
                cleaned.append(frame.text)

    kind = Kept if keeps == "frame" else TextFrame

    async def main() -> None:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("works", Works)
        graph.chain("feed", "works")
        async with no_tasks_left(), graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            conversation = feed.call.conversation
            old = conversation.next_turn()
            feed.out.emit(kind("old", turn=old))
            await asyncio.sleep(1)
            conversation.interrupted(old)
            feed.out.emit(TextFrame("new", turn=conversation.next_turn()))
            await asyncio.sleep(20)

    run_virtual(main())
    assert done == ([("new", 2)] if keeps == "nothing" else [("old", 10), ("new", 11)])
    assert cleaned == ["old", "new"]


def test_a_handler_that_will_not_be_cut_goes_on_with_its_frame_and_then_the_next() -> None:
    """It swallows the cancellation, or raises over it: neither ends the worker, which can be cancelled as ever."""
    seen: list[str] = []

    class Stubborn(Careless):
        async def on_text(self, frame: TextFrame) -> None:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                if frame.text == "raises":
                    raise ValueError("in the way") from None
            seen.append(frame.text)

    async def main() -> str:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("stubborn", Stubborn, on_error="skip_frame")
        graph.chain("feed", "stubborn")
        async with no_tasks_left(), graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            for text in ("swallows", "raises"):
                turn = feed.call.conversation.next_turn()
                feed.out.emit(TextFrame(text, turn=turn))
                await asyncio.sleep(0.5)
                feed.call.conversation.interrupted(turn)
            feed.out.emit(TextFrame("last"))
            await asyncio.sleep(2)
        assert call.clock.now_ns() < 4 * SECOND
        return call.reason

    assert run_virtual(main()) == "left"
    assert seen == ["swallows", "last"]


def test_a_handler_may_cut_its_own_turn() -> None:
    """It ends at its next await; the worker goes on."""
    seen: list[str] = []

    class CutsItself(Careless):
        async def on_text(self, frame: TextFrame) -> None:
            if frame.turn:
                self.call.conversation.interrupted(frame.turn)
                if frame.text == "waits":
                    await asyncio.sleep(5)
                    seen.append("never")
            seen.append(frame.text)

    async def main() -> None:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("cuts", CutsItself)
        graph.chain("feed", "cuts")
        async with graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            for text in ("waits", "does not"):
                feed.out.emit(TextFrame(text, turn=feed.call.conversation.next_turn()))
                await asyncio.sleep(1)
            feed.out.emit(TextFrame("after"))
            await asyncio.sleep(1)

    run_virtual(main())
    assert seen == ["does not", "after"]


def test_speakers_are_cut_one_without_the_other() -> None:
    """A's second turn is void; B's first goes on, in queues, in handlers and in what boxes hold."""

    class Speaks(Feed):
        """Opens turns of its own."""

    heard: list[tuple[str, Turn]] = []

    class Slow(Careless):
        async def on_text(self, frame: TextFrame) -> None:
            await asyncio.sleep(1)
            assert isinstance(frame.turn, Turn)
            heard.append((frame.text, frame.turn))

        def on_interrupt(self, frame: InterruptFrame) -> None:
            assert isinstance(frame.turn, Turn) and frame.turn.source == "a"

    async def main() -> None:
        graph = Graph()
        for name in "ab":
            graph.add(name, Speaks)
            graph.add(f"slow_{name}", Slow)
            graph.chain(name, f"slow_{name}")
        async with graph.plan().call() as call:
            a, b = call.processor("a", Speaks), call.processor("b", Speaks)
            a.call.conversation.next_turn()
            ours, theirs = a.call.conversation.next_turn(), b.call.conversation.next_turn()
            assert (ours, theirs) == (2, 1)
            for number in range(3):
                a.out.emit(TextFrame(f"a{number}", turn=ours))
                b.out.emit(TextFrame(f"b{number}", turn=theirs))
            await asyncio.sleep(0.5)
            a.call.conversation.interrupted(ours)
            await asyncio.sleep(5)

    run_virtual(main())
    assert [text for text, _ in heard] == ["b0", "b1", "b2"]


# Nothing runs afterwards -------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["end", "cut"])
def test_an_async_generator_is_closed_by_its_node(ends: str) -> None:
    """Its finally runs before stop(), and inside the node's own task."""
    steps: list[str] = []

    class Yields(Careless):
        async def on_text(self, frame: TextFrame) -> AsyncIterator[TextFrame]:
            try:
                yield frame
                await asyncio.sleep(100)
            finally:
                await asyncio.sleep(0)
                steps.append("closed")

        async def stop(self) -> None:
            steps.append("stop")

    async def main() -> None:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("yields", Yields)
        graph.add("sink", Collect)
        graph.chain("feed", "yields", "sink")
        async with no_tasks_left(), graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            turn = feed.call.conversation.next_turn()
            feed.out.emit(TextFrame("x", turn=turn))
            await asyncio.sleep(1)
            if ends == "cut":
                feed.call.conversation.interrupted(turn)
                await asyncio.sleep(0.01)
                assert steps == ["closed"]

    run_virtual(main())
    assert steps == ["closed", "stop"]


def test_what_is_emitted_after_the_end_is_refused_and_counted() -> None:
    """By who has stopped, and into who has stopped."""

    async def main() -> Call:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("sink", Collect)
        graph.chain("feed", "sink")
        call = graph.plan().call()
        async with call:
            feed, sink = call.processor("feed", Feed), call.processor("sink", Collect)
            feed.out.emit(TextFrame("in time"))
        for _ in range(3):
            feed.out.emit(TextFrame("late"))
        await feed.out.send(TextFrame("late"))
        assert sink.seen == ["in time"]
        return call

    stats = run_virtual(main()).stats()["feed.out -> sink.text"]
    assert (stats.passed, stats.dropped) == (5, 4)
    assert str(stats) == (
        "EdgeStats(passed=5, dropped=4, stale=0, held=0, held_ns=0, high_water=0, high_water_ns=0, oldest_ns=0)"
    )


def test_a_queue_survives_the_restart_of_its_node() -> None:
    """Nine of nine: the worker that failed takes none of them with it, however many could be taken at once."""
    heard: list[str] = []

    class FailsOnce(Careless):
        failed = False

        def on_text(self, frame: TextFrame) -> TextFrame:
            if frame.text == "bad" and not type(self).failed:
                type(self).failed = True
                raise ValueError("once")
            return frame

        async def start(self) -> None:
            await asyncio.sleep(1)

    async def main() -> Call:
        graph = Graph()
        graph.add("feed", Feed)
        graph.add("fails", FailsOnce, on_error="restart")
        graph.add("sink", Collect, into=heard)
        graph.connect("feed", "fails", max_frames=100)
        graph.connect("fails", "sink")
        async with graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            for text in ("bad", *"123456789"):
                feed.out.emit(TextFrame(text))
            await asyncio.sleep(3)
        return call

    call = run_virtual(main())
    assert heard == list("123456789")
    assert call.stats()["feed.out -> fails.text"].dropped == 0


def test_the_body_of_a_call_that_fails_is_cancelled_and_told() -> None:
    """As a TaskGroup's is: it does not outlive the call, and its error is the call's."""

    async def main() -> float:
        graph = Graph()
        graph.add("words", Words, words=["a"], gap_ms=100)
        graph.add("sink", Collect, fail_at=1)
        graph.chain("words", "sink")
        loop = asyncio.get_running_loop()
        with pytest.raises(ProcessorError, match="no room for a"):
            async with graph.plan().call():
                await asyncio.sleep(3600)
        # The task itself is as if it had never been cancelled.
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        await asyncio.sleep(1)
        return loop.time()

    assert run_virtual(main()) < 10


def test_a_body_that_is_cancelled_from_outside_stays_cancelled() -> None:
    """Even in the moment in which the call fails."""

    async def body() -> None:
        graph = Graph()
        graph.add("words", Words, words=["a"])
        graph.add("sink", Collect, fail_at=1)
        graph.chain("words", "sink")
        async with graph.plan().call():
            outer.cancel()
            await asyncio.sleep(3600)

    async def main() -> None:
        nonlocal outer
        outer = asyncio.create_task(body())
        await asyncio.wait({outer})
        assert outer.cancelled()

    outer: asyncio.Task[None]
    run_virtual(main())


# What leaves a node ------------------------------------------------------------------------------------


class Emits(Processor):
    """Sends one thing, in one of the ways that there are."""

    text: In[TextFrame]
    audio: Out[AudioFrame] = Out(rate=16_000, channels=1)

    def __init__(self, *, make: Callable[[], Any], way: str) -> None:
        self.make, self.way = make, way

    def on_text(self, frame: TextFrame) -> Any:
        if self.way == "result":
            return self.make()
        if self.way == "emit":
            self.audio.emit(self.make())
        elif self.way == "emit_threadsafe":
            self.audio.emit_threadsafe(self.make())
        elif self.way == "timer":
            self.after("1ms", self.make)
        return None

    def on_end(self) -> Any:
        return self.make() if self.way == "on_end" else None


def sound(samples: Any, rate: int = 16_000) -> Callable[[], AudioFrame]:
    return lambda: AudioFrame(samples, rate)


@pytest.mark.parametrize("way", ["emit", "result", "emit_threadsafe", "timer", "on_end"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (sound(np.zeros(160, np.float32)), "samples are int16, got float32"),
        (
            sound(np.zeros(160, np.int16), 48_000),
            "carries audio of 16000 Hz mono in this graph, got 48000 Hz",
        ),
        (sound(np.zeros((160, 2), np.int16)), "with 2 channel(s)"),
        (sound(np.zeros((2, 2, 2), np.int16)), "shape (samples,) or (samples, channels)"),
        (sound([0, 1]), "a numpy array of int16, got a list"),
        (sound(None), "a numpy array of int16, got a NoneType"),
        (sound(b"0123"), "a numpy array of int16, got a bytes"),
        (sound(np.zeros(160, ">i2")), "samples are int16, got >i2"),
    ],
)
def test_what_a_node_sends_is_looked_at_where_it_sends_it(
    make: Callable[[], Any], says: str, way: str
) -> None:
    """Its fault is its own, and not that of whoever trips over it."""
    graph = Graph()
    graph.add("words", Words, words=["a", "b"], gap_ms=10)
    graph.add("mine", Emits, make=make, way=way)
    graph.add("hear", Hear)
    graph.chain("words", "mine", "hear")
    with pytest.raises(ProcessorError) as told:
        run_virtual(graph.plan().call().run())
    assert told.value.node == "mine"
    assert says in str(told.value)


def test_a_frame_of_another_type_than_the_ports_is_refused() -> None:
    """By name there is no choice of port to correct it."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("mine", Emits, make=lambda: TextFrame("x"), way="emit")
    graph.add("hear", Hear)
    graph.chain("words", "mine", "hear")
    with pytest.raises(ProcessorError, match="mine: TypeError: the output audio sends AudioFrame, and was"):
        run_virtual(graph.plan().call().run())


def test_between_the_ends_of_a_program_it_is_looked_at_too() -> None:
    """AppIn tells whoever sends; nothing passes unseen."""

    async def main() -> None:
        graph = Graph()
        graph.add("source", AppIn, rate=16_000)
        graph.add("sink", AppOut)
        graph.connect("source.audio", "sink")
        async with graph.plan().call() as call:
            source = call.processor("source", AppIn)
            for samples, rate in ((np.zeros(160, np.float32), 16_000), (np.zeros(160, np.int16), 48_000)):
                frame = AudioFrame(samples, rate)  # wrong on purpose
                with pytest.raises(ValueError):
                    await source.send(frame)
                with pytest.raises(ValueError):
                    source.audio.emit(frame)

    run_virtual(main())


def test_samples_are_everybodys_and_nobody_changes_them() -> None:
    """A branch that works in place fails, instead of changing what the others hear."""

    class InPlace(Hear):
        def on_audio(self, frame: AudioFrame) -> None:
            frame.samples[:] = 0

    graph = Graph()
    graph.add("tone", Tone)
    graph.add("bad", InPlace)
    graph.add("hear", Hear)
    graph.connect("tone", "hear")
    graph.connect("tone", "bad")
    with pytest.raises(ProcessorError, match=r"bad: ValueError: .*read-only"):
        run_virtual(graph.plan().call().run())


def test_pixels_are_looked_at_as_well() -> None:
    """Shape and type of a picture."""

    class Shows(Processor):
        out: Out[VideoFrame]

        async def run(self) -> None:
            self.out.emit(VideoFrame(np.zeros((2, 2), np.uint8)))

    graph = Graph()
    graph.add("shows", Shows)
    with pytest.raises(ProcessorError, match="pixels are uint8 of the shape"):
        run_virtual(graph.plan().call().run())


# Keeping pace, starting --------------------------------------------------------------------------------


class Microphone(Processor):
    """Sound at the pace of the clock."""

    ages = True
    out: Out[AudioFrame] = Out(rate=16_000, channels=1)

    async def run(self) -> None:
        for number in range(350):
            await self.out.send(AudioFrame(np.zeros(320, np.int16), 16_000, time_ns=number * 20 * MS))
            await asyncio.sleep(0.02)


class Works(Processor):
    """Takes so long for each frame."""

    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(like="audio")

    def __init__(self, *, work_ms: float) -> None:
        self.work_ms = work_ms

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        time.sleep(self.work_ms / 1_000)
        return frame


class WaitsLong(Works):
    async def on_audio(self, frame: AudioFrame) -> AudioFrame:  # type: ignore[override]
        await asyncio.sleep(self.work_ms / 1_000)
        return frame


@pytest.mark.parametrize(
    ("kind", "work_ms", "slow"),
    [(Works, 30, True), (Works, 0, False), (WaitsLong, 50, True), (WaitsLong, 15, False)],
)
def test_who_is_slower_than_real_time_is_named_once(
    kind: type[Works], work_ms: float, slow: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """On virtual time too, where a computation takes none; the nodes before and behind are not blamed for it."""
    told: list[NodeSlow] = []

    async def main() -> None:
        graph = Graph()
        graph.add("mic", Microphone)
        graph.add("before", Works, work_ms=0)
        graph.add("works", kind, work_ms=work_ms)
        graph.add("hear", Hear)
        graph.chain("mic", "before", "works", "hear")
        call = graph.plan().call()
        call.events.subscribe(NodeSlow, told.append)
        await call.run()

    with caplog.at_level(logging.WARNING):
        run_virtual(main())
    assert [event.node for event in told] == (["works"] if slow else [])
    assert sum("works is slower than real time" in record.getMessage() for record in caplog.records) == slow


def test_nodes_of_one_level_start_together_and_sinks_before_sources() -> None:
    """Five of two seconds each take two; what feeds them starts afterwards."""
    started: list[tuple[str, int]] = []

    class Slow(Upper):
        async def start(self) -> None:
            await asyncio.sleep(2)
            started.append((self.name, self.call.clock.now_ns() // SECOND))

    class Source(Words):
        async def start(self) -> None:
            await asyncio.sleep(1)
            started.append((self.name, self.call.clock.now_ns() // SECOND))

    graph = Graph()
    graph.add("words", Source, words=[])
    for number in range(5):
        graph.add(f"slow{number}", Slow)
        graph.connect("words", f"slow{number}")
    run_virtual(graph.plan().call().run())
    assert sorted(started) == [*((f"slow{number}", 2) for number in range(5)), ("words", 3)]


def test_a_start_that_fails_ends_the_others_of_its_level() -> None:
    """They are cancelled and stopped, and the one that failed is told."""
    steps: list[str] = []

    class Slow(Upper):
        async def start(self) -> None:
            try:
                await asyncio.sleep(10)
            finally:
                steps.append(f"{self.name} start over")

        async def stop(self) -> None:
            steps.append(f"{self.name} stop")

    class Fails(Slow):
        async def start(self) -> None:
            await asyncio.sleep(1)
            raise ValueError("no device")

    async def main() -> int:
        graph = Graph()
        graph.add("words", Words, words=[])
        graph.add("slow", Slow)
        graph.add("fails", Fails)
        graph.connect("words", "slow")
        graph.connect("words", "fails")
        call = graph.plan(limits=CallLimits(start_ns=20 * SECOND)).call()
        async with no_tasks_left():
            with pytest.raises(StartError, match="fails: did not start: ValueError: no device"):
                await call.run()
        return call.clock.now_ns()

    assert run_virtual(main()) == SECOND
    assert sorted(steps) == ["fails stop", "slow start over", "slow stop"]

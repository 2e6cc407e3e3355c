"""Loops neither deadlock nor lose what is under way when the stream ends; nothing waits for itself."""

from __future__ import annotations

import asyncio
import itertools
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
    ProcessorError,
    TextFrame,
    run_virtual,
)
from livegraph.pipeline.events import NodeFailed
from livegraph.pipeline.policy import Policy
from livegraph.pipeline.running.edges import QueuedEdge
from livegraph.pipeline.running.strand import Strand, ring_of
from livegraph.testing import no_tasks_left
from support.boxes import Collect, SlowUpper, Upper, Words


class Asks(Processor):
    """Sends its words round, and what comes back on to `heard`."""

    text: In[TextFrame]
    back: In[TextFrame] = In(feedback=True)
    out: Out[TextFrame]
    heard: Out[TextFrame]

    def __init__(self, *, last: str = "") -> None:
        self.last = last

    def on_text(self, frame: TextFrame) -> None:
        self.out.emit(frame)

    def on_back(self, frame: TextFrame) -> None:
        self.heard.emit(frame)

    def on_end(self) -> None:
        if self.last:
            self.out.emit(TextFrame(self.last))


class AsksSlowly(Asks):
    """The same in a task of its own."""

    async def on_text(self, frame: TextFrame) -> None:  # type: ignore[override]
        await self.out.send(frame)

    async def on_back(self, frame: TextFrame) -> None:  # type: ignore[override]
        await self.heard.send(frame)


def loop(
    asks: type[Processor], answers: type[Processor], words: list[str], **options: object
) -> tuple[Graph, list[str]]:
    """words -> asks -> answers -> asks.back, asks.heard -> sink."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=words)
    graph.add("asks", asks)
    graph.add("answers", answers, **options)
    graph.add("sink", Collect, into=heard)
    graph.connect("words", "asks.text")
    graph.connect("asks.out", "answers")
    graph.connect("answers", "asks.back")
    graph.connect("asks.heard", "sink")
    return graph, heard


def run(graph: Graph, limits: CallLimits | None = None) -> Call:
    async def main() -> Call:
        call = graph.plan(limits=limits).call()
        async with no_tasks_left():
            await asyncio.wait_for(call.run(), 3600)
        return call

    return run_virtual(main())


@pytest.mark.parametrize("answers", [Upper, SlowUpper])
@pytest.mark.parametrize("asks", [Asks, AsksSlowly])
def test_more_frames_than_a_queue_holds_go_round(asks: type[Processor], answers: type[Processor]) -> None:
    """3,000 of 3,000, although each queue is full at 1,024: nobody waits for a queue that only it can empty."""
    graph, heard = loop(asks, answers, [str(n) for n in range(3_000)])
    call = run(graph)
    assert heard == [str(n) for n in range(3_000)]
    assert call.reason == "completed"


def small_loop_takes(words: list[str], last: type[Processor], round_: int, into: int | None = None) -> None:
    """Three nodes, each waiting for room in the next: all ``words`` come home, in order.

    Queues hold ``round_`` frames round the loop, and ``into`` on the way there.
    """
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=words)
    graph.add("asks", AsksSlowly)
    graph.add("one", SlowUpper)
    graph.add("two", last)
    graph.add("sink", Collect, into=heard)
    graph.connect("words", "asks.text", max_frames=into)
    for source, target in (("asks.out", "one"), ("one", "two"), ("two", "asks.back")):
        graph.connect(source, target, max_frames=round_)
    graph.connect("asks.heard", "sink")
    call = run(graph)
    assert heard == words
    assert all(stats.dropped == 0 for stats in call.stats().values())


def test_small_bounds_on_every_edge_of_a_loop_do_not_lock_it() -> None:
    """All queues of two."""
    small_loop_takes([str(n) for n in range(200)], SlowUpper, 2, into=2)


@pytest.mark.parametrize("answers", [Upper, SlowUpper])
def test_a_small_loop_behind_a_long_queue_takes_what_goes_round_first(answers: type[Processor]) -> None:
    """A thousand words wait in front of it: were they served in order of arrival alone, the loop would overflow."""
    small_loop_takes([str(n) for n in range(3_000)], answers, 4)


@pytest.mark.parametrize("asks", [Asks, AsksSlowly])
def test_the_answers_come_home_before_a_loop_ends(asks: type[Processor]) -> None:
    """3 of 3, and what was held back to the end goes round as well."""

    class Keeps(asks):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__(last="last")

    graph, heard = loop(Keeps, SlowUpper, ["a", "b", "c"], delay_ms=500)
    call = run(graph)
    assert heard == ["A", "B", "C", "LAST"]
    assert call.reason == "completed"
    assert call.clock.now_ns() == 2 * SECOND
    assert all(stats.dropped == 0 for stats in call.stats().values())


def test_a_source_whose_run_is_over_still_hears_the_answers() -> None:
    """Its questions were its whole life; the answers belong to it."""

    class Source(Processor):
        back: In[TextFrame] = In(feedback=True)
        out: Out[TextFrame]

        def __init__(self, *, into: list[str]) -> None:
            self.into = into

        async def run(self) -> None:
            for word in ("a", "b", "c"):
                await self.out.send(TextFrame(word))

        def on_back(self, frame: TextFrame) -> None:
            self.into.append(frame.text)

    heard: list[str] = []
    graph = Graph()
    graph.add("source", Source, into=heard)
    graph.add("slow", SlowUpper, delay_ms=100)
    graph.connect("source", "slow")
    graph.connect("slow", "source.back")
    assert run(graph).reason == "completed"
    assert heard == ["A", "B", "C"]


def test_a_loop_that_does_not_come_to_rest_ends_at_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    """What is left is counted and named; the call completes."""
    graph, heard = loop(Asks, SlowUpper, ["a", "b", "c"], delay_ms=4_000)
    failures: list[NodeFailed] = []

    async def main() -> Call:
        call = graph.plan(limits=CallLimits(drain_ns=5 * SECOND)).call()
        call.events.subscribe(NodeFailed, failures.append)
        await call.run()
        return call

    call = run_virtual(main())
    assert heard == ["A"]
    assert call.reason == "completed"
    assert [(event.node, event.fatal) for event in failures] == [("asks", False)]
    assert "did not drain within 5s; left: answers still at work" in failures[0].message
    assert call.stats()["answers.out -> asks.back"].dropped == 2
    assert sum("did not drain" in record.getMessage() for record in caplog.records) == 1


def test_a_node_between_whose_life_goes_on_is_waited_for() -> None:
    """It has a run() of its own and says when nothing is under way in it."""

    class Thinks(Processor):
        text: In[TextFrame]
        out: Out[TextFrame]

        def __init__(self, *, tells: bool) -> None:
            self.tells = tells
            self.todo: list[TextFrame] = []
            self.over = asyncio.Event()
            self.more = asyncio.Event()

        @property
        def at_rest(self) -> bool | None:
            return not self.todo if self.tells else None

        def on_text(self, frame: TextFrame) -> None:
            self.todo.append(frame)
            self.more.set()

        def on_end(self) -> None:
            self.over.set()
            self.more.set()

        async def run(self) -> None:
            while not self.over.is_set():
                await self.more.wait()
                self.more.clear()
                while self.todo:
                    await asyncio.sleep(1)
                    frame = self.todo.pop(0)
                    await self.out.send(frame)

    for tells, took_s in ((True, 3), (False, 10)):
        graph, heard = loop(Asks, Thinks, ["a", "b", "c"], tells=tells)
        call = run(graph)
        assert heard == ["a", "b", "c"]
        assert call.clock.now_ns() == took_s * SECOND


def test_an_endless_conversation_of_two_ends_at_the_deadline() -> None:
    """Each answer is a new question: the loop is never idle."""

    class Echo(Asks):
        def on_back(self, frame: TextFrame) -> None:
            self.heard.emit(frame)
            self.out.emit(frame)

    graph, heard = loop(Echo, SlowUpper, ["a"], delay_ms=100)
    call = run(graph, CallLimits(drain_ns=SECOND))
    assert call.reason == "completed"
    assert 8 <= len(heard) <= 11


# Bounds -----------------------------------------------------------------------------------------------------------


class Emits(Words):
    """Never waits."""

    async def run(self) -> None:
        for word in self.words:
            self.out.emit(TextFrame(word))
        await asyncio.sleep(0)


@pytest.mark.parametrize("between", [0, 2])
def test_a_step_may_overfill_to_the_cap_and_no_further(between: int) -> None:
    """Beyond four times the bound whoever emits without waiting is named, also through plain nodes."""
    for count, fails in ((4 * 10, False), (4 * 10 + 2, True)):
        graph = Graph()
        graph.add("words", Emits, words=["w"] * count)
        path = ["words", *(str(graph.add(f"upper{number}", Upper)) for number in range(between))]
        graph.add("slow", SlowUpper, delay_ms=1)
        graph.chain(*path)
        graph.connect(path[-1], "slow", max_frames=10)
        graph.add("sink", Collect)
        graph.connect("slow", "sink")
        if not fails:
            assert run(graph).stats()[f"{path[-1]}.out -> slow.text"].high_water == 40
            continue
        with pytest.raises(
            ProcessorError, match=r"words: the queue .* holds 40 frames, 4 times its bound; .*send"
        ) as told:
            run(graph)
        assert told.value.node == "words"


def test_a_worker_waits_only_for_what_its_own_step_filled() -> None:
    """A queue that another has filled, and that this step put nothing into, holds it up no longer."""

    class Two(Processor):
        text: In[TextFrame]
        left: Out[TextFrame]
        right: Out[TextFrame]

        async def on_text(self, frame: TextFrame) -> None:
            (self.left if frame.text == "l" else self.right).emit(frame)

    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["r"] * 20)
    graph.add("others", Words, words=["x"] * 20)
    graph.add("two", Two)
    graph.add("slow", SlowUpper, delay_ms=1_000)
    graph.add("fast", Collect, into=heard)
    graph.connect("words", "two")
    graph.connect("two.left", "slow", max_frames=1)
    graph.connect("two.right", "fast")
    graph.connect("others", "slow", max_frames=1)

    async def main() -> None:
        async with graph.plan().call():
            await asyncio.sleep(0.5)
            assert heard == ["r"] * 20

    run_virtual(main())


def test_a_queued_node_waits_between_the_frames_of_one_result() -> None:
    """A list of a hundred does not overfill a queue of two: its node can wait, so it does."""

    class Letters(SlowUpper):
        async def on_text(self, frame: TextFrame) -> list[TextFrame]:  # type: ignore[override]
            return [TextFrame(letter) for letter in frame.text]

    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["x" * 100])
    graph.add("letters", Letters)
    graph.add("slow", SlowUpper, delay_ms=1)
    graph.add("sink", Collect, into=heard)
    graph.connect("words", "letters")
    graph.connect("letters", "slow", max_frames=2)
    graph.connect("slow", "sink")
    assert run(graph).stats()["letters.out -> slow.text"].high_water <= 3
    assert len(heard) == 100


def test_waiting_frames_do_not_freeze_the_loop() -> None:
    """A worker lets others run after a few milliseconds of work, whatever waits in its queue."""
    now_ns = 0

    class Hand:
        """A clock that work turns."""

        def now_ns(self) -> int:
            return now_ns

        async def sleep_until_ns(self, when_ns: int) -> None:
            await asyncio.sleep(0)

    class Works(Collect):
        def on_text(self, frame: TextFrame) -> None:
            nonlocal now_ns
            now_ns += 1_000_000
            super().on_text(frame)

    async def main() -> list[int]:
        graph = Graph()
        graph.add("words", Emits, words=["w"] * 1_000)
        graph.add("works", Works)
        graph.connect("words", "works", max_frames=1_000)
        call = graph.plan().call(clock=Hand())
        running = asyncio.create_task(call.run())
        seen: list[int] = []
        while not running.done():
            await asyncio.sleep(0)
            seen.append(now_ns // 1_000_000)
        await running
        return [after - before for before, after in itertools.pairwise(seen)]

    assert max(asyncio.run(main())) <= 10


# Who waits for whom -------------------------------------------------------------------------------------------------


def test_a_ring_of_waiters_is_found_from_each_of_them() -> None:
    """The watchdog names it; a chain that leads to somebody who works is none."""
    strands = [Strand(name, lambda: 0) for name in "abc"]
    edges = [QueuedEdge(name, Policy(), lambda: None, lambda: 0) for name in "abc"]
    for edge, strand in zip(edges, strands, strict=True):
        edge.reader = strand
    strands[0].waits_for, strands[1].waits_for = edges[1], edges[2]
    assert ring_of(strands[0]) == []
    strands[2].waits_for = edges[0]
    assert [strand.name for strand in ring_of(strands[1])] == ["b", "c", "a"]
    outside = Strand("d", lambda: 0)
    outside.waits_for = edges[0]
    assert ring_of(outside) == []


def test_the_watchdog_names_a_ring_once(caplog: pytest.LogCaptureFixture) -> None:
    """Should there ever be one."""

    class Ring(Words):
        async def run(self) -> None:
            await asyncio.sleep(5)

    async def main() -> None:
        graph = Graph()
        graph.add("words", Ring, words=[])
        graph.add("one", SlowUpper, delay_ms=1)
        graph.add("two", SlowUpper, delay_ms=1)
        graph.chain("words", "one", "two")
        call = graph.plan().call()
        async with call:
            assert call._wiring is not None
            nodes = call._wiring.nodes
            one, two = nodes["one"], nodes["two"]
            one.busy_since_ns = two.busy_since_ns = 0
            one.strand.waits_for, two.strand.waits_for = two.intake.queues[0], one.intake.queues[0]
            await asyncio.sleep(12)

    with caplog.at_level(logging.ERROR):
        run_virtual(main())
    assert [
        r.getMessage().partition(": ")[2] for r in caplog.records if "wait for each other" in r.getMessage()
    ] == ["these wait for each other, and for ever: one -> two -> one"]


class HangsAt(Upper):
    """Never comes back from one word, or from its end."""

    def __init__(self, *, word: str) -> None:
        self.word = word

    async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]
        if frame.text == self.word:
            await asyncio.Event().wait()
        return frame

    async def on_end(self) -> None:
        if self.word == "end":
            await asyncio.Event().wait()


@pytest.mark.parametrize(("word", "heard"), [("c", ["a", "b"]), ("end", ["a", "b", "c"])])
def test_who_hangs_at_the_end_of_the_stream_is_named_and_the_call_ends(word: str, heard: list[str]) -> None:
    """Within the drain deadline; who only works off a long queue has all the time that it takes."""

    async def main() -> tuple[str, list[str], list[str], int]:
        seen: list[str] = []
        told: list[NodeFailed] = []
        graph = Graph()
        graph.add("words", Words, words=["a", "b", "c"])
        graph.add("slow", SlowUpper, delay_ms=7_000)
        graph.add("hangs", HangsAt, word=word.upper() if word != "end" else word)
        graph.add("sink", Collect, into=seen)
        graph.chain("words", "slow", "hangs", "sink")
        call = graph.plan().call()
        call.events.subscribe(NodeFailed, told.append)
        async with no_tasks_left():
            await call.run()
        return call.reason, [text.lower() for text in seen], [one.node for one in told], call.clock.now_ns()

    reason, seen, named, ended_ns = run_virtual(main())
    assert (reason, seen, named) == ("completed", heard, ["hangs"])
    assert ended_ns < 35 * SECOND


class HoldsBack(Processor):
    """Gives all that it was given at the end of its streams."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self) -> None:
        self.held: list[TextFrame] = []

    def on_text(self, frame: TextFrame) -> None:
        self.held.append(frame)

    def on_end(self) -> list[TextFrame]:
        return self.held


def test_who_holds_back_more_than_the_next_can_take_is_to_blame_and_the_call_ends() -> None:
    """A queue that overflows at the end of a stream is the fault of the node that ended, not of whoever fed it."""
    graph = Graph()
    graph.add("words", Words, words=["a"] * 30)
    graph.add("holds", HoldsBack)
    graph.add("slow", SlowUpper)
    graph.add("sink", Collect)
    graph.connect("words", "holds")
    graph.connect("holds", "slow", max_frames=4)
    graph.connect("slow", "sink")

    async def main() -> None:
        async with no_tasks_left():
            await asyncio.wait_for(graph.plan().call().run(), 60)

    with pytest.raises(ProcessorError, match=r"holds: .*4 times its bound"):
        run_virtual(main())

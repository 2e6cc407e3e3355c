"""How frames travel: in order, bounded, to their end, and not at all once their turn is void."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from livegraph.pipeline import (
    MS,
    Frame,
    Graph,
    In,
    InterruptFrame,
    Out,
    Processor,
    TextFrame,
    TurnEndFrame,
    TurnStartFrame,
    run_virtual,
)
from livegraph.pipeline.frames import Marker
from livegraph.pipeline.policy import WhenFull
from livegraph.testing import no_tasks_left
from support.boxes import Collect, SlowUpper, Upper, Words


class Feed(Processor):
    """A source that a test drives from outside: emits what it is given until told to end."""

    out: Out[TextFrame]

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def run(self) -> None:
        await self.over.wait()


class Sluggish(Collect):
    """A sink whose handler waits for a permission for each frame."""

    def __init__(self, *, into: list[str]) -> None:
        super().__init__(into=into)
        self.permits = asyncio.Semaphore(0)
        self.interrupted_at_ms: list[int] = []

    async def on_text(self, frame: TextFrame) -> None:  # type: ignore[override]  # async is another way
        await self.permits.acquire()
        self.seen.append(frame.text)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self.interrupted_at_ms.append(self.call.clock.now_ns() // MS)


# Interrupts ----------------------------------------------------------------------------------------


def test_an_interrupt_overtakes_what_is_queued() -> None:
    """Queued frames of the turn go, work on one is cut short, others stay, later ones of it are refused; the processor
    hears of it at once."""
    heard: list[str] = []
    graph = Graph()
    graph.add("feed", Feed)
    graph.add("sink", Sluggish, into=heard)
    graph.chain("feed", "sink")

    async def main() -> None:
        async with graph.plan().call() as call:
            feed, sink = call.processor("feed", Feed), call.processor("sink", Sluggish)
            feed.out.emit(TextFrame("at it", turn=1))
            for turn in (1, 0, 1, 2):
                feed.out.emit(TextFrame(f"turn {turn}", turn=turn))
            await asyncio.sleep(1)
            sink.call.conversation.interrupted(1)
            assert sink.interrupted_at_ms == [1_000], "the handler waits, and yet it hears of it now"
            feed.out.emit(TextFrame("too late", turn=1))
            feed.out.emit(TextFrame("turn 3", turn=3))
            for _ in range(10):
                sink.permits.release()
            feed.over.set()
            await call.finished()
            stats = call.stats()["feed.out -> sink.text"]
            assert (stats.stale, stats.dropped, stats.held) == (3, 0, 0)

    run_virtual(main())
    assert heard == ["turn 0", "turn 2", "turn 3"]


def test_what_a_handler_makes_of_a_void_frame_goes_nowhere() -> None:
    """What it was at when the turn was cut, and would not leave, comes out with the turn's number and is refused."""

    class Stubborn(SlowUpper):
        uninterruptible = True

    heard: list[str] = []
    graph = Graph()
    graph.add("feed", Feed)
    graph.add("slow", Stubborn, delay_ms=100)
    graph.add("sink", Collect, into=heard)
    graph.chain("feed", "slow", "sink")

    async def main() -> None:
        async with graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            feed.out.emit(TextFrame("cut", turn=1))
            await asyncio.sleep(0.05)
            feed.call.conversation.interrupted(1)
            feed.over.set()
            await call.finished()
            assert call.stats()["slow.out -> sink.text"].stale == 1

    run_virtual(main())
    assert heard == []


def test_an_interrupt_frees_whoever_waits_for_room() -> None:
    """A source that waits in front of a full queue goes on as soon as the queue was emptied."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["w"] * 3, turn=1)
    graph.add("sink", Sluggish, into=heard)
    graph.connect("words", "sink", max_frames=1)

    async def main() -> None:
        async with no_tasks_left(), graph.plan().call() as call:
            await asyncio.sleep(1)
            sink = call.processor("sink", Sluggish)
            sink.call.conversation.interrupted(1)
            sink.permits.release()
            await call.finished()
            assert call.reason == "completed"
            assert call.clock.now_ns() == 1_000 * MS

    run_virtual(main())


def test_an_interrupt_reaches_every_running_node_and_no_other() -> None:
    """Nodes that have ended have nothing to forget."""
    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("gone", SlowUpper)
    graph.add("feed", Feed)
    graph.add("here", SlowUpper)
    graph.chain("words", "gone")
    graph.chain("feed", "here")

    async def main() -> None:
        async with graph.plan().call() as call:
            await asyncio.sleep(0.1)
            here, gone = call.processor("here", SlowUpper), call.processor("gone", SlowUpper)
            here.call.conversation.interrupted(4)
            assert (here.interrupts, gone.interrupts) == ([4], [])

    run_virtual(main())


def test_nothing_is_told_once_the_call_ends() -> None:
    """A service that hears `interrupted` while it stops does not reach stopped boxes."""
    graph = Graph()
    graph.add("feed", Feed)
    graph.add("here", SlowUpper)
    graph.chain("feed", "here")

    async def main() -> None:
        async with graph.plan().call() as call:
            here = call.processor("here", SlowUpper)
        here.call.conversation.interrupted(4)
        here.call.conversation.user_started()
        assert here.interrupts == []

    run_virtual(main())


# The end of a stream ----------------------------------------------------------------------------------


def test_what_was_held_back_comes_before_the_end() -> None:
    """on_end's frames go downstream, through queues and plain calls, in order, before EndFrame."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["a", "b"])
    graph.add("one", SlowUpper, delay_ms=10, last="from one")
    graph.add("two", Upper)
    graph.add("three", SlowUpper, delay_ms=1, last="from three")
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "one", "two", "three", "sink")
    run_virtual(graph.plan().call().run())
    assert heard == ["A", "B", "FROM ONE", "from three"]


def test_a_node_ends_when_all_that_feeds_it_has_ended() -> None:
    """Fan-in: the slower source is heard to its end, through inline and queued edges alike."""
    for kind in (Upper, SlowUpper):
        heard: list[str] = []
        graph = Graph()
        graph.add("fast", Words, words=["f1", "f2"], gap_ms=1)
        graph.add("slow", Words, words=["s1", "s2"], gap_ms=50)
        graph.add("both", kind)
        graph.add("sink", Collect, into=heard)
        graph.connect("fast", "both")
        graph.connect("slow", "both")
        graph.connect("both", "sink")
        call = graph.plan().call()
        run_virtual(call.run())
        assert sorted(heard) == ["F1", "F2", "S1", "S2"]
        assert call.reason == "completed"


def test_queues_into_one_node_are_served_in_order_of_arrival() -> None:
    """Also after frames of one of them were dropped."""

    class Merge(Processor):
        left: In[TextFrame]
        right: In[TextFrame]

        def __init__(self, *, into: list[str]) -> None:
            self.into = into
            self.open = asyncio.Event()

        async def on_left(self, frame: TextFrame) -> None:
            await self.open.wait()
            self.into.append(f"left {frame.text}")

        async def on_right(self, frame: TextFrame) -> None:
            self.into.append(f"right {frame.text}")

    heard: list[str] = []
    graph = Graph()
    graph.add("one", Feed)
    graph.add("two", Feed)
    graph.add("merge", Merge, into=heard)
    graph.connect("one", "merge.left", when_full="drop_oldest", max_frames=2)
    graph.connect("two", "merge.right")

    async def main() -> None:
        async with graph.plan().call() as call:
            one, two = call.processor("one", Feed), call.processor("two", Feed)
            one.out.emit(TextFrame("0"))
            await asyncio.sleep(0)
            for number in range(1, 6):
                one.out.emit(TextFrame(str(number)))
                two.out.emit(TextFrame(str(number)))
            await asyncio.sleep(1)
            call.processor("merge", Merge).open.set()
            await asyncio.sleep(1)

    run_virtual(main())
    assert heard == ["left 0", "right 1", "right 2", "right 3", "left 4", "right 4", "left 5", "right 5"]


class Loop(Processor):
    """Takes words, and takes back what is made of its own; ends when its words have."""

    text: In[TextFrame]
    back: In[TextFrame] = In(feedback=True)
    out: Out[TextFrame]

    def __init__(self, *, into: list[str]) -> None:
        self.into = into

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame

    def on_back(self, frame: TextFrame) -> None:
        self.into.append(frame.text)


def test_feedback_edges_close_a_cycle_and_keep_no_call_alive() -> None:
    """What comes back is heard; the end of the stream does not go round."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["a", "b"], gap_ms=10)
    graph.add("loop", Loop, into=heard)
    graph.add("upper", Upper)
    graph.connect("words", "loop.text")
    graph.connect("loop", "upper")
    graph.connect("upper", "loop.back")
    call = graph.plan().call()
    run_virtual(call.run())
    assert heard == ["A", "B"]
    assert call.reason == "completed"


def test_a_node_that_has_ended_holds_up_nobody() -> None:
    """Its run returned before its input did: what still comes is dropped, and the source comes to its end."""

    class Brief(SlowUpper):
        async def run(self) -> None:
            await asyncio.sleep(0.01)

    class BriefInline(Upper):
        async def run(self) -> None:
            await asyncio.sleep(0.01)

    for kind in (Brief, BriefInline):
        heard: list[str] = []
        graph = Graph()
        graph.add("words", Words, words=["w"] * 50, gap_ms=1)
        graph.add("brief", kind)
        graph.add("sink", Collect, into=heard)
        graph.connect("words", "brief", max_frames=2)
        graph.connect("brief", "sink")
        call = graph.plan().call()
        run_virtual(call.run())
        assert call.reason == "completed"
        stats = call.stats()["words.out -> brief.text"]
        assert stats.dropped >= 30
        assert stats.passed == 51
        assert stats.held == 0
        assert 0 < len(heard) < 20


# Markers ---------------------------------------------------------------------------------------------


def test_markers_travel_with_the_media_and_the_end_is_not_among_them() -> None:
    """They pass boxes that know nothing of them, in order."""
    heard: list[Frame] = []

    class Keep(Collect):
        def on_text(self, frame: TextFrame) -> None:
            heard.append(frame)

        def on_marker(self, port: str, frame: Marker) -> None:
            heard.append(frame)

    graph = Graph()
    graph.add("feed", Feed)
    graph.add("inline", Upper)
    graph.add("queued", SlowUpper, delay_ms=5)
    graph.add("sink", Keep)
    graph.chain("feed", "inline", "queued", "sink")

    async def main() -> None:
        async with graph.plan().call() as call:
            feed = call.processor("feed", Feed)
            for frame in (TurnStartFrame(turn=1), TextFrame("x", turn=1), TurnEndFrame(turn=1)):
                feed.out.emit(frame)  # type: ignore[arg-type]  # markers pass any port
            feed.over.set()
            await call.finished()

    run_virtual(main())
    assert [type(frame) for frame in heard] == [TurnStartFrame, TextFrame, TurnEndFrame]


def test_a_port_typed_frame_is_handed_the_markers() -> None:
    """Who asks for every frame gets turns too, but the end comes as on_end."""
    seen: list[str] = []

    class Everything(Processor):
        frames: In[Frame]

        def on_frames(self, frame: Frame) -> None:
            seen.append(type(frame).__name__)

        def on_end(self) -> None:
            seen.append("end")

    graph = Graph()
    graph.add("words", Words, words=["a"], turn=1, mark_end=True)
    graph.add("all", Everything)
    graph.chain("words", "all")
    run_virtual(graph.plan().call().run())
    assert seen == ["TextFrame", "TurnEndFrame", "end"]


# Handlers --------------------------------------------------------------------------------------------


class Spell(Processor):
    """Letters one by one, from a generator."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def on_text(self, frame: TextFrame) -> Iterator[TextFrame]:
        for letter in frame.text:
            yield TextFrame(letter)


class SpellSlowly(Spell):
    """The same from an async generator."""

    async def on_text(self, frame: TextFrame) -> AsyncIterator[TextFrame]:  # type: ignore[override]
        for letter in frame.text:
            await asyncio.sleep(0.01)
            yield TextFrame(letter)


@pytest.mark.parametrize("kind", [Spell, SpellSlowly])
def test_handlers_may_yield(kind: type[Processor]) -> None:
    """Each frame goes on as it is yielded, sync or async."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["ab", "cd"])
    graph.add("spell", kind)
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "spell", "sink")
    run_virtual(graph.plan().call().run())
    assert heard == list("abcd")


def test_handlers_of_one_node_never_overlap() -> None:
    """An actor: markers, frames of two inputs and the end wait for each other."""
    inside = 0

    class Actor(SlowUpper):
        async def on_text(self, frame: TextFrame) -> TextFrame:
            nonlocal inside
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1
            return frame

        def on_end(self) -> None:
            assert inside == 0

    graph = Graph()
    for name in ("one", "two"):
        graph.add(name, Words, words=["w"] * 10, gap_ms=3, mark_end=True)
    graph.add("actor", Actor)
    graph.add("sink", Collect)
    graph.connect("one", "actor")
    graph.connect("two", "actor")
    graph.connect("actor", "sink")
    run_virtual(graph.plan().call().run())


# Bounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [0, 1, 3])
def test_a_fast_source_never_overfills_a_blocking_edge(between: int) -> None:
    """However many plain boxes lie before the queue, the source waits: it may go over by one step, not two."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=[str(n) for n in range(100)])
    path = ["words"]
    for number in range(between):
        path.append(str(graph.add(f"upper{number}", Upper)))
    graph.add("slow", SlowUpper, delay_ms=10)
    graph.add("sink", Collect, into=heard)
    graph.chain(*path)
    graph.connect(path[-1], "slow", when_full="block", max_frames=4)
    graph.connect("slow", "sink")
    call = graph.plan().call()
    run_virtual(call.run())
    stats = call.stats()[f"{path[-1]}.out -> slow.text"]
    assert heard == [str(n) for n in range(100)]
    assert stats.high_water <= 4 + 1
    assert (stats.dropped, stats.stale) == (0, 0)
    # The time between two handlers is all that a frame waits in front of a full queue, once per place.
    assert stats.oldest_ns <= 5 * 10 * MS


def test_a_node_in_the_middle_waits_too() -> None:
    """Backpressure goes through an async node back to the source."""
    graph = Graph()
    graph.add("words", Words, words=["w"] * 60)
    graph.add("middle", SlowUpper)
    graph.add("slow", SlowUpper, delay_ms=10)
    graph.connect("words", "middle", max_frames=3)
    graph.connect("middle", "slow", max_frames=3)
    call = graph.plan().call()
    run_virtual(call.run())
    stats = call.stats()
    assert stats["words.out -> middle.text"].high_water <= 4
    assert stats["middle.out -> slow.text"].high_water <= 4


def test_two_fast_sources_share_a_bound() -> None:
    """Each goes over by at most its own step."""
    graph = Graph()
    graph.add("slow", SlowUpper, delay_ms=1)
    for name in ("one", "two"):
        graph.add(name, Words, words=["w"] * 50)
        graph.connect(name, "slow", max_frames=2)
    call = graph.plan().call()
    run_virtual(call.run())
    assert all(stats.high_water <= 3 for stats in call.stats().values())


@pytest.mark.parametrize(
    ("when_full", "heard_last"), [("drop_oldest", "99"), ("drop_newest", "0"), ("latest", "99")]
)
def test_losing_edges_hold_nobody_up(when_full: WhenFull, heard_last: str) -> None:
    """The source is through at once; the counters say what became of every frame."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=[str(n) for n in range(100)])
    graph.add("slow", SlowUpper, delay_ms=10)
    graph.add("sink", Collect, into=heard)
    graph.connect("words", "slow", when_full=when_full, max_frames=2)
    graph.connect("slow", "sink")
    call = graph.plan().call()
    run_virtual(call.run())
    stats = call.stats()["words.out -> slow.text"]
    # One more than frames: the end of the stream counts, and is never lost.
    assert stats.passed == 101
    assert stats.passed == len(heard) + 1 + stats.dropped
    assert stats.dropped > 50
    assert heard_last in heard


def test_a_source_in_a_tight_loop_lets_others_run() -> None:
    """Where nothing is ever full, send still gives way: the call can be ended."""

    class Flood(Words):
        async def run(self) -> None:
            while True:
                await self.out.send(TextFrame("x"))

    async def main() -> str:
        graph = Graph()
        graph.add("flood", Flood, words=[])
        graph.add("sink", Collect)
        graph.chain("flood", "sink")
        call = graph.plan().call()
        running = asyncio.create_task(call.run())
        for _ in range(20):
            await asyncio.sleep(0)
        call.end("enough")
        await running
        return call.end_detail

    assert run_virtual(main()) == "enough"


def test_stats_count_every_edge_by_its_name() -> None:
    """Inline edges too; markers and the end count as frames."""
    graph = Graph()
    graph.add("words", Words, words=["a", "b"], turn=1, mark_end=True)
    graph.add("upper", Upper)
    graph.add("slow", SlowUpper)
    graph.chain("words", "upper", "slow")
    call = graph.plan().call()
    run_virtual(call.run())
    stats = call.stats()
    assert {name: (edge.passed, edge.dropped, edge.stale) for name, edge in stats.items()} == {
        "words.out -> upper.text": (4, 0, 0),
        "upper.out -> slow.text": (4, 0, 0),
    }

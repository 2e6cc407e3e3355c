"""A running call takes another graph: whole or not at all, between frames, and nothing that stays loses anything."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

import numpy as np
import pytest

from livegraph.pipeline import (
    AudioFrame,
    Call,
    CallLimits,
    ConfigError,
    Doc,
    Frame,
    FromOption,
    Graph,
    Hertz,
    In,
    Live,
    Out,
    Processor,
    ProcessorError,
    StartError,
    TextFrame,
    ms,
    run_virtual,
)
from livegraph.testing import no_leaks, no_tasks_left
from support.boxes import Collect, Hear, SlowUpper, Tone, Words


class Mark(Processor):
    """Puts a mark behind each word; says when it starts, stops and ends."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(
        self,
        *,
        mark: str = "!",
        loud: Annotated[bool, Live(), Doc("upper case")] = False,
        log: list[str] | None = None,
        fails: bool = False,
    ) -> None:
        self.mark, self.loud, self.told, self.fails = mark, loud, log if log is not None else [], fails

    def on_tune(self, *, loud: bool) -> None:
        self.loud = loud

    async def start(self) -> None:
        if self.fails:
            raise RuntimeError("no")
        self.told.append(f"start {self.mark}")

    async def stop(self) -> None:
        self.told.append(f"stop {self.mark}")

    def on_text(self, frame: TextFrame) -> TextFrame:
        text = frame.text.upper() if self.loud else frame.text
        return TextFrame(text + self.mark)

    def on_end(self) -> Iterator[Frame]:
        yield TextFrame(f"bye {self.mark}")


class SlowMark(Mark):
    """The same, which takes 30 ms a word."""

    async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]  # async here
        await asyncio.sleep(0.03)
        return super().on_text(frame)


Edit = Callable[[Graph], object]


def changed(
    during: Callable[[Call], Awaitable[Any]],
    words: str = "abcdef",
    box: type[Processor] | None = Mark,
    limits: CallLimits | None = None,
    **options: Any,
) -> list[str]:
    """What the sink heard of words, one each 20 ms, in a call that ``during`` changes."""
    heard: list[str] = []
    graph = Graph()
    nodes: list[Any] = [graph.add(Words, words=list(words), gap_ms=20)]
    if box is not None:
        nodes.append(graph.add("box", box, **options))
    graph.chain(*nodes, graph.add("sink", Collect, into=heard))

    async def main() -> None:
        async with no_tasks_left(), graph.plan(limits=limits).call() as call:
            await during(call)
            await call.finished()

    with no_leaks():
        run_virtual(main())
    return heard


def after(seconds: float, edit: Edit) -> Callable[[Call], Awaitable[Any]]:
    async def during(call: Call) -> None:
        await asyncio.sleep(seconds)
        await call.change(edit)

    return during


@pytest.mark.parametrize("kind", [Mark, SlowMark])
def test_a_box_is_put_in_between(kind: type[Processor]) -> None:
    """Started before the first frame comes to it; nothing is lost, nothing comes twice."""
    log: list[str] = []

    def edit(graph: Graph) -> None:
        graph.disconnect("words", "sink")
        graph.chain("words", graph.add("mark", kind, log=log), "sink")

    assert changed(after(0.05, edit), box=None) == ["a", "b", "c", "d!", "e!", "f!", "bye !"]
    assert log == ["start !", "stop !"]


@pytest.mark.parametrize("kind", [Mark, SlowMark])
def test_a_box_is_taken_out(kind: type[Processor]) -> None:
    """It hands on what it holds, and is stopped while the call goes on."""
    log: list[str] = []

    def edit(graph: Graph) -> None:
        graph.remove("box")
        graph.connect("words", "sink")

    async def during(call: Call) -> None:
        await asyncio.sleep(0.05)
        change = await call.change(edit)
        assert (change.removed, change.joined) == (("box",), ("words.out -> sink.text",))
        assert log == ["start !", "stop !"] and not call.reason
        assert "box" not in "".join(call.stats())

    heard = changed(during, box=kind, log=log)
    assert sorted(heard) == sorted(["a!", "b!", "c!", "bye !", "d", "e", "f"])
    assert [word for word in heard if "!" in word] == ["a!", "b!", "c!", "bye !"]


@pytest.mark.parametrize("kind", [Mark, SlowMark])
def test_a_box_is_replaced(kind: type[Processor]) -> None:
    """By another class, or with other options: the old one hands on what it holds, the new one takes what comes."""

    def edit(graph: Graph) -> None:
        graph.remove("box")
        graph.chain("words", graph.add("box", kind, mark="?"), "sink")

    async def during(call: Call) -> None:
        await asyncio.sleep(0.05)
        assert (await call.change(edit)).replaced == ("box",)

    heard = changed(during, box=kind)
    assert sorted(heard) == sorted(["a!", "b!", "c!", "bye !", "d?", "e?", "f?", "bye ?"])
    assert heard[-1] == "bye ?"


def test_a_source_can_come_and_go() -> None:
    """One that is taken out is cancelled; a stream that two feed ends with the last of them."""

    def with_more(graph: Graph) -> None:
        more = graph.add("more", Words, words=["x"] * 1_000, gap_ms=10)
        graph.connect(more, "sink")

    async def during(call: Call) -> None:
        await asyncio.sleep(0.05)
        await call.change(with_more)
        await asyncio.sleep(0.035)
        change = await call.change(lambda graph: graph.remove("more"))
        assert change.removed == ("more",)

    heard = changed(during)
    assert heard.count("x") == 4
    assert [word for word in heard if word != "x"] == ["a!", "b!", "c!", "d!", "e!", "f!", "bye !"]


def test_a_branch_is_added_and_cut() -> None:
    """Edges alone: the other branch does not notice."""
    also: list[str] = []

    async def during(call: Call) -> None:
        await asyncio.sleep(0.05)
        change = await call.change(
            lambda graph: graph.connect("box", graph.add("second", Collect, into=also))
        )
        assert change.added == ("second",)
        await asyncio.sleep(0.04)
        with pytest.raises(ConfigError, match=r"nothing is connected to the input `second\.text`"):
            await call.change(lambda graph: graph.disconnect("box", "second"))
        change = await call.change(lambda graph: graph.remove("second"))
        assert (change.removed, change.cut, call.reason) == (("second",), ("box.out -> second.text",), "")

    assert changed(during) == ["a!", "b!", "c!", "d!", "e!", "f!", "bye !"]
    assert also == ["d!", "e!"]


def test_live_options_are_tuned_and_what_was_tuned_stays() -> None:
    """A change sees the options as they are, and nodes that only differ in live ones go on."""

    async def during(call: Call) -> None:
        await asyncio.sleep(0.03)
        call.tune({"box": {"loud": True}})

        def edit(graph: Graph) -> None:
            assert graph.nodes["box"].options["loud"] is True
            graph.add("extra", Collect)
            graph.connect("box", "extra")

        await asyncio.sleep(0)
        assert (await call.change(edit)).added == ("extra",)
        await asyncio.sleep(0.04)

        def quiet(graph: Graph) -> None:
            spec = graph.nodes["box"]
            del graph.nodes["box"]
            graph.add("box", Mark, **{**spec.options, "loud": False})

        change = await call.change(quiet)
        assert (change.tuned, change.replaced) == ({"box": {"loud": False}}, ())

    assert changed(during) == ["a!", "b!", "C!", "D!", "e!", "f!", "bye !"]


def test_nothing_changes_when_nothing_is_changed() -> None:
    async def during(call: Call) -> None:
        assert not await call.change(lambda graph: None)

    assert changed(during)[0] == "a!"


# Refused ------------------------------------------------------------------------------------------------


def test_a_wrong_graph_is_refused_with_every_reason() -> None:
    """And the call goes on as it was."""

    def edit(graph: Graph) -> None:
        graph.add("x", Mark, mrak="?")
        graph.connect("nobody", "x")
        graph.add("y", Hear)

    async def during(call: Call) -> None:
        with pytest.raises(ConfigError) as caught:
            await call.change(edit)
        assert {"LG201", "LG301"} <= {problem.code for problem in caught.value.problems}

    assert changed(during) == ["a!", "b!", "c!", "d!", "e!", "f!", "bye !"]


def test_a_box_that_does_not_start_changes_nothing() -> None:
    """Those that had started are stopped; what `edit` raises comes through."""
    log: list[str] = []

    def edit(graph: Graph) -> None:
        graph.disconnect("box", "sink")
        first, second = graph.add("first", Mark, fails=True), graph.add("second", Mark, mark="2", log=log)
        graph.chain("box", first, second, "sink")

    async def during(call: Call) -> None:
        await asyncio.sleep(0.05)
        with pytest.raises(StartError, match="first: did not start: RuntimeError: no"):
            await call.change(edit)
        assert log == ["start 2", "stop 2"]
        with pytest.raises(ZeroDivisionError):
            await call.change(lambda graph: 1 // 0)

    assert changed(during) == ["a!", "b!", "c!", "d!", "e!", "f!", "bye !"]


def test_a_call_that_does_not_run_cannot_be_changed() -> None:
    """Before and after."""
    graph = Graph()
    graph.chain(graph.add(Words, words=["a"]), graph.add(Collect))

    async def main() -> None:
        call = graph.plan().call()
        with pytest.raises(RuntimeError, match="does not run"):
            await call.change(lambda graph: None)
        await call.run()
        with pytest.raises(RuntimeError, match="does not run"):
            await call.change(lambda graph: None)

    run_virtual(main())


class Paced(Tone):
    """A tone in real time."""

    async def run(self) -> None:
        for index in range(self.frames):
            rate = self.out.format.rate
            await self.out.send(
                AudioFrame(np.full(rate // 50, index, np.int16), rate, time_ns=ms(20 * index))
            )
            await self.call.clock.sleep_until_ns(ms(20 * index + 20))


class Passes(Processor):
    """Lets sound through at a rate that may be said."""

    audio: In[AudioFrame] = In(rate=FromOption("rate"))
    out: Out[AudioFrame] = Out(like="audio")

    def __init__(self, *, rate: Hertz | None = None) -> None:
        self.rate = rate

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


@pytest.mark.parametrize("fixed", [True, False])
def test_formats_of_nodes_that_stay_are_kept(fixed: bool) -> None:
    """A box at another rate gets resamplers around it, also where a new call would have settled on its rate."""
    graph = Graph()
    tone = graph.add("tone", Paced, rate=16_000, frames=60)
    hear = graph.add("ear", Hear, rate=16_000 if fixed else None)
    graph.connect(tone, hear)

    def edit(graph: Graph) -> None:
        graph.disconnect("tone", "ear")
        graph.chain("tone", graph.add("deep", Passes, rate=8_000), "ear")

    async def main() -> list[AudioFrame]:
        async with graph.plan().call() as call:
            assert set((await call.change(edit)).added) == {
                "tone_to_deep_resampler",
                "deep",
                "deep_to_ear_resampler",
            }
            await call.finished()
            return call.processor(hear).frames

    frames = run_virtual(main())
    assert {frame.rate for frame in frames} == {16_000}
    assert sum(len(frame.samples) for frame in frames) == 60 * 320


def test_an_edge_into_a_node_that_has_ended_is_refused() -> None:
    """It cannot begin again."""

    def short(graph: Graph) -> None:
        graph.connect(graph.add("short", Words, words=["x"]), graph.add("late", Collect))

    async def during(call: Call) -> None:
        await call.change(short)
        await asyncio.sleep(0.05)
        with pytest.raises(ConfigError, match=r"LG224 .*`box.out -> late.text` leads to a node whose stream"):
            await call.change(lambda graph: graph.connect("box", "late"))

    assert changed(during)[-1] == "bye !"


def test_a_new_edge_from_a_source_that_has_ended_has_ended_too() -> None:
    """So that the call completes."""

    async def during(call: Call) -> None:
        await asyncio.sleep(0.16)

        def edit(graph: Graph) -> None:
            graph.disconnect("words", "box")
            graph.connect("words", "box", max_frames=3)

        assert (await call.change(edit)).joined == ("words.out -> box.text",)

    assert changed(during, box=SlowMark)[-2:] == ["f!", "bye !"]


# Under load ---------------------------------------------------------------------------------------------


def test_a_handler_that_does_not_end_holds_up_nobody() -> None:
    """After a while the new edges count for it too; the call ends as ever."""

    class Stuck(SlowUpper):
        """Takes for ever at its first frame."""

        async def on_text(self, frame: TextFrame) -> TextFrame:
            await asyncio.sleep(3_600)
            return frame

    async def during(call: Call) -> None:
        await asyncio.sleep(0.05)
        extra = lambda graph: graph.connect("words", graph.add("second", Collect))  # noqa: E731
        began_ns = call.clock.now_ns()
        await call.change(extra)
        assert call.clock.now_ns() - began_ns <= 1_000_000_000
        call.end("enough")

    changed(during, box=Stuck, limits=CallLimits(stall_ns="1s"))


def test_a_fault_of_a_box_that_goes_is_told_and_ends_nothing() -> None:
    """It is no part of the call any more."""

    class Bad(Mark):
        """Fails at its end."""

        def on_end(self) -> Iterator[Frame]:
            raise RuntimeError("at last")

    def edit(graph: Graph) -> None:
        graph.remove("box")
        graph.connect("words", "sink")

    assert changed(after(0.05, edit), box=Bad) == ["a!", "b!", "c!", "d", "e", "f"]
    with pytest.raises(ProcessorError, match="at last"):
        changed(after(0.05, lambda graph: None), box=Bad)


def test_changes_follow_each_other() -> None:
    """Two at once are made one after the other; a tap stays where it was put."""
    seen: list[str] = []

    def add(name: str) -> Edit:
        return lambda graph: graph.connect("box", graph.add(name, Collect))

    async def during(call: Call) -> None:
        call.tap("box.out", lambda frame: seen.append(getattr(frame, "text", "")))
        await asyncio.sleep(0.05)
        first, second = await asyncio.gather(call.change(add("one")), call.change(add("two")))
        assert (first.added, second.added) == (("one",), ("two",))

    changed(during)
    assert seen[-4:] == ["d!", "e!", "f!", "bye !"] or seen[-5:-1] == ["d!", "e!", "f!", "bye !"]

"""A running call takes live options between two frames, all or nothing, and never in the middle of one."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline import (
    MS,
    ConfigError,
    Duration,
    FromOption,
    Graph,
    In,
    Live,
    Out,
    Processor,
    Range,
    Secret,
    TextFrame,
    TurnPolicy,
    processor,
    run_virtual,
)
from livegraph.pipeline.events import SpeechChanged, Tuned
from livegraph.pipeline.graph.plan import make_plan
from livegraph.pipeline.processor import ports_of
from livegraph.pipeline.running.call_log import LogPolicy
from support.boxes import Collect, Words

WORDS = [f"w{number}" for number in range(12)]


class Frame(Processor):
    """Puts two live marks around a word, reading them at its beginning and after a while."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(
        self,
        *,
        left: Annotated[str, Live()] = "<",
        right: Annotated[str, Live()] = ">",
        delay: Annotated[Duration, Range(0, None)] = 0,
    ) -> None:
        self.left, self.right, self.delay_ns = left, right, delay

    def on_tune(self, *, left: str, right: str) -> None:
        self.left, self.right = left, right

    def on_text(self, frame: TextFrame) -> TextFrame:
        return TextFrame(f"{self.left}{frame.text}{self.right}")


class SlowFrame(Frame):
    """The same in a task of its own, with a wait between the two."""

    async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]  # slow on purpose
        left = self.left
        await asyncio.sleep(self.delay_ns / 1e9)
        return TextFrame(f"{left}{frame.text}{self.right}")


class ChattyFrame(Frame):
    """The same as a generator: two frames out of one, and both are of one mind."""

    async def on_text(self, frame: TextFrame) -> AsyncIterator[TextFrame]:  # type: ignore[override]
        yield TextFrame(f"{self.left}{frame.text}")
        await asyncio.sleep(self.delay_ns / 1e9)
        yield TextFrame(f"{frame.text}{self.right}")


def graph_of(box: type[Processor], gap_ms: int = 10, words: list[str] = WORDS, **options: Any) -> Graph:
    graph = Graph()
    graph.add("words", Words, words=words, gap_ms=gap_ms)
    graph.add("box", box, **options)
    graph.add("end", Collect)
    graph.chain("words", "box", "end")
    return graph


async def tuned_at(graph: Graph, changes: dict[int, dict[str, Any]]) -> tuple[list[str], list[Tuned]]:
    """What comes out when ``box`` is tuned at these milliseconds."""
    call = graph.plan().call()
    events: list[Tuned] = []
    call.events.subscribe(Tuned, events.append)
    async with call:
        for at_ms, options in changes.items():
            await call.clock.sleep_until_ns(at_ms * MS)
            call.tune({"box": options})
        await call.finished()
        return call.processor("end", Collect).seen, events


def test_a_plain_box_takes_a_change_before_its_next_frame() -> None:
    """At once, and the event says what and when."""
    seen, events = run_virtual(tuned_at(graph_of(Frame), {35: {"left": "[", "right": "]"}}))
    assert seen == [f"<{word}>" for word in WORDS[:4]] + [f"[{word}]" for word in WORDS[4:]]
    assert events == [Tuned(time_ns=35 * MS, node="box", options=("left", "right"))]


@pytest.mark.parametrize("box", [SlowFrame, ChattyFrame])
def test_a_box_that_waits_takes_it_after_the_frame_that_it_is_at(box: type[Processor]) -> None:
    """A change in the middle of a frame counts from the next one, whatever waits in the queue."""
    graph = graph_of(box, gap_ms=10, delay=100 * MS, words=WORDS[:3])
    seen, events = run_virtual(tuned_at(graph, {150: {"left": "[", "right": "]"}}))
    joined = "".join(seen)
    assert joined.startswith("<w0") and "<w1" in joined and "w1>" in joined and "[w2" in joined
    assert "w1]" not in joined and "w2>" not in joined
    assert [event.time_ns for event in events] == [200 * MS]


@given(
    delay_ms=st.integers(0, 30),
    gap_ms=st.integers(0, 20),
    at_ms=st.lists(st.integers(0, 250), min_size=1, max_size=5, unique=True),
    box=st.sampled_from([Frame, SlowFrame, ChattyFrame]),
)
@settings(max_examples=60, deadline=None)
def test_no_frame_sees_half_of_a_change(
    delay_ms: int, gap_ms: int, at_ms: list[int], box: type[Processor]
) -> None:
    """Whenever it comes: the two marks of a word are always of one change, and changes only go forward."""
    graph = graph_of(box, gap_ms=gap_ms, delay=delay_ms * MS)
    changes = {at: {"left": f"{n}:", "right": f":{n}"} for n, at in enumerate(sorted(at_ms), 1)}
    graph.nodes["box"].options.update(left="0:", right=":0")  # type: ignore[attr-defined]
    seen, _ = run_virtual(tuned_at(graph, changes))
    joined = (
        " ".join(seen)
        if box is not ChattyFrame
        else " ".join(
            f"{one}{two.removeprefix(one.partition(':')[2])}"
            for one, two in zip(seen[::2], seen[1::2], strict=True)
        )
    )
    marks = [(word.split(":")[0], word.split(":")[2], word.split(":")[1]) for word in joined.split()]
    assert [word for _, _, word in marks] == WORDS
    assert all(left == right for left, right, _ in marks)
    assert [int(left) for left, _, _ in marks] == sorted(int(left) for left, _, _ in marks)


def test_two_boxes_without_a_queue_between_change_in_the_same_moment() -> None:
    """No frame passes one that has changed and one that has not."""
    graph = Graph()
    graph.add("words", Words, words=WORDS, gap_ms=10)
    graph.add("inner", Frame)
    graph.add("outer", Frame)
    graph.add("end", Collect)
    graph.chain("words", "inner", "outer", "end")

    async def main() -> list[str]:
        async with graph.plan().call() as call:
            await call.clock.sleep_until_ns(30 * MS)
            both = {"left": "[", "right": "]"}
            assert call.tune({"outer": both, "inner": both}) == {
                "outer": ("left", "right"),
                "inner": ("left", "right"),
            }
            await call.finished()
            return call.processor("end", Collect).seen

    assert {word.replace(word.strip("<>[]"), "") for word in run_virtual(main())} == {"<<>>", "[[]]"}


def test_an_observer_may_tune_in_the_middle_of_a_step() -> None:
    """What it asks for waits until nobody is at a frame."""

    class Teller(Frame):
        def on_text(self, frame: TextFrame) -> TextFrame:
            left = self.left
            self.call.events.publish(SpeechChanged(time_ns=0, speaking=True))
            return TextFrame(f"{left}{frame.text}{self.right}")

    async def main() -> list[str]:
        call = graph_of(Teller).plan().call()
        call.events.subscribe(SpeechChanged, lambda _: call.tune({"box": {"left": "[", "right": "]"}}))
        async with call:
            await call.finished()
            return call.processor("end", Collect).seen

    assert run_virtual(main()) == ["<w0>", *(f"[{word}]" for word in WORDS[1:])]


def test_before_and_after_the_call() -> None:
    """A call that has not begun begins with it, one that is starting takes it before its first frame, one that is over
    takes nothing."""

    class SlowStart(Frame):
        async def start(self) -> None:
            await asyncio.sleep(1)

    async def main(box: type[Processor], after_s: float) -> list[str]:
        call = graph_of(box).plan().call()
        running = asyncio.create_task(call.run()) if after_s else None
        await asyncio.sleep(after_s)
        assert call.tune({"box": {"left": "[", "right": "]"}}) == {"box": ("left", "right")}
        await (running or call.run())
        assert call.tune({"box": {"left": "!"}}) == {}
        return call.processor("end", Collect).seen

    everything = [f"[{word}]" for word in WORDS]
    assert run_virtual(main(Frame, 0)) == everything
    assert run_virtual(main(SlowStart, 0.5)) == everything


def test_a_restarted_box_keeps_what_it_was_tuned_to() -> None:
    """Also what it is told while it is being replaced."""

    class Breaks(Frame):
        async def start(self) -> None:
            await asyncio.sleep(0.05)

        def on_text(self, frame: TextFrame) -> TextFrame:
            if frame.text == "w4":
                raise RuntimeError("once")
            return super().on_text(frame)

    graph = Graph()
    graph.add("words", Words, words=WORDS, gap_ms=10)
    graph.add("box", Breaks, on_error="restart")
    graph.add("end", Collect)
    graph.chain("words", "box", "end")

    async def main() -> list[str]:
        async with graph.plan().call() as call:
            # The words come from 50 ms on, and the box is replaced from 90 to 140 ms.
            await call.clock.sleep_until_ns(75 * MS)
            call.tune({"box": {"left": "["}})
            await call.clock.sleep_until_ns(120 * MS)
            call.tune({"box": {"right": "]"}})
            await call.finished()
            return call.processor("end", Collect).seen

    seen = run_virtual(main())
    assert seen[:4] == ["<w0>", "<w1>", "<w2>", "[w3>"]
    assert seen[-2:] == ["[w10]", "[w11]"]


def test_a_change_that_is_wrong_changes_nothing() -> None:
    """Every fault is told, and the right half of it is not taken."""

    class Numbers(Processor):
        text: In[TextFrame]

        def __init__(
            self,
            *,
            level: Annotated[float, Range(0, 1), Live()] = 0.5,
            hold: Annotated[Duration, Live()] = 1,
            name: str = "",
        ) -> None:
            self.told: list[tuple[float, int]] = []

        def on_tune(self, *, level: float, hold: int) -> None:
            self.told.append((level, hold))

        def on_text(self, frame: TextFrame) -> None: ...

    graph = Graph()
    graph.add("words", Words, words=WORDS, gap_ms=10)
    graph.add("one", Numbers)
    graph.add("two", Numbers)
    graph.connect("words", "one")
    graph.connect("words", "two")

    async def main() -> None:
        async with graph.plan().call() as call:
            one, two = (call.processor(name, Numbers) for name in ("one", "two"))
            for changes, codes in (
                ({"one": {"level": 0.7}, "two": {"level": 2}}, ["LG203"]),
                ({"one": {"level": 0.7, "name": "x"}}, ["LG223"]),
                ({"one": {"levle": 0.7}, "two": {"hold": "soon"}}, ["LG201", "LG205"]),
            ):
                with pytest.raises(ConfigError) as caught:
                    call.tune(changes)
                assert [problem.code for problem in caught.value.problems] == codes
            with pytest.raises(KeyError, match="no running node 'three'; there is: words, one, two"):
                call.tune({"one": {"level": 0.7}, "three": {}})
            assert call.tune({"one": {"level": 0.5}}) == {}, "it is 0.5 already"
            await asyncio.sleep(0.02)
            assert (one.told, two.told) == ([], [])
            assert call.tune({"one": {"level": 1}, "two": {}}) == {"one": ("level",)}
            await asyncio.sleep(0.02)
            assert (one.told, two.told) == ([(1.0, 1)], []), "all live options, of the declared types"

    run_virtual(main())


def test_a_box_that_cannot_take_what_it_declares_fails_as_any_handler() -> None:
    """By name; its `on_error` decides what follows."""

    class Broken(Frame):
        def on_tune(self, *, left: str, right: str) -> None:
            raise RuntimeError("not like that")

    async def main() -> None:
        async with graph_of(Broken).plan().call() as call:
            call.tune({"box": {"left": "["}})
            await call.finished()

    with pytest.raises(Exception, match="box: RuntimeError: not like that"):
        run_virtual(main())


def test_turns_are_judged_anew() -> None:
    """From the next speech on; a judgement under way keeps its deadline."""

    async def main() -> list[str]:
        states: list[str] = []
        async with graph_of(Frame, gap_ms=400).plan().call() as call:
            conversation = call.processor("box", Frame).call.conversation
            turn = conversation.next_turn()
            conversation.played(turn, 1)
            call.tune({}, turns=TurnPolicy(barge_in=False))
            conversation.user_started()
            states.append(conversation.state.value)
            conversation.user_stopped()
            call.tune({}, turns=TurnPolicy(confirm_ns=50 * MS))
            conversation.user_started()
            states.append(conversation.state.value)
            await asyncio.sleep(0.06)
            states.append(conversation.state.value)
        return states

    assert run_virtual(main()) == ["speaking", "paused", "interrupted"]


def test_a_call_logs_by_its_own_level(caplog: pytest.LogCaptureFixture) -> None:
    """Boxes of one call can be told to say more, or less, than the program does; those of others do not change."""

    class Loud(Frame):
        def on_text(self, frame: TextFrame) -> TextFrame:
            self.log.debug("debug %s", frame.text)
            self.log.warning("warning %s", frame.text)
            return super().on_text(frame)

    plan = make_plan(graph_of(Loud), log=LogPolicy("error"))

    async def main() -> None:
        async with plan.call() as call, graph_of(Frame).plan().call() as other:
            await call.clock.sleep_until_ns(15 * MS)
            call.tune({}, log=LogPolicy("debug"))
            await call.clock.sleep_until_ns(25 * MS)
            call.tune({}, log=LogPolicy())
            other.processor("box", Frame).log.debug("nothing")
            await call.clock.sleep_until_ns(35 * MS)
            logging.disable()
            await call.clock.sleep_until_ns(45 * MS)

    try:
        with caplog.at_level(logging.INFO, "livegraph"):
            caplog.handler.setLevel(logging.NOTSET)
            run_virtual(main())
    finally:
        logging.disable(logging.NOTSET)
    said = [record.getMessage() for record in caplog.records if record.name == "livegraph.node"]
    assert said == ["debug w2", "warning w2", "warning w3"]


def test_a_function_can_have_live_options() -> None:
    """`@processor` binds them anew."""

    @processor
    def shout(text: TextFrame, *, mark: Annotated[str, Live()] = "!", lead: str = "") -> TextFrame:
        return TextFrame(lead + text.text + mark)

    async def main() -> list[str]:
        async with graph_of(shout, lead="-").plan().call() as call:
            await call.clock.sleep_until_ns(15 * MS)
            call.tune({"box": {"mark": "?"}})
            await call.finished()
            return call.processor("end", Collect).seen

    assert run_virtual(main())[:4] == ["-w0!", "-w1!", "-w2?", "-w3?"]


def test_a_class_must_be_made_for_its_live_options() -> None:
    """Whoever declares one takes it, by a plain method with these keywords; known when the class is read."""

    class Deaf(Processor):
        text: In[TextFrame]

        def __init__(self, *, mark: Annotated[str, Live()] = "") -> None: ...

        def on_text(self, frame: TextFrame) -> None: ...

    class Half(Deaf):
        def __init__(
            self, *, mark: Annotated[str, Live()] = "", more: Annotated[int, Live()] = 0
        ) -> None: ...

        def on_tune(self, *, mark: str) -> None: ...

    class Late(Deaf):
        async def on_tune(self, *, mark: str) -> None: ...

    class Format(Processor):
        out: Out[TextFrame] = Out(rate=FromOption("rate"))

        def __init__(self, *, rate: Annotated[int, Live()] = 1) -> None: ...

        def on_tune(self, *, rate: int) -> None: ...

    class Port(Processor):
        tune: In[TextFrame]

        def on_tune(self, frame: TextFrame) -> None: ...

    for cls, words in (
        (Deaf, r"Deaf: live options need the plain method def on_tune\(self, \*, mark\)"),
        (Half, r"Half: on_tune must be def on_tune\(self, \*, mark, more\)"),
        (Late, "plain method"),
        (Format, "'rate' settles the format of 'out'"),
        (Port, "a port cannot be called 'tune'"),
    ):
        with pytest.raises(TypeError, match=words):
            ports_of(cls)


def test_a_secret_is_not_told() -> None:
    """The event names the option only."""

    class Guarded(Frame):
        def __init__(self, *, key: Annotated[Secret, Live()]) -> None:
            super().__init__()

        def on_tune(self, *, key: Secret) -> None:  # type: ignore[override]
            self.left = key.reveal()

    async def main() -> tuple[list[str], str]:
        seen, events = await tuned_at(graph_of(Guarded, key=Secret("old")), {5: {"key": Secret("new-key")}})
        return seen, repr(events)

    seen, told = run_virtual(main())
    assert seen[-1] == "new-keyw11>"
    assert "new-key" not in told and "key" in told

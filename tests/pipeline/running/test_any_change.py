"""Whatever is changed in a running call, and whenever: no frame is lost or comes twice, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline import Call, ConfigError, Graph, In, Out, Processor, TextFrame, ms, run_virtual
from livegraph.testing import no_tasks_left
from support.boxes import Collect, Words

WORDS = [str(number) for number in range(12)]


class Plain(Processor):
    """Passes words on in the sender's step."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, log: list[str], slow_ms: int = 0, option: int = 0) -> None:
        self.told, self.slow_ms = log, slow_ms

    async def start(self) -> None:
        self.told.append("start")
        await asyncio.sleep(self.slow_ms / 1_000)

    async def stop(self) -> None:
        self.told.append("stop")

    def on_text(self, frame: TextFrame) -> TextFrame:
        return TextFrame(frame.text)


class Waiting(Plain):
    """Passes words on from a task of its own, and takes its time."""

    async def on_text(self, frame: TextFrame) -> TextFrame:  # type: ignore[override]  # async here
        await asyncio.sleep(self.slow_ms / 1_000)
        return TextFrame(frame.text)


@dataclass(frozen=True)
class Step:
    """One change: after a while, a box is put in, taken out or replaced somewhere."""

    after_ms: int
    what: str
    at: int
    waits: bool
    slow_ms: int


steps = st.builds(
    Step,
    st.integers(0, 90),
    st.sampled_from(["put in", "take out", "replace", "queue"]),
    st.integers(0, 5),
    st.booleans(),
    st.integers(0, 25),
)


def edit(step: Step, chain: list[str], number: int, log: list[str]) -> Callable[[Graph], None]:
    """What ``step`` does to the graph, whose boxes stand in ``chain`` in order; ``chain`` is changed too."""
    kind = Waiting if step.waits else Plain

    def apply(graph: Graph) -> None:
        # Between the first, the source, and the last, the sink.
        at = 1 + step.at % max(1, len(chain) - 1)
        if step.what == "put in" or len(chain) == 2:
            name = f"box{number}"
            graph.disconnect(chain[at - 1], chain[at])
            graph.chain(chain[at - 1], graph.add(name, kind, log=log, slow_ms=step.slow_ms), chain[at])
            chain.insert(at, name)
            return
        at = min(at, len(chain) - 2)
        before, box, after = chain[at - 1 : at + 2]
        if step.what == "queue":
            graph.disconnect(before, box)
            graph.connect(before, box, max_frames=5, when_full="block")
            return
        graph.remove(box)
        if step.what == "take out":
            graph.connect(before, after)
            del chain[at]
        else:
            graph.chain(before, graph.add(box, kind, log=log, slow_ms=step.slow_ms, option=number), after)

    return apply


@settings(max_examples=int(os.environ.get("LIVEGRAPH_CHANGES", "25")))
@given(st.lists(steps, max_size=4), st.integers(0, 12))
def test_no_word_is_lost_or_comes_twice(changes: list[Step], gap_ms: int) -> None:
    """And all that was started is stopped; the call completes."""
    heard: list[str] = []
    log: list[str] = []
    chain = ["words", "sink"]
    graph = Graph()
    graph.chain(graph.add("words", Words, words=WORDS, gap_ms=gap_ms), graph.add("sink", Collect, into=heard))

    async def change(call: Call) -> None:
        for number, step in enumerate(changes):
            await call.clock.sleep_until_ns(call.clock.now_ns() + ms(step.after_ms))
            if call.reason:
                return
            before = list(chain)
            try:
                await call.change(edit(step, chain, number, log))
            except ConfigError as error:
                # What has ended meanwhile takes no other edge.
                assert {problem.code for problem in error.problems} == {"LG224"}
                chain[:] = before
            except RuntimeError as error:
                assert "does not run" in str(error)

    async def main() -> str:
        async with no_tasks_left(), graph.plan().call() as call:
            changing = asyncio.create_task(change(call))
            await call.finished()
            await changing
        return call.reason

    assert run_virtual(main()) == "completed"
    assert sorted(heard, key=int) == WORDS
    assert log.count("start") == log.count("stop")

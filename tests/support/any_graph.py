"""Random graphs, what runs in them, and what must hold whatever they are.

    python -m support.any_graph --count 2000        # in tests/, the long proof; the test runs 200

What the graphs are made of is in ``any_boxes``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import strategies as st

from livegraph.pipeline import (
    SECOND,
    Call,
    CallLimits,
    Graph,
    LivegraphError,
    ProcessorError,
    Turn,
    run_virtual,
)
from livegraph.pipeline.events import CallEnded, NodeFailed
from livegraph.testing import no_leaks, no_tasks_left
from support.any_boxes import ERRORS, KINDS, SEEING, Box, Item, Mic, Notes, Picture, Sign, Sink, Sound, Source

LIMITS = CallLimits(start_ns=2 * SECOND, stop_ns=SECOND, stall_ns=SECOND, drain_ns=20 * SECOND, restarts=2)


@dataclass(frozen=True)
class Scene:
    """A graph, and what is done to its call."""

    sources: tuple[Box, ...]
    between: tuple[Box, ...]
    edges: frozenset[tuple[int, int]]
    """From an earlier box to a later one, by their places among sources and the rest."""
    back: frozenset[tuple[int, int]]
    """Circles: from a later one between to an earlier one."""
    cuts_ms: tuple[tuple[int, int], ...]
    """When the newest turn of which source is cut."""
    ending: str
    after_ms: int
    pictures: bool = False
    """Whether the ports carry pictures too."""


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Any of them."""
    policy = st.one_of(
        st.none(),
        st.tuples(
            st.sampled_from(["block", "block", "drop_oldest", "drop_newest", "latest"]), st.integers(2, 6)
        ),
    )
    faults = draw(st.booleans())
    fails_at = st.sampled_from([0, 0, 0, 1, 2, 5]) if faults else st.just(0)
    common: dict[str, Any] = {
        "fails_at": fails_at,
        "error": st.integers(0, len(ERRORS) - 1),
        "on_error": st.sampled_from(["end_call", "skip_frame", "skip_frame", "restart", "restart"]),
        "start_ms": st.sampled_from([0, 0, 0, 20]),
        "delay_ms": st.sampled_from([0, 0, 1, 7, 40]),
    }
    pictures = draw(st.sampled_from([False, False, True]))
    flows = [Item, Item, Sound, Sign, Picture] if pictures else [Item, Item, Sound, Sound, Sign]
    source = st.builds(
        Box,
        st.just("source"),
        frames=st.integers(0, 25),
        turns=st.integers(0, 3),
        carries=st.lists(st.sampled_from(flows), min_size=1, max_size=4).map(tuple),
        ages=st.booleans(),
        **common,
    )
    middle = st.builds(
        Box,
        st.sampled_from(sorted(KINDS)),
        makes=st.sampled_from([0, 1, 1, 1, 2]),
        queue=policy,
        **common,
    )
    sources = tuple(draw(st.lists(source, min_size=1, max_size=3)))
    between = tuple(draw(st.lists(middle, min_size=1, max_size=5)))
    first, last = len(sources), len(sources) + len(between)
    edges = set()
    for place in range(first, last):
        for feeder in draw(st.sets(st.integers(0, place - 1), min_size=1, max_size=3)):
            edges.add((feeder, place))
    back = set()
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 2))):
            early = draw(st.integers(first, last - 1))
            back.add((draw(st.integers(early, last - 1)), early))
    cuts = st.tuples(st.integers(0, 200), st.integers(0, first - 1))
    return Scene(
        sources,
        between,
        frozenset(edges),
        frozenset(back),
        tuple(draw(st.lists(cuts, max_size=4))),
        draw(st.sampled_from(["streams", "streams", "streams", "end", "cancel", "leave"])),
        draw(st.sampled_from([0, 1, 15, 60, 300])),
        pictures,
    )


def build(scene: Scene, notes: Notes) -> Graph:
    """The scene as a graph; whatever nobody listens to goes into the sink."""
    graph = Graph()
    boxes = [*scene.sources, *scene.between]
    names = [f"s{n}" if n < len(scene.sources) else f"b{n}" for n in range(len(boxes))]
    for name, box in zip(names, boxes, strict=True):
        kind = KINDS.get(box.kind, Mic if box.ages else Source)
        if scene.pictures:
            kind = SEEING[kind]
        on_error: Any = box.on_error
        graph.add(name, kind, box=box, notes=notes, on_error=on_error)
    graph.add("sink", SEEING[Sink] if scene.pictures else Sink, box=Box("sink"), notes=notes)
    for source, target in sorted(scene.edges):
        queue = boxes[target].queue
        policy: dict[str, Any] = {} if queue is None else {"when_full": queue[0], "max_frames": queue[1]}
        graph.connect(names[source], f"{names[target]}.data", **policy)
    for source, target in sorted(scene.back):
        graph.connect(names[source], f"{names[target]}.back")
    heard = {source for source, _ in scene.edges}
    for place, name in enumerate(names):
        if place not in heard:
            graph.connect(name, "sink")
    return graph


def run(scene: Scene) -> None:
    """Run the scene's call; ``AssertionError`` when anything of what must hold does not."""
    notes = Notes()
    plan = build(scene, notes).plan(limits=LIMITS)
    ends: list[CallEnded] = []

    async def main() -> tuple[Call, LivegraphError | None]:
        call = plan.call()
        call.events.subscribe(NodeFailed, notes.failed.append)
        call.events.subscribe(CallEnded, ends.append)

        async def use() -> None:
            async with call:
                await asyncio.sleep(scene.after_ms / 1_000)

        def cut(source: str) -> None:
            try:
                processor = call.processor(source, Source)
            except KeyError:
                return
            context = getattr(processor, "call", None)
            newest = 0 if context is None else context.conversation.newest_of(source)
            if newest and not call.reason:
                notes.cut[source] = newest
                processor.call.conversation.interrupted(Turn(newest, source))

        async with no_tasks_left():
            running = asyncio.create_task(use() if scene.ending == "leave" else call.run())
            loop = asyncio.get_running_loop()
            timers = [loop.call_later(at_ms / 1_000, cut, f"s{source}") for at_ms, source in scene.cuts_ms]
            if scene.ending == "cancel":
                timers.append(loop.call_later(scene.after_ms / 1_000, running.cancel))
            elif scene.ending == "end":
                timers.append(loop.call_later(scene.after_ms / 1_000, call.end, "enough"))
            done, _ = await asyncio.wait({running}, timeout=600)
            for timer in timers:
                timer.cancel()
            assert done, "the call does not end"
        error = None if running.cancelled() else running.exception()
        assert error is None or isinstance(error, LivegraphError), repr(error)
        return call, error

    # No thread, file or process either; tasks that the loop had at its end count as well.
    with no_leaks():
        call, error = run_virtual(main())
    if ends:
        judge(scene, notes, call, error, ends)


def judge(
    scene: Scene, notes: Notes, call: Call, error: LivegraphError | None, ends: list[CallEnded]
) -> None:
    """The model."""
    assert not notes.wrong, notes.wrong
    assert len(ends) == 1
    names = {f"s{n}": box for n, box in enumerate([*scene.sources, *scene.between]) if n < len(scene.sources)}
    names |= {
        f"b{n}": box for n, box in enumerate([*scene.sources, *scene.between]) if n >= len(scene.sources)
    }
    faulty = {name for name, box in names.items() if box.fails_at and notes.calls[name] >= box.fails_at}
    # A fault names its node: one that raised, one whose step overfills a queue, a loop that did not come to rest.
    overfull = any("times its bound" in event.message for event in notes.failed)
    late = any("did not drain" in event.message for event in notes.failed)
    for event in notes.failed:
        told = "on purpose" in event.message or "cancelled from within" in event.message
        assert event.node in faulty or not told, event
        assert told or "times its bound" in event.message or "did not drain" in event.message, event
    assert {event.node for event in notes.failed} >= faulty
    if error is not None:
        assert call.reason == "failed" and isinstance(error, ProcessorError)
        assert error.node in {event.node for event in notes.failed if event.fatal}
    # Every frame arrives once and in order on its edge, or is counted.
    undisturbed = not faulty and not overfull and not late and call.reason == "completed"
    waits = {str(edge): edge.policy.when_full == "block" for edge in call.checked.edges}
    back = {str(edge) for edge in call.checked.edges if edge.feedback}
    for edge, stats in call.stats().items():
        source, _, target = edge.partition(" -> ")
        sender = source.partition(".")[0]
        sent, got = notes.sent[sender], notes.got[sender, target]
        assert got == sorted(set(got)) and set(got) <= set(sent), (edge, got)
        assert stats.held == stats.held_ns == 0
        missing = len(sent) - (len(got) + stats.dropped + stats.stale)
        box = names[sender]
        # Of a list that waits for room, the rest is never sent once its turn is cut or the call over.
        unsent = box.kind == "plain" and box.makes > 1 and (scene.cuts_ms or call.reason != "completed")
        if not overfull:
            assert missing == 0 or (missing > 0 and unsent), (edge, len(sent), len(got), stats)
        if undisturbed and waits[edge]:
            # What a box within a circle gives at its end comes to one whose end was the reason.
            after_the_end = notes.late[sender] if edge in back else 0
            assert stats.dropped <= after_the_end, (edge, stats)
        if not scene.cuts_ms:
            assert stats.stale == 0
    if not faulty and not overfull and scene.ending == "streams":
        assert (call.reason, error) == ("completed", None)


def main() -> None:
    """The long proof."""
    parser = argparse.ArgumentParser(description="Random graphs against a model.")
    parser.add_argument("--count", type=int, default=2_000)
    count = parser.parse_args().count
    seen = Counter[str]()

    checks = list(hypothesis.HealthCheck)

    @hypothesis.settings(max_examples=count, deadline=None, database=None, suppress_health_check=checks)
    @hypothesis.given(scenes())
    def prove(scene: Scene) -> None:
        run(scene)
        seen["graphs"] += 1

    logging.disable(logging.CRITICAL)
    prove()
    print(f"{seen['graphs']} graphs, nothing found")


if __name__ == "__main__":
    main()

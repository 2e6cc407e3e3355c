"""A queue keeps its bound by its policy, counts everything, and never loses a marker."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import MS, AudioFrame, Frame, Policy, TextFrame, TurnEndFrame
from livegraph.pipeline.frames import VideoFrame
from livegraph.pipeline.policy import WhenFull, default_policy
from livegraph.pipeline.running.edges import QueuedEdge


def make(policy: Policy) -> QueuedEdge:
    return QueuedEdge("a -> b", policy, lambda: None, lambda: 0)


def drain(edge: QueuedEdge) -> list[Frame]:
    frames = []
    while (frame := edge.pop(0)) is not None:
        frames.append(frame)
    return frames


def texts(frames: list[Frame]) -> list[str]:
    return [frame.text for frame in frames if isinstance(frame, TextFrame)]


@pytest.mark.parametrize(
    ("when_full", "kept"),
    [("drop_oldest", ["3", "4"]), ("drop_newest", ["0", "1"]), ("latest", ["4"]), ("block", list("01234"))],
)
def test_what_a_full_queue_keeps(when_full: WhenFull, kept: list[str]) -> None:
    """Each policy loses what it says; a blocking edge loses nothing and says that it is full."""
    edge = make(Policy(when_full, max_frames=2))
    for index in range(5):
        edge.push(TextFrame(str(index)))
    assert edge.full
    assert texts(drain(edge)) == kept
    assert edge.stats.dropped == 5 - len(kept)
    assert edge.stats.passed == 5


def test_the_bound_is_time_where_frames_have_a_duration() -> None:
    """200 ms of audio is full whatever the number of frames."""
    edge = make(Policy("drop_oldest", max_duration_ns=200 * MS))
    for _ in range(30):
        edge.push(AudioFrame(np.zeros(320, np.int16), 16_000))
    assert edge.stats.held_ns == 200 * MS
    assert edge.stats.high_water_ns == 200 * MS


@given(
    st.lists(st.one_of(st.integers(0, 3), st.just("mark"), st.just("pop"), st.integers(10, 13)), max_size=60),
    st.sampled_from(["drop_oldest", "drop_newest", "latest", "block"]),
)
def test_markers_survive_and_counters_add_up(steps: list[int | str], when_full: WhenFull) -> None:
    """Whatever happens: no marker is lost but by its own turn's flush, and in = out + lost + held."""
    edge = make(Policy(when_full, max_frames=3))
    marks_in = marks_out = marks_flushed = popped = 0
    for step in steps:
        if step == "mark":
            edge.push(TurnEndFrame(turn=2))
            marks_in += 1
        elif step == "pop":
            frame = edge.pop(0)
            popped += frame is not None
            marks_out += isinstance(frame, TurnEndFrame)
        elif isinstance(step, int) and step >= 10:
            before = sum(isinstance(frame, TurnEndFrame) for _, _, frame in edge._frames)
            edge.flush(step - 10)
            marks_flushed += before - sum(isinstance(frame, TurnEndFrame) for _, _, frame in edge._frames)
        else:
            edge.push(TextFrame("x", turn=int(step)))
    rest = drain(edge)
    marks_out += sum(isinstance(frame, TurnEndFrame) for frame in rest)
    assert marks_in == marks_out + marks_flushed
    assert edge.stats.passed == popped + len(rest) + edge.stats.dropped + edge.stats.stale
    assert (edge.stats.held, edge.stats.held_ns) == (0, 0)


def test_a_flush_takes_the_voided_turns_and_nothing_else() -> None:
    """Frames of no turn and of later turns stay."""
    edge = make(Policy())
    for turn in (0, 1, 2, 3):
        edge.push(TextFrame(str(turn), turn=turn))
    assert edge.flush(2) == 2
    assert texts(drain(edge)) == ["0", "3"]
    assert edge.stats.stale == 2


def test_cancelling_one_who_waits_for_room_leaves_the_others_waiting() -> None:
    """Cancellation wins for the cancelled alone."""

    async def main() -> None:
        edge = make(Policy("block", max_frames=1))
        edge.push(TextFrame("x"))
        one, other = asyncio.create_task(edge.room()), asyncio.create_task(edge.room())
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.sleep(0)
        assert one.cancelled()
        assert not other.done()
        edge.pop(0)
        await asyncio.wait_for(other, 1)

    asyncio.run(main())


def test_defaults_follow_what_flows() -> None:
    """Live audio ages, model audio waits, pictures are replaced, text is never lost."""
    assert default_policy((AudioFrame,), live=True) == Policy("drop_oldest", 200 * MS)
    assert default_policy((AudioFrame,), live=False).when_full == "block"
    assert default_policy((VideoFrame,), live=True).when_full == "latest"
    assert default_policy((TextFrame,), live=True).when_full == "block"

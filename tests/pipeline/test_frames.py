"""Frames are immutable values that know how long they last and whose turn they belong to."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import (
    SECOND,
    AudioFrame,
    EndFrame,
    Frame,
    InterruptFrame,
    TextFrame,
    Turn,
    TurnEndFrame,
    TurnStartFrame,
    UsageFrame,
)
from livegraph.pipeline import frames as vocabulary


class Keypress(Frame):
    """A frame of a program's own."""

    digit: str


def test_frames_cannot_be_changed() -> None:
    """Everybody downstream sees the same."""
    frame = TextFrame("x", turn=1)
    with pytest.raises((AttributeError, FrozenInstanceError)):
        frame.text = "y"  # type: ignore[misc]  # wrong on purpose
    assert not hasattr(frame, "__dict__")


def test_frames_are_compared_by_identity() -> None:
    """Two equal sounds are two frames, and an array in one breaks no comparison."""
    sound = np.zeros(4, np.int16)
    one, other = AudioFrame(sound, 8_000), AudioFrame(sound, 8_000)
    assert one == one and one != other
    assert len({one, other}) == 2


@given(
    st.integers(1, 5_000), st.sampled_from([8_000, 11_025, 16_000, 24_000, 44_100, 48_000]), st.integers(1, 3)
)
def test_sound_lasts_as_long_as_its_samples(samples: int, rate: int, channels: int) -> None:
    """Whole nanoseconds, rounded down; channels do not make it longer."""
    shape = samples if channels == 1 else (samples, channels)
    frame = AudioFrame(np.zeros(shape, np.int16), rate)
    assert frame.channels == channels
    assert frame.duration_ns == samples * SECOND // rate


def test_what_is_no_media_lasts_no_time() -> None:
    """It is bounded by number, not by time."""
    assert TextFrame("x").duration_ns == EndFrame().duration_ns == 0


def test_markers_know_that_they_are() -> None:
    """On the class, so that asking costs nothing."""
    assert all(kind().marker for kind in (TurnStartFrame, TurnEndFrame, EndFrame))
    assert not TextFrame("x").marker


def test_a_program_adds_its_own_by_subclassing() -> None:
    """Time and turn come with it."""
    frame = Keypress("5", time_ns=3, turn=2)
    assert (frame.digit, frame.time_ns, frame.turn) == ("5", 3, 2)


def test_defaults_are_not_shared() -> None:
    """Each usage has its own tables."""
    assert UsageFrame().input_by_modality is not UsageFrame().input_by_modality


def test_the_vocabulary_stays_small() -> None:
    """Sixteen types to learn, the keys of a telephone among them, not counting the two bases."""
    kinds = {
        value
        for value in vars(vocabulary).values()
        if isinstance(value, type) and issubclass(value, Frame) and value.__name__.endswith("Frame")
    }
    assert len(kinds - {Frame}) <= 16


def test_turns_of_two_sources_are_neither_equal_nor_ordered() -> None:
    """And beside a plain number the number counts, so that 0 is no turn for all of them."""
    mine, yours = Turn(1, "a"), Turn(2, "b")
    assert mine != Turn(1, "b")
    assert not any((mine < yours, mine <= yours, mine > yours, mine >= yours, yours < mine, yours >= mine))
    assert Turn(1, "a") == mine < Turn(2, "a") <= Turn(2, "a")
    assert 0 < mine == 1 <= 2
    assert (f"{mine}", str(yours), {1: "x"}[mine]) == ("1", "2", "x")
    assert pickle.loads(pickle.dumps(yours)) == yours
    assert json.dumps(mine) == "1"


def test_what_a_cut_takes_depends_on_its_source() -> None:
    """A plain number cuts all; a turn its own; what cannot be interrupted stays."""

    class Kept(Frame):
        uninterruptible = True

    cut = InterruptFrame(turn=Turn(2, "a"))
    frames = [
        Frame(),
        Frame(turn=1),
        Frame(turn=Turn(2, "a")),
        Frame(turn=Turn(3, "a")),
        Frame(turn=Turn(1, "b")),
    ]
    assert [cut.voids(frame) for frame in frames] == [False, False, True, False, False]
    assert [InterruptFrame(turn=2).voids(frame) for frame in frames] == [False, True, True, False, True]
    assert not cut.voids(Kept(turn=Turn(1, "a")))

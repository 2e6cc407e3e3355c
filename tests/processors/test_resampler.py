"""The rate changes, the sound does not: no clicks, no drift, markers in their place."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.audio import Resampler as StreamResampler
from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Frame,
    InterruptFrame,
    StartError,
    TurnEndFrame,
    TurnStartFrame,
)
from livegraph.processors.resampler import Resampler
from livegraph.testing import run_processor
from support.pcm import tone

Pcm = npt.NDArray[np.int16]


def frames_of(pcm: Pcm, rate: int, *, turn: int = 0, size_ms: int = 20, begins_ns: int = 0) -> list[Frame]:
    size = rate * size_ms // 1_000
    return [
        AudioFrame(pcm[at : at + size], rate, turn=turn, time_ns=begins_ns + at * SECOND // rate)
        for at in range(0, len(pcm), size)
    ]


def run(frames: list[Frame], target: int) -> list[Frame]:
    """What comes out, markers too."""
    return [one.frame for one in run_processor(Resampler, frames, rate=target).received]


def sound(frames: list[Frame]) -> list[AudioFrame]:
    return [frame for frame in frames if isinstance(frame, AudioFrame)]


@pytest.mark.parametrize(
    ("rate", "target"), [(48_000, 16_000), (24_000, 48_000), (16_000, 44_100), (16_000, 16_000)]
)
@pytest.mark.parametrize("size_ms", [5, 20, 60])
def test_the_stream_is_that_of_the_filter_whatever_the_chunks(rate: int, target: int, size_ms: int) -> None:
    """Sample by sample, to the last one."""
    pcm = tone(440, rate, rate // 2)
    whole = StreamResampler(rate, target)
    expected = np.concatenate([whole.process(pcm), whole.flush()])
    heard = sound(run(frames_of(pcm, rate, size_ms=size_ms), target))
    assert np.array_equal(np.concatenate([frame.samples for frame in heard]), expected)
    assert {frame.rate for frame in heard} == {target}


def test_times_follow_the_sound_without_gaps_or_overlaps() -> None:
    """Each frame begins where the one before ended, to the nanosecond of a sample."""
    heard = sound(run(frames_of(tone(440, 48_000, 48_000), 48_000, begins_ns=5 * SECOND), 16_000))
    assert heard[0].time_ns == 5 * SECOND
    for frame, following in itertools.pairwise(heard):
        assert abs(following.time_ns - frame.time_ns - frame.duration_ns) <= 2
    assert heard[-1].time_ns + heard[-1].duration_ns == 6 * SECOND


def test_what_the_filter_holds_comes_before_the_end_of_the_turn() -> None:
    """Turns do not run into each other, and each has all of its sound."""
    pcm = tone(440, 24_000, 2_400)
    frames: list[Frame] = []
    for turn in (1, 2):
        frames += [TurnStartFrame(turn=turn), *frames_of(pcm, 24_000, turn=turn), TurnEndFrame(turn=turn)]
    heard = run(frames, 48_000)
    for turn in (1, 2):
        of_turn = [frame for frame in heard if frame.turn == turn]
        assert isinstance(of_turn[0], TurnStartFrame) and isinstance(of_turn[-1], TurnEndFrame)
        assert sum(len(frame.samples) for frame in sound(of_turn)) == 4_800


def test_an_interruption_leaves_nothing_of_the_turn_in_the_filter() -> None:
    """The next turn begins as a first one does."""
    pcm = tone(440, 24_000, 2_400)

    frames: list[Frame] = [
        *frames_of(pcm, 24_000, turn=1),
        InterruptFrame(turn=1),
        *frames_of(pcm, 24_000, turn=2),
    ]
    heard = [frame for frame in sound(run(frames, 48_000)) if frame.turn == 2]
    fresh = sound(run(frames_of(pcm, 24_000), 48_000))
    again, first = (np.concatenate([frame.samples for frame in frames]) for frames in (heard, fresh))
    assert np.array_equal(again, first)
    assert heard[0].time_ns == 0


def test_channels_stay_apart() -> None:
    """Left is left."""
    left, right = tone(300, 48_000, 9_600), tone(1_000, 48_000, 9_600)
    heard = sound(run(frames_of(np.stack([left, right], 1), 48_000), 16_000))
    both = np.concatenate([frame.samples for frame in heard])
    one = np.concatenate([frame.samples for frame in sound(run(frames_of(left, 48_000), 16_000))])
    assert both.shape == (3_200, 2)
    assert np.array_equal(both[:, 0], one)


def test_it_holds_back_two_milliseconds_at_most() -> None:
    """After each frame all but that has come out."""
    for rate, target in ((48_000, 16_000), (24_000, 48_000), (8_000, 16_000)):
        heard = sound(run(frames_of(tone(200, rate, rate // 10), rate), target))
        assert heard[0].duration_ns >= 18 * MS


def test_rates_that_cannot_be_joined_are_named_at_the_start() -> None:
    """StartError with the node's name."""
    with pytest.raises(StartError, match="box: cannot resample 44101 to 48000 Hz"):
        run(frames_of(tone(440, 44_101, 441), 44_101), 48_000)

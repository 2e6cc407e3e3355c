"""Mixing: sums to the sample, aligned by time, whatever lags behind or comes in bursts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import AudioError, Ducking, Mixdown, MixedBlock, Pcm

RATE = 16_000
BLOCK = RATE // 50
MS = 1_000_000
SECOND = 1_000_000_000


def ones(count: int, value: int = 1) -> Pcm:
    return np.full(count, value, np.int16)


def mixer(*names: str, **options: object) -> Mixdown:
    made = Mixdown(RATE, **options)  # type: ignore[arg-type]  # the options of a test
    for name in names:
        made.open(name)
    return made


def joined(blocks: list[MixedBlock]) -> Pcm:
    return np.concatenate([block.samples for block in blocks]) if blocks else ones(0)


def test_two_tracks_add_up_sample_by_sample() -> None:
    """As soon as both are there, with no wait."""
    mix = mixer("a", "b")
    mix.add("a", ones(BLOCK, 3), 0)
    assert mix.take(0) == []
    mix.add("b", ones(BLOCK, 4), 0)
    (block,) = mix.take(0)
    assert (block.samples == 7).all() and block.time_ns == 0


def test_a_track_that_lags_behind_is_waited_for_no_longer_than_it_may_take() -> None:
    """Then it is silence, and the other goes on."""
    mix = mixer("a", "b", wait_ns=40 * MS)
    mix.add("a", ones(BLOCK, 3), 0)
    assert mix.deadline_ns == 60 * MS
    assert mix.take(59 * MS) == []
    (block,) = mix.take(60 * MS)
    assert (block.samples == 3).all()


def test_what_comes_too_late_begins_where_the_sum_is() -> None:
    """Nothing of it is lost."""
    mix = mixer("a", "b")
    mix.add("a", ones(2 * BLOCK, 1), 0)
    assert len(mix.take(SECOND)) == 2
    mix.add("b", ones(BLOCK, 5), 0)
    (block,) = mix.take(SECOND)
    assert (block.samples == 5).all() and block.time_ns == 40 * MS


def test_a_burst_queues_up_behind_itself_while_a_microphone_sets_the_pace() -> None:
    """Ten frames at one moment are ten frames in a row."""
    mix = mixer("mic", "voice")
    for number in range(10):
        mix.add("voice", ones(BLOCK, 100 + number), 0, turn=1)
    heard = []
    for number in range(10):
        mix.add("mic", ones(BLOCK), number * 20 * MS)
        heard += mix.take(number * 20 * MS)
    assert [int(block.samples[0]) for block in heard] == [101 + number for number in range(10)]
    assert {block.turn for block in heard} == {1}


def test_times_that_tremble_tear_nothing_apart() -> None:
    """Within half a block a frame follows the one before."""
    mix = mixer("a")
    for number, jitter in enumerate((0, 7, -9, 3)):
        mix.add("a", ones(BLOCK, number + 1), number * 20 * MS + jitter * MS)
    sound = joined(mix.take(SECOND))
    assert list(sound) == [n + 1 for n in range(4) for _ in range(BLOCK)]


def test_a_gap_is_left_out_where_nobody_has_anything() -> None:
    """The next block has its own time."""
    mix = mixer("a")
    mix.add("a", ones(BLOCK), 0)
    mix.add("a", ones(BLOCK), SECOND)
    assert [block.time_ns for block in mix.take(2 * SECOND)] == [0, SECOND]


def test_an_interrupted_turn_is_gone_and_its_track_goes_on_from_now() -> None:
    """Sound of no turn stays."""
    mix = mixer("a", "b")
    mix.add("a", ones(5 * BLOCK), 0, turn=1)
    mix.add("b", ones(BLOCK, 9), 0)
    mix.interrupt(1)
    mix.end("a")
    assert (joined(mix.take(0)) == 9).all()


def test_what_has_ended_is_not_waited_for() -> None:
    """And the last block, though short, comes out."""
    mix = mixer("a", "b")
    mix.add("a", ones(BLOCK + 7), 0)
    mix.end("b")
    assert len(joined(mix.take(0))) == BLOCK
    mix.end("a")
    assert len(joined(mix.take(0))) == 7
    assert mix.deadline_ns is None


def test_loud_sums_are_clipped() -> None:
    """Both ways, and never wrapped around."""
    mix = mixer("a", "b")
    for name in ("a", "b"):
        mix.add(name, np.concatenate([ones(BLOCK, 30_000), ones(BLOCK, -30_000)]), 0)
    sound = joined(mix.take(0))
    assert set(sound.tolist()) == {32_767, -32_768}


def test_others_are_lowered_while_one_is_heard_and_come_back() -> None:
    """Gliding, and not before it has been quiet for a while."""
    mix = mixer("music", "voice", ducking=Ducking("voice", by_db=20, hold_ns=100 * MS))
    mix.add("music", ones(100 * BLOCK, 10_000), 0)
    mix.add("voice", ones(10 * BLOCK, 5_000), 400 * MS)
    mix.end("music")
    mix.end("voice")
    blocks = mix.take(0)
    music = [int(block.samples[-1]) for block in blocks]
    assert music[0] == 10_000
    assert music[25] == 6_000
    assert music[33] == 1_000
    assert music[-1] == 10_000


def test_more_than_a_track_may_hold_is_dropped_and_counted() -> None:
    """Whatever comes first stays."""
    mix = mixer("a", limit_ns=20 * MS)
    mix.add("a", ones(3 * BLOCK), SECOND)
    assert mix.dropped == 2 * BLOCK


def test_gains_are_per_track() -> None:
    """In decibels, from the next block on."""
    mix = mixer("a")
    mix.set_gains({"a": -20.0})
    mix.add("a", ones(2 * BLOCK, 10_000), 0)
    mix.end("a")
    assert joined(mix.take(0))[-1] == 1_000


@pytest.mark.parametrize("name", ["nobody", "over"])
def test_sound_of_a_track_that_is_not_open_is_refused(name: str) -> None:
    mix = mixer("over")
    mix.end("over")
    with pytest.raises(AudioError, match=name):
        mix.add(name, ones(1), 0)


def test_other_channels_are_refused() -> None:
    with pytest.raises(AudioError, match="2 channels"):
        mixer("a").add("a", np.zeros((4, 2), np.int16), 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3 * BLOCK), st.integers(0, 300)),
        max_size=40,
    )
)
def test_no_sample_is_lost_or_heard_twice(pieces: list[tuple[str, int, int]]) -> None:
    """However it is cut, whenever it comes, and whenever the sum is taken: the energy in is the energy out."""
    mix = mixer("a", "b", "c")
    now_ms = given_in = 0
    blocks: list[MixedBlock] = []
    for name, count, later_ms in pieces:
        now_ms += later_ms // 10
        mix.add(name, ones(count), now_ms * MS)
        given_in += count
        blocks += mix.take(now_ms * MS)
    for name in "abc":
        mix.end(name)
    blocks += mix.take(now_ms * MS)
    assert int(joined(blocks).sum()) == given_in
    ends = [block.time_ns + len(block.samples) * SECOND // RATE for block in blocks]
    assert all(end <= after.time_ns + 1 for end, after in zip(ends, blocks[1:], strict=False))

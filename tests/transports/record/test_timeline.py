"""Both sides on one clock: every sample stands where it was heard, whatever its times tremble."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.audio import Pcm
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.record.timeline import RecordTimeline

RATE = 16_000
PIECE = RATE // 50


def noise(seconds: float, rate: int = RATE, seed: int = 1) -> Pcm:
    rng = np.random.default_rng(seed)
    return (rng.integers(2_000, 9_000, round(seconds * rate)) * rng.choice([-1, 1])).astype(np.int16)


def pieces(pcm: Pcm, rate: int = RATE) -> list[Pcm]:
    return np.split(pcm, range(rate // 50, len(pcm), rate // 50))


def test_what_is_heard_at_the_same_time_stands_beside_each_other() -> None:
    timeline = RecordTimeline(RATE, 0)
    said, heard = noise(0.4), noise(0.4, seed=2)
    for number, (left, right) in enumerate(zip(pieces(said), pieces(heard), strict=True)):
        timeline.add("caller", left, RATE, 1_000 * MS + number * 20 * MS)
        timeline.add("agent", right, RATE, 1_500 * MS + number * 20 * MS)
    record = timeline.finish(3 * SECOND)
    assert record.shape == (3 * RATE, 2)
    assert (record[RATE : RATE + len(said), 0] == said).all()
    assert (record[RATE * 3 // 2 : RATE * 3 // 2 + len(heard), 1] == heard).all()
    assert np.count_nonzero(record) == len(said) + len(heard)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-4, 4), min_size=30, max_size=30),
    st.lists(st.integers(0, 900), min_size=3, max_size=8),
    st.integers(0, 3_000),
)
def test_a_trembling_clock_tears_nothing(offsets_ms: list[int], asked_ms: list[int], start_ms: int) -> None:
    """Neither a hole nor an overlap, however often and whenever somebody takes what is due."""
    timeline = RecordTimeline(RATE, 0)
    sound = noise(0.6)
    blocks = []
    for number, piece in enumerate(pieces(sound)):
        at_ms = start_ms + number * 20
        timeline.add("agent", piece, RATE, max(0, at_ms + offsets_ms[number]) * MS)
        if number * 20 in {ms // 20 * 20 for ms in asked_ms}:
            blocks.append(timeline.due((at_ms + 20) * MS))
    blocks.append(timeline.finish((start_ms + 1_000) * MS))
    record = np.concatenate(blocks)
    assert len(record) == (start_ms + 1_000) * RATE // 1_000
    begin = max(0, start_ms + offsets_ms[0]) * RATE // 1_000
    assert (record[begin : begin + len(sound), 1] == sound).all()
    assert timeline.late_ns == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 200)), max_size=20), st.integers(0, 100))
def test_blocks_join_to_the_whole_of_the_time(taken: list[tuple[int, int]], extra_ms: int) -> None:
    """Both channels, no sample twice and none left out, at another rate than the sound's as well."""
    timeline = RecordTimeline(24_000, 0)
    now_ms, total = 0, 0
    for gap_ms, long_ms in taken:
        now_ms += gap_ms
        timeline.add("caller", noise(long_ms / 1_000), RATE, now_ms * MS)
        now_ms += long_ms
        total += len(timeline.due(now_ms * MS))
    total += len(timeline.finish((now_ms + extra_ms) * MS))
    assert total == (now_ms + extra_ms) * 24


def test_a_hold_up_is_made_up_by_what_comes_after_it() -> None:
    """The loop stood still for 150 ms in the middle of a word; the pieces that were due came all at once."""
    timeline = RecordTimeline(RATE, 0)
    sound = noise(1.0)
    for number, piece in enumerate(pieces(sound)):
        late_ms = max(0, 350 - number * 20) if 10 <= number < 18 else 0
        timeline.add("agent", piece, RATE, (number * 20 + late_ms) * MS)
    record = timeline.finish(SECOND)
    assert (record[:, 1] == sound).all()


def test_a_hole_is_a_hole() -> None:
    """The connection was lost for two seconds: what follows stands where it is heard."""
    timeline = RecordTimeline(RATE, 0)
    before, after = noise(0.5), noise(0.5, seed=3)
    for number, piece in enumerate(pieces(before)):
        timeline.add("caller", piece, RATE, number * 20 * MS)
    for number, piece in enumerate(pieces(after)):
        timeline.add("caller", piece, RATE, (2_500 + number * 20) * MS)
    record = timeline.finish(3 * SECOND)
    assert (record[: RATE // 2, 0] == before).all()
    assert (record[RATE * 5 // 2 :, 0] == after).all()
    assert not record[RATE // 2 : RATE * 5 // 2].any()


def test_places_are_put_right_where_it_is_quiet() -> None:
    """A clock that is off by 60 ms: in the next pause the sound is where it belongs again."""
    timeline = RecordTimeline(RATE, 0)
    for number, piece in enumerate(pieces(noise(0.2))):
        timeline.add("agent", piece, RATE, number * 20 * MS)
    for number in range(10):
        timeline.add("agent", np.zeros(PIECE, np.int16), RATE, (260 + number * 20) * MS)
    word = noise(0.2, seed=4)
    for number, piece in enumerate(pieces(word)):
        timeline.add("agent", piece, RATE, (460 + number * 20) * MS)
    record = timeline.finish(SECOND)
    begin = 460 * RATE // 1_000
    assert (record[begin : begin + len(word), 1] == word).all()


def test_what_was_not_played_is_cut() -> None:
    """A program took ten seconds at once, and was told after one to stop."""
    timeline = RecordTimeline(RATE, 0)
    for piece in pieces(noise(10)):
        timeline.add("agent", piece, RATE, 0)
    timeline.due(SECOND)
    timeline.cut("agent", SECOND)
    word = noise(0.5, seed=5)
    timeline.add("agent", word, RATE, 2 * SECOND)
    record = np.concatenate((np.zeros((RATE // 2, 2), np.int16), timeline.finish(3 * SECOND)))
    assert record[RATE // 2 : RATE, 1].all() and not record[RATE : 2 * RATE, 1].any()
    assert (record[2 * RATE : 2 * RATE + len(word), 1] == word).all()


def test_a_record_that_begins_later_has_nothing_of_before() -> None:
    """The caller said yes after three seconds: the piece that was under way begins with the record."""
    timeline = RecordTimeline(RATE, 3 * SECOND)
    sound = noise(0.1)
    timeline.add("caller", sound, RATE, 2_960 * MS)
    record = timeline.finish(3_200 * MS)
    kept = sound[40 * RATE // 1_000 :]
    assert (record[: len(kept), 0] == kept).all() and len(record) == RATE // 5


def test_another_rate_in_the_middle() -> None:
    """The agent's graph was changed: what comes at another rate goes on in its place."""
    timeline = RecordTimeline(24_000, 0)
    times = np.arange(16_000) / 16_000
    low = (9_000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
    for number, piece in enumerate(pieces(low)):
        timeline.add("agent", piece, 16_000, number * 20 * MS)
    high = (9_000 * np.sin(2 * np.pi * 880 * np.arange(24_000) / 24_000)).astype(np.int16)
    for number, piece in enumerate(pieces(high, 24_000)):
        timeline.add("agent", piece, 24_000, (1_000 + number * 20) * MS)
    record = timeline.finish(2 * SECOND)
    assert len(record) == 48_000
    for second, hertz in ((0, 440), (1, 880)):
        part = record[second * 24_000 + 2_400 : (second + 1) * 24_000 - 2_400, 1]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() * 24_000 / len(part) == pytest.approx(hertz, abs=3)


def test_what_comes_too_late_is_counted() -> None:
    timeline = RecordTimeline(RATE, 0)
    timeline.due(2 * SECOND)
    timeline.add("caller", noise(0.1), RATE, SECOND)
    assert timeline.late_ns == 100 * MS
    assert not timeline.finish(2 * SECOND).any()

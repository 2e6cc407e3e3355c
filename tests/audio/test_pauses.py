"""The silence that ends a turn follows the speaker's pauses, within bounds, and no model decides it alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import AudioError, SpeakerPauses, SpeechDetector, SpeechEnded

MS = 1_000_000
WINDOW = 32 * MS


def pauses(expected_ms: int = 500, shortest_ms: int = 300, longest_ms: int = 1_200) -> SpeakerPauses:
    return SpeakerPauses(
        expected_ns=expected_ms * MS, shortest_ns=shortest_ms * MS, longest_ns=longest_ms * MS
    )


def test_of_a_stranger_nothing_but_the_expected_is_known() -> None:
    """The first turn ends after the silence that was asked for."""
    assert pauses().silence_ns == pytest.approx(500 * MS, abs=MS)


def test_somebody_who_halts_is_waited_for_after_one_mistake() -> None:
    """Being cut off once is believed: a pause as long, and one a little longer, cuts nobody off again."""
    speaker = pauses()
    speaker.ended()
    speaker.cut_off(700 * MS)
    assert 850 * MS <= speaker.silence_ns <= 1_000 * MS


def test_somebody_quick_is_answered_sooner_after_some_turns() -> None:
    """Turns without a pause, all answered in peace, bring the silence to the shortest and not below."""
    speaker = pauses()
    waits = []
    for _ in range(24):
        waits.append(speaker.silence_ns)
        speaker.ended()
        speaker.answered()
    assert waits == sorted(waits, reverse=True)
    assert speaker.silence_ns == 300 * MS


def test_who_halts_and_then_speaks_quickly_is_no_longer_waited_for() -> None:
    """Old pauses are forgotten."""
    speaker = pauses()
    speaker.cut_off(900 * MS)
    for _ in range(30):
        speaker.paused(120 * MS)
    assert speaker.silence_ns == 300 * MS


def test_closures_within_words_are_no_pauses() -> None:
    """The silence before a `t` says nothing of how somebody pauses."""
    speaker = pauses()
    for _ in range(100):
        speaker.paused(64 * MS)
    assert speaker.silence_ns == pytest.approx(500 * MS, abs=MS)


def test_a_model_shortens_and_lengthens_one_silence_only() -> None:
    """Its word holds for the pause that it was asked about; what it is not sure of changes nothing."""
    speaker = pauses()
    plain = speaker.silence_ns
    speaker.judged(0.9)
    assert speaker.silence_ns < plain
    speaker.judged(0.02)
    assert plain < speaker.silence_ns <= 1_200 * MS
    speaker.judged(0.4)
    assert speaker.silence_ns == plain
    speaker.judged(0.02)
    speaker.ended()
    assert speaker.silence_ns == plain
    speaker.judged(0.02)
    speaker.paused(64 * MS)
    assert speaker.silence_ns == plain


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("paused"), st.integers(0, 5_000)),
            st.tuples(st.just("cut_off"), st.integers(0, 5_000)),
            st.tuples(st.just("judged"), st.integers(0, 1_000)),
            st.tuples(st.sampled_from(["ended", "answered"]), st.just(0)),
        ),
        max_size=60,
    ),
    st.integers(1, 2_000),
    st.integers(1, 2_000),
    st.integers(0, 3_000),
)
def test_whatever_is_learnt_it_stays_between_its_bounds(
    facts: list[tuple[str, int]], first: int, second: int, expected: int
) -> None:
    """No history and no model's word leads below the shortest or above the longest silence."""
    shortest, longest = sorted((first, second))
    speaker = pauses(expected, shortest, longest)
    for fact, value in facts:
        if fact == "judged":
            speaker.judged(value / 1_000)
        elif fact in ("ended", "answered"):
            getattr(speaker, fact)()
        else:
            getattr(speaker, fact)(value * MS)
        assert shortest * MS <= speaker.silence_ns <= longest * MS


@pytest.mark.parametrize(("shortest", "longest"), [(0, 100), (-1, 100), (200, 100)])
def test_bounds_that_leave_nothing_between_are_refused(shortest: int, longest: int) -> None:
    """And a change to such leaves all as it was."""
    with pytest.raises(AudioError, match="shortest"):
        pauses(500, shortest, longest)
    speaker = pauses()
    with pytest.raises(AudioError, match="shortest"):
        speaker.retune(expected_ns=100 * MS, shortest_ns=shortest * MS, longest_ns=longest * MS)
    assert speaker.silence_ns == pytest.approx(500 * MS, abs=MS)


def test_the_detector_ends_speech_by_what_it_has_learnt() -> None:
    """Pauses of 420 ms, learnt from, are not taken for ends that a silence of 400 ms would be."""
    speaker = pauses(expected_ms=500)
    detector = SpeechDetector(pauses=speaker, hang_over_ns=0)
    spoken, pause = [0.9] * 10, [0.1] * 13  # 416 ms
    events = detector.feed((spoken + pause) * 12 + [0.1] * 40, 0)
    ends = [event for event in events if isinstance(event, SpeechEnded)]
    assert len(ends) == 1
    waited_ns = ends[0].decided_ns - ends[0].at_ns
    assert 416 * 1.25 * MS <= waited_ns <= (416 * 1.25 + 50 + 32) * MS


def test_the_detector_tells_how_long_it_has_been_quiet() -> None:
    """While speech goes on it is 0; in a pause it grows; in silence there is no pause."""
    detector = SpeechDetector(hang_over_ns=5 * WINDOW)
    quiet = []
    for number, probability in enumerate([0.1, *[0.9] * 4, *[0.1] * 7]):
        detector.feed([probability], number * WINDOW)
        quiet.append(detector.unvoiced_ns // WINDOW)
    assert quiet == [0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0]

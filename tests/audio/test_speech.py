"""The speech detector: starts and ends alternate, at the right places, however the audio was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import (
    AudioError,
    SileroVad,
    SpeechDetector,
    SpeechEnded,
    SpeechEvent,
    SpeechStarted,
    samples_to_ns,
)
from support.pcm import silero_reference

MS = 1_000_000
WINDOW = 32 * MS

probabilities = st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.49, 0.5, 0.6, 1.0]), max_size=120)
settings_of = st.fixed_dictionaries(
    {
        "min_speech_ns": st.sampled_from([0, WINDOW, 64 * MS, 100 * MS, 200 * MS]),
        "hang_over_ns": st.sampled_from([0, WINDOW, 100 * MS, 320 * MS]),
        "exit_threshold": st.sampled_from([None, 0.0, 0.35, 0.5]),
    }
)


def windows(pattern: str) -> list[float]:
    """`#` is speech, `.` is silence, `-` is between the two thresholds."""
    return [{"#": 0.9, ".": 0.1, "-": 0.4}[mark] for mark in pattern]


def heard(pattern: str, **options: int) -> list[tuple[str, int, int]]:
    """Events as (kind, window in which it lies, windows heard until the decision)."""
    detector = SpeechDetector(**options)
    return [
        (
            "start" if isinstance(event, SpeechStarted) else "end",
            event.at_ns // WINDOW,
            event.decided_ns // WINDOW,
        )
        for event in detector.feed(windows(pattern), 0)
    ]


def test_start_is_dated_back_and_end_too() -> None:
    """A start lies where the first voiced window begins, an end where the last one ends."""
    found = heard("...####......", min_speech_ns=3 * WINDOW, hang_over_ns=4 * WINDOW)
    assert found == [("start", 3, 6), ("end", 7, 11)]


def test_retuned_in_the_middle() -> None:
    """What comes from then on is judged anew; speech and silence that are under way are kept."""
    detector = SpeechDetector(min_speech_ns=3 * WINDOW, hang_over_ns=8 * WINDOW)
    assert len(detector.feed(windows("####..."), 0)) == 1
    detector.retune(threshold=0.3, min_speech_ns=3 * WINDOW, hang_over_ns=4 * WINDOW)
    assert detector.speaking
    events = detector.feed(windows("...---.."), 7 * WINDOW)
    # Silent for four windows now; and what hovers is voiced by the lower threshold.
    assert events == [
        SpeechEnded(4 * WINDOW, 8 * WINDOW),
        SpeechStarted(10 * WINDOW, 13 * WINDOW),
    ]
    with pytest.raises(AudioError):
        detector.retune(threshold=1.5, min_speech_ns=0, hang_over_ns=0)
    assert detector.speaking


def test_short_bursts_are_no_speech() -> None:
    """Clicks of less than `min_speech_ns` cause no event, however many there are."""
    assert heard(".#..##..#...##..", min_speech_ns=3 * WINDOW) == []


def test_a_short_gap_does_not_restart_a_candidate() -> None:
    """Speech that wavers at its beginning is still dated to the beginning, counting voiced time only."""
    assert heard("..##.##", min_speech_ns=4 * WINDOW) == [("start", 2, 7)]
    assert heard("..##..##", min_speech_ns=4 * WINDOW) == []


def test_pauses_below_the_hang_over_belong_to_the_speech() -> None:
    """Only an unbroken silence of `hang_over_ns` ends speech."""
    found = heard("##...##...##....", min_speech_ns=WINDOW, hang_over_ns=4 * WINDOW)
    assert found == [("start", 0, 1), ("end", 12, 16)]


def test_hysteresis() -> None:
    """Between the thresholds speech goes on but does not begin, nor does it begin anew once silent."""
    assert heard("----", min_speech_ns=WINDOW) == []
    assert heard("#---..", min_speech_ns=WINDOW, hang_over_ns=2 * WINDOW) == [("start", 0, 1), ("end", 4, 6)]
    assert heard("#.-", min_speech_ns=WINDOW, hang_over_ns=2 * WINDOW) == [("start", 0, 1), ("end", 1, 3)]


def test_lost_audio_counts_as_time_without_voice() -> None:
    """A gap in the positions ends speech when it lasts as long as the hang-over, before the new audio."""
    detector = SpeechDetector(min_speech_ns=WINDOW, hang_over_ns=300 * MS)
    assert detector.feed([0.9], 0) == [SpeechStarted(0, WINDOW)]
    assert detector.feed([0.9], 200 * MS) == []
    assert detector.feed([0.9], 600 * MS) == [
        SpeechEnded(232 * MS, 600 * MS),
        SpeechStarted(600 * MS, 632 * MS),
    ]


def test_onset_is_known_before_the_decision() -> None:
    """`onset_ns` tells of a candidate at its first window, for those who want to pause at once."""
    detector = SpeechDetector(min_speech_ns=200 * MS)
    detector.feed([0.1, 0.9], 0)
    assert (detector.onset_ns, detector.speaking, detector.heard_ns) == (WINDOW, False, 2 * WINDOW)
    detector.feed([0.1, 0.1], 2 * WINDOW)
    assert detector.onset_ns is None


def test_finish_closes_what_is_open() -> None:
    """At the end of the stream speech ends with its last voiced window; a candidate ends silently."""
    detector = SpeechDetector(min_speech_ns=64 * MS)
    detector.feed(windows("###."), 0)
    assert detector.finish() == SpeechEnded(3 * WINDOW, 4 * WINDOW)
    assert detector.finish() is None
    detector.feed(windows("#"), 0)
    assert detector.finish() is None
    assert detector.heard_ns is None


def test_time_does_not_run_backwards() -> None:
    """Overlapping positions are a fault of the caller and refused; nothing changes."""
    detector = SpeechDetector()
    detector.feed(windows("#"), 0)
    with pytest.raises(AudioError, match="time runs forward"):
        detector.feed(windows("#"), WINDOW - 1)
    assert detector.heard_ns == WINDOW


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 1.1},
        {"threshold": 0.5, "exit_threshold": 0.6},
        {"exit_threshold": -0.1},
        {"min_speech_ns": -1},
        {"hang_over_ns": -1},
        {"window_ns": 0},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    """Every option has a range, and the message repeats what was given."""
    with pytest.raises(AudioError, match="needed"):
        SpeechDetector(**options)  # type: ignore[arg-type]


@given(probabilities, settings_of)
def test_events_alternate_in_order(values: list[float], options: dict[str, int]) -> None:
    """Start, end, start, ...: in order of time, decided after they happened, as `speaking` says."""
    detector = SpeechDetector(**options)
    events = detector.feed(values, 0)
    assert detector.speaking == (bool(events) and isinstance(events[-1], SpeechStarted))
    last = detector.finish()
    if last is not None:
        events.append(last)
    kinds = [type(event) for event in events]
    assert kinds == [SpeechStarted, SpeechEnded] * (len(kinds) // 2)
    assert all(event.at_ns <= event.decided_ns for event in events)
    assert all(a.at_ns <= b.at_ns and a.decided_ns <= b.decided_ns for a, b in pairwise(events))
    for start, end in zip(events[::2], events[1::2], strict=True):
        assert end.at_ns - start.at_ns >= max(WINDOW, options["min_speech_ns"])


@given(probabilities, settings_of, st.lists(st.integers(0, 9), max_size=40))
def test_chunking_does_not_matter(values: list[float], options: dict[str, int], sizes: list[int]) -> None:
    """The same events whether the windows come at once or in any groups, empty ones included."""
    expected = SpeechDetector(**options).feed(values, 0)
    detector = SpeechDetector(**options)
    got: list[SpeechEvent] = []
    at = 0
    for size in [*sizes, len(values)]:
        got += detector.feed(values[at : at + size], at * WINDOW)
        at = min(len(values), at + size)
    assert got == expected


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.4, 1.0]), st.integers(0, 400)), max_size=60))
def test_gaps_keep_the_order(windows_and_gaps: list[tuple[float, int]]) -> None:
    """Also with lost audio between the windows events alternate and never go back in time."""
    detector = SpeechDetector()
    events: list[SpeechEvent] = []
    at = 0
    for probability, gap_ms in windows_and_gaps:
        events += detector.feed([probability], at)
        at += WINDOW + gap_ms * MS
    assert [type(e) for e in events] == ([SpeechStarted, SpeechEnded] * len(events))[: len(events)]
    assert all(a.at_ns <= b.at_ns for a, b in pairwise(events))


def test_human_speech() -> None:
    """Two readings with a pause between them are two utterances, found within a tenth of a second."""
    pcm, official = silero_reference()
    detector = SpeechDetector(min_speech_ns=96 * MS, hang_over_ns=500 * MS)
    events = detector.feed(SileroVad().process(pcm), 0)
    assert [type(event) for event in events] == [SpeechStarted, SpeechEnded, SpeechStarted]
    voiced = [i for i, p in enumerate(official) if p >= 0.5]
    first, second = voiced[0], next(i for i in voiced if i > 250)
    last = max(i for i in voiced if i < 250)
    marks = [samples_to_ns(512 * i, 16_000) for i in (first, last + 1, second)]
    assert all(abs(event.at_ns - mark) <= 100 * MS for event, mark in zip(events, marks, strict=True))

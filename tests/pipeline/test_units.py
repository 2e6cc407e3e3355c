"""Durations and rates are read as people write them, exactly, and written so that they read back the same."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.units import (
    MS,
    SECOND,
    US,
    format_duration,
    ms,
    parse_duration,
    parse_frequency,
    seconds,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200ms", 200 * MS),
        ("1.5s", 1_500 * MS),
        ("2min", 120 * SECOND),
        ("2m", 120 * SECOND),
        ("1h", 3_600 * SECOND),
        ("7us", 7 * US),
        ("9ns", 9),
        (" 20 ms ", 20 * MS),
        ("3S", 3 * SECOND),
        ("0s", 0),
    ],
)
def test_durations_are_read(text: str, expected: int) -> None:
    """Any unit, any case, with or without spaces."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("16kHz", 16_000), ("44.1kHz", 44_100), ("8000 Hz", 8_000)])
def test_rates_are_read(text: str, expected: int) -> None:
    """In hertz."""
    assert parse_frequency(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "ms", "-3s", "1,5s", "3 parsecs", "1.2.3s", "0x10s", "1e3s", "16kHz"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    """The message says what is accepted."""
    with pytest.raises(ValueError, match="a duration such as 200ms"):
        parse_duration(text)


@given(st.integers(0, 10**18))
def test_what_is_written_reads_back_the_same(duration_ns: int) -> None:
    """Exact to the nanosecond, at any size."""
    assert parse_duration(format_duration(duration_ns)) == duration_ns


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0s"),
        (200 * MS, "200ms"),
        (1_500 * MS, "1.5s"),
        (90 * SECOND, "90s"),
        (120 * SECOND, "2min"),
        (7_200 * SECOND, "2h"),
        (1_500, "1.5us"),
        (1, "1ns"),
        (1_234_567_891, "1234567.891us"),
    ],
)
def test_durations_are_written_short(duration_ns: int, text: str) -> None:
    """In the largest unit that needs no more than three decimals."""
    assert format_duration(duration_ns) == text


@given(st.integers(0, 10**9), st.sampled_from([("ns", 1), ("us", US), ("ms", MS), ("s", SECOND)]))
def test_whole_numbers_stay_exact(number: int, unit: tuple[str, int]) -> None:
    """They never pass through a float."""
    assert parse_duration(f"{number}{unit[0]}") == number * unit[1]


def test_helpers_round_to_whole_nanoseconds() -> None:
    """Floats come in, integers go out."""
    assert (ms(2.5), seconds(0.1)) == (2_500_000, 100_000_000)


@given(st.text(max_size=12))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    """ValueError is the only way out."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0

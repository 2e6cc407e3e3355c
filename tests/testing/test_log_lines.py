"""What a test's report has of the log: what was raised, where, and nothing twice."""

from __future__ import annotations

import logging

import pytest

from livegraph.testing.runner import _logged


def broken(text: str) -> Exception:
    """An exception that was raised here."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    ("message", "text", "told"),
    [
        (
            "it ended: bad: ValueError: cannot bear it",
            "cannot bear it",
            "it ended: bad: ValueError: cannot bear it (HERE)",
        ),
        ("it ended", "cannot bear it", "it ended: ValueError: cannot bear it (HERE)"),
        ("tool t raised ValueError", "no day", "tool t raised ValueError: ValueError: no day (HERE)"),
        ("a: ValueError: one two", "one\n  two", "a: ValueError: one two (HERE)"),
        ("a: ValueError", "", "a: ValueError (HERE)"),
        ("a: ValueError: (x)", "(x)", "a: ValueError: (x) (HERE)"),
        ("plain", None, "plain"),
    ],
)
def test_what_was_raised_is_said_once(message: str, text: str | None, told: str) -> None:
    """Its class and text stand in the message, or behind it; where it was raised always does."""
    error = None if text is None else broken(text)
    with _logged() as lines:
        logging.getLogger("livegraph.x").error("%s", message, exc_info=error)
    place = "test_log_lines.py:15, in broken"
    assert lines == [f"error: {told.replace('HERE', place)}"]

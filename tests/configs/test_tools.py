"""The tools of the shipped agents: plain functions that answer in words."""

import re

import pytest

from livegraph.configs import receptionist_tools as desk
from livegraph.configs import voice_agent_tools as assistant


@pytest.fixture(autouse=True)
def _empty_diary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "_diary", {})


def test_opening_hours() -> None:
    """Of a day in whatever words, of the week, and of days when it is closed."""
    assert desk.opening_hours("next Friday")["output"] == "On Friday we are open from 8 am to 4 pm"
    assert desk.opening_hours("Wednesdays")["output"].endswith("to 1 pm")
    assert "closed on Sunday" in desk.opening_hours("Sunday")["output"]
    assert desk.opening_hours() == desk.opening_hours("tomorrow")


def test_a_time_is_booked_once() -> None:
    """For one name; the same booking said again is no clash."""
    first = desk.book_appointment("Friday", "3:30 pm", "Ann")
    assert first == {"output": "You are booked for Friday at 3:30 pm"}
    assert desk.book_appointment("friday", "15:30", "Bob") == {"error": "that time is taken already"}
    assert "output" in desk.book_appointment("Friday", "3:30", "Ann")
    assert "output" in desk.book_appointment("Friday", "15:45", "Bob")


@pytest.mark.parametrize(
    ("day", "time", "word"),
    [
        ("Saturday", "10:00", "closed"),
        ("Wednesday", "3 pm", "8 am to 1 pm"),
        ("Monday", "7 am", "8 am to 6 pm"),
        ("Monday", "soon", "not a time"),
        ("Monday", "25:00", "not a time"),
        ("Monday", "13 pm", "not a time"),
    ],
)
def test_what_cannot_be_booked(day: str, time: str, word: str) -> None:
    """The model is told why."""
    assert word in desk.book_appointment(day, time, "Ann")["error"]


@pytest.mark.parametrize(
    ("time", "minutes"),
    [("noon", 720), ("12 am", 0), ("12 pm", 720), ("9", 540), ("3", 900), ("9.15 a.m.", 555), ("16:05", 965)],
)
def test_times(time: str, minutes: int) -> None:
    """As people and models write them."""
    assert desk._minutes(time) == minutes


def test_the_time_and_the_date() -> None:
    """Here and in cities that are known; of others it is said that they are not."""
    assert re.fullmatch(r"It is \d{1,2}:\d\d [AP]M", assistant.current_time()["output"])
    assert assistant.current_time("tokyo")["output"].endswith(" in Tokyo")
    assert "Atlantis" in assistant.current_time("Atlantis")["error"]
    assert assistant.current_date()["output"].startswith("Today is ")
    assert "Atlantis" in assistant.current_date("Atlantis")["error"]

"""Tools of the receptionist: opening hours, and a diary that is kept in memory.

Plain functions: their names, type hints and docstrings are what the model sees. What they return is what
it is told, as JSON; ``error`` says what went wrong.
"""

from __future__ import annotations

import re
import threading

__all__ = ["book_appointment", "opening_hours"]

_HOURS = {
    "monday": (8, 18),
    "tuesday": (8, 18),
    "wednesday": (8, 13),
    "thursday": (8, 18),
    "friday": (8, 16),
}
_CLOSED = ("saturday", "sunday")
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d\d))? ?(am|pm|a\.m\.|p\.m\.)?", re.IGNORECASE)

# One practice, one diary, whoever calls; tools run in threads.
_diary: dict[tuple[str, str], str] = {}
_lock = threading.Lock()


def opening_hours(day: str = "") -> dict[str, str]:
    """Tell when the practice is open.

    Args:
        day: a weekday, such as Monday; left out, the whole week.
    """
    weekday = _weekday(day)
    if weekday in _CLOSED:
        return {"output": f"We are closed on {weekday.title()}"}
    if weekday in _HOURS:
        opens, closes = _HOURS[weekday]
        return {"output": f"On {weekday.title()} we are open from {_spoken(opens)} to {_spoken(closes)}"}
    return {
        "output": "We are open from 8 am to 6 pm on Monday, Tuesday and Thursday, "
        "until 1 pm on Wednesday, and until 4 pm on Friday"
    }


def book_appointment(day: str, time: str, name: str) -> dict[str, str]:
    """Book an appointment in the diary of the practice.

    Args:
        day: the day of the appointment, such as Friday or June 5th.
        time: the time of day, such as 3:30 pm.
        name: the name of the patient.
    """
    weekday = _weekday(day)
    if weekday in _CLOSED:
        return {"error": f"we are closed on {weekday.title()}"}
    minutes = _minutes(time)
    if minutes is None:
        return {"error": f"{time} is not a time that I understand"}
    opens, closes = _HOURS.get(weekday, (8, 18))
    if not opens * 60 <= minutes < closes * 60:
        return {"error": f"we are open from {_spoken(opens)} to {_spoken(closes)} then"}
    slot = (day.strip().lower(), f"{minutes // 60:02}:{minutes % 60:02}")
    with _lock:
        if _diary.setdefault(slot, name) != name:
            return {"error": "that time is taken already"}
    return {"output": f"You are booked for {day} at {_spoken(minutes // 60, minutes % 60)}"}


def _weekday(day: str) -> str:
    """The weekday in a text such as "next Friday"; empty when there is none."""
    words = day.lower().replace(",", " ").split()
    return next((known for known in (*_HOURS, *_CLOSED) if known in words or f"{known}s" in words), "")


def _minutes(time: str) -> int | None:
    """Minutes after midnight. Without am or pm, hours that the practice has count: 3 is the afternoon."""
    plain = {"noon": "12 pm", "midday": "12 pm"}.get(time.strip().lower(), time)
    match = _TIME.search(plain)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    half = (match[3] or "").lower()[:1]
    if hour > 23 or minute > 59 or (half and not 1 <= hour <= 12):
        return None
    if (half == "p" and hour < 12) or (not half and hour < 7):
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    return hour * 60 + minute


def _spoken(hour: int, minute: int = 0) -> str:
    """The time as it is said: 3:30 pm."""
    return f"{hour % 12 or 12}" + (f":{minute:02}" if minute else "") + (" am" if hour < 12 else " pm")

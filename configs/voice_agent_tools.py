"""Tools of the voice agent: plain functions. Type hints and docstrings are what the model sees of them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["current_date", "current_time"]

_ZONES = {
    "auckland": "Pacific/Auckland",
    "beijing": "Asia/Shanghai",
    "berlin": "Europe/Berlin",
    "chicago": "America/Chicago",
    "delhi": "Asia/Kolkata",
    "dubai": "Asia/Dubai",
    "istanbul": "Europe/Istanbul",
    "johannesburg": "Africa/Johannesburg",
    "lagos": "Africa/Lagos",
    "london": "Europe/London",
    "los angeles": "America/Los_Angeles",
    "madrid": "Europe/Madrid",
    "mexico city": "America/Mexico_City",
    "new york": "America/New_York",
    "paris": "Europe/Paris",
    "rome": "Europe/Rome",
    "san francisco": "America/Los_Angeles",
    "sao paulo": "America/Sao_Paulo",
    "singapore": "Asia/Singapore",
    "sydney": "Australia/Sydney",
    "tokyo": "Asia/Tokyo",
    "toronto": "America/Toronto",
    "zurich": "Europe/Zurich",
}


def current_time(city: str = "") -> dict[str, str]:
    """Tell what time it is now.

    Args:
        city: a large city, such as Tokyo; left out, the place where this computer stands.
    """
    zone = _zone(city)
    if zone is None and city:
        return {"error": f"I do not know the time in {city}"}
    now = datetime.now(zone)
    # No padding: it is spoken.
    return {"output": f"It is {now.hour % 12 or 12}:{now:%M %p}" + (f" in {city.title()}" if city else "")}


def current_date(city: str = "") -> dict[str, str]:
    """Tell which day it is today: the weekday and the date.

    Args:
        city: a large city, such as Tokyo; left out, the place where this computer stands.
    """
    zone = _zone(city)
    if zone is None and city:
        return {"error": f"I do not know the date in {city}"}
    now = datetime.now(zone)
    return {"output": f"Today is {now:%A}, {now:%B} {now.day}" + (f", in {city.title()}" if city else "")}


def _zone(city: str) -> tzinfo | None:
    """The time zone of a city; None when it is not known here."""
    name = _ZONES.get(city.strip().lower())
    try:
        return ZoneInfo(name) if name else None
    except ZoneInfoNotFoundError:
        # A machine without the tz database.
        return None

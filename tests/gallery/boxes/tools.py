"""Tools of the gallery's agents."""


def opening_hours(day: str) -> str:
    """When the practice is open on a day."""
    return f"from 8 to 17 on {day}"


def book(day, time: str) -> str:  # type: ignore[no-untyped-def]  # what is shown is that this cannot be a tool
    """Book an appointment."""
    return f"booked for {day} at {time}"

"""A tool of a name that is taken."""


def opening_hours(day: str) -> str:
    """When the other practice is open on a day."""
    return f"from 9 to 18 on {day}"

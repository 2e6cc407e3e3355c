"""The time of day, for what people and other machines agree on: when tickets and credentials end, transcripts."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["iso_time", "unix_seconds"]


def unix_seconds() -> float:
    """Seconds since 1970."""
    return time.time()


def iso_time() -> str:
    """Now, in ISO 8601 with milliseconds, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")

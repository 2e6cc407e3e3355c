"""The time of day, for what people and other machines agree on: when tickets and credentials end."""

from __future__ import annotations

import time

__all__ = ["unix_seconds"]


def unix_seconds() -> float:
    """Seconds since 1970."""
    return time.time()

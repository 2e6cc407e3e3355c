"""Work for other processes: functions that can be pickled."""

import os
import time

__all__ = ["die_of", "digest", "where"]


def digest(number: int) -> int:
    """Take a moment of computing."""
    return sum(range(number * 1_000)) % 997


def where(_: int = 0) -> int:
    """The process that this runs in."""
    return os.getpid()


def die_of(_: int) -> None:
    """Take the process along."""
    time.sleep(0.05)
    os._exit(3)

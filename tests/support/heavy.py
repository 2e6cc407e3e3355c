"""Work for other processes: functions that can be pickled."""

import os
import threading
import time
from pathlib import Path

__all__ = ["die_of", "digest", "gives_a_lock", "linger", "raises", "raises_what_cannot_be_read", "where"]


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


def linger(folder: str, number: int) -> int:
    """Leave word of the process that this runs in; the first takes for ever."""
    (Path(folder) / str(number)).write_text(str(os.getpid()))
    if number == 1:
        time.sleep(600)
    return os.getpid()


def raises(kind: type[BaseException], args: tuple[object, ...], _: int) -> None:
    """Raise it."""
    raise kind(*args)


def gives_a_lock(_: int) -> object:
    """What cannot be pickled."""
    return threading.Lock()


class Unreadable(Exception):
    """An exception that pickles, and whose class does not take what was pickled."""

    def __init__(self, number: int, *, unit: str) -> None:
        super().__init__(f"no such number: {number} {unit}")


def raises_what_cannot_be_read(_: int) -> None:
    """Raise it."""
    raise Unreadable(1, unit="s")

"""Ctrl-C and SIGTERM: the first ends what runs in an orderly way, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .exits import stopped_by

__all__ = ["Stopped", "stoppable"]


class Stopped:
    """Which signal came, if any."""

    def __init__(self) -> None:
        self.number = 0

    def __bool__(self) -> bool:
        return self.number != 0


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[Stopped]:
    """Call ``stop`` in the running loop at the first signal while the block runs; leave the process at the second."""
    stopped = Stopped()
    loop = asyncio.get_running_loop()

    def handle(number: int) -> None:
        if stopped:
            sys.stdout.flush()
            # Neither tasks nor threads are waited for: that is what a second Ctrl-C asks for.
            os._exit(stopped_by(number))
        stopped.number = number
        stop()

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, handle, number)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

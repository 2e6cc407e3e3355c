"""Ctrl-C and SIGTERM: the first ends what runs in an orderly way, the second at once. SIGHUP: take the files anew."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .exits import stopped_by

__all__ = ["Stopped", "stoppable"]


class Stopped:
    """Which signal came, if any."""

    def __init__(self) -> None:
        self.number = 0

    def __bool__(self) -> bool:
        return self.number != 0


@contextmanager
def stoppable(
    stop: Callable[[], object],
    reload: Callable[[], object] | None = None,
    leaving: Callable[[], object] = lambda: None,
) -> Iterator[Stopped]:
    """Call ``stop`` in the running loop at the first signal while the block runs; leave the process at the second.

    Before that ``leaving`` is called, which puts a terminal right.

    With ``reload`` SIGHUP calls that. It stops as well when it comes because the terminal was closed.
    """
    stopped = Stopped()
    loop = asyncio.get_running_loop()

    def handle(number: int) -> None:
        if stopped:
            leaving()
            with suppress(OSError):
                sys.stdout.flush()
            # Neither tasks nor threads are waited for: that is what a second Ctrl-C asks for.
            os._exit(stopped_by(number))
        stopped.number = number
        stop()

    def hang_up() -> None:
        if had_terminal and not _has_terminal():
            handle(signal.SIGHUP)
        elif reload is not None:
            reload()

    had_terminal = _has_terminal()
    numbers = [signal.SIGINT, signal.SIGTERM]
    for number in numbers:
        loop.add_signal_handler(number, handle, number)
    if reload is not None:
        loop.add_signal_handler(signal.SIGHUP, hang_up)
        numbers.append(signal.SIGHUP)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _has_terminal() -> bool:
    """Whether somebody can read what is said; a terminal that was closed is none any more."""
    try:
        return os.isatty(sys.stderr.fileno())
    except (OSError, ValueError):
        return False

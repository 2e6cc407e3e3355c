"""The end of calls when their server ends: they go on for a while, then their agents say goodbye."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from ..arguments import WrongArgument, an_instance
from ..protocol import EndReason
from .line import Line

__all__ = ["drain_lines"]

_CLOSING_WORDS_S = 10.0
_COMING_S = 3.0
"""For callers who have their answer and are on their way: it was promised to them."""


async def drain_lines(lines: Callable[[], Sequence[Line]], within_s: float) -> int:
    """Let the calls go on for ``within_s``, then have their agents say goodbye; how many were still there then.

    Callers who were answered and have not come yet may come for three of these seconds. Again meanwhile is fine: the
    shorter time counts.

    Raises ``ValueError`` for a time that is none.
    """
    an_instance("within_s", within_s, (int, float), "a number of seconds")
    if not 0 <= within_s < math.inf:
        raise WrongArgument(f"within_s is {within_s}; it is a number of seconds, 0 or more")
    coming_s = min(_COMING_S, within_s)
    if any(line.state == "pending" for line in lines()):
        await _over(lines(), coming_s)
        within_s -= coming_s
    for line in lines():
        if line.state == "pending":
            line.end(EndReason.SHUTDOWN)
    await _over(lines(), within_s)
    left = [line for line in lines() if line.state == "running"]
    if left:
        words = [asyncio.create_task(line.say_closing_words(_CLOSING_WORDS_S)) for line in left]
        await asyncio.gather(*words, return_exceptions=True)
    for line in left:
        line.end(EndReason.SHUTDOWN)
    return len(left)


async def _over(lines: Sequence[Line], within_s: float) -> None:
    """Return when all of them are over, or it is late."""
    tasks = {line.task for line in lines if line.task is not None}
    if tasks and within_s > 0:
        await asyncio.wait(tasks, timeout=within_s)

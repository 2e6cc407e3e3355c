"""When a conversation is over, once the user will say no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...pipeline.clock import Clock
from ...pipeline.units import SECOND, format_duration
from .downlink import Downlink
from .session_log import SessionLog
from .settings import Settings

__all__ = ["until_answered"]


async def until_answered(
    clock: Clock,
    changed: asyncio.Event,
    settings: Settings,
    ended_ns: int,
    due: Callable[[], bool],
    downlink: Downlink,
    session_log: SessionLog,
) -> None:
    """Return when nothing more is to come: it is quiet for a while, or for too long with something ``due``.

    ``ended_ns`` is when the user's input ended. ``changed`` is set whenever any of this may be another.
    """
    while True:
        changed.clear()
        moved_ns = max(downlink.progress_ns, ended_ns)
        unanswered = downlink.pending or due()
        if unanswered:
            # Sound that was handed over is still being played: nothing need happen for as long as it lasts.
            played_ns = downlink.sound_ns if downlink.pending else 0
            until_ns = moved_ns + settings.answer_timeout_ns + played_ns
        else:
            until_ns = moved_ns + settings.finish_after_ns
        left_ns = until_ns - clock.now_ns()
        if left_ns <= 0:
            if unanswered:
                session_log.warn(f"no last answer within {format_duration(settings.answer_timeout_ns)}")
            return
        try:
            async with asyncio.timeout(left_ns / SECOND):
                await changed.wait()
        except TimeoutError:
            continue

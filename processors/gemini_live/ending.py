"""When a conversation is over, once the user will say no more."""

from __future__ import annotations

from collections.abc import Callable

from ...pipeline.clock import Clock
from ...pipeline.units import MS, format_duration
from .dispatch import Dispatcher
from .notices import Notices
from .settings import Settings

__all__ = ["until_answered"]

_POLL_NS = 50 * MS


async def until_answered(
    clock: Clock,
    settings: Settings,
    ended_ns: int,
    due: Callable[[], bool],
    dispatcher: Dispatcher,
    notices: Notices,
) -> None:
    """Return when nothing more is to come: it is quiet for a while, or for too long with something ``due``.

    ``ended_ns`` is when the user's input ended.
    """
    while True:
        now_ns = clock.now_ns()
        quiet_ns = now_ns - max(dispatcher.progress_ns, ended_ns)
        if dispatcher.pending or due():
            # Sound that was handed over is still being played: nothing need happen for as long as it lasts.
            played_ns = dispatcher.sound_ns if dispatcher.pending else 0
            if quiet_ns >= settings.answer_timeout_ns + played_ns:
                notices.warn(f"no last answer within {format_duration(settings.answer_timeout_ns)}")
                return
        elif quiet_ns >= settings.finish_after_ns:
            return
        await clock.sleep_until_ns(now_ns + _POLL_NS)

"""How long the parts of a call may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..units import MS, SECOND, DurationLike, settle_durations

__all__ = ["CallLimits"]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Deadlines of a call: nanoseconds, given as ``ms(300)`` or ``"300ms"``."""

    start_ns: int = 15 * SECOND
    """For one node to start."""
    stop_ns: int = 3 * SECOND
    """For one node to stop, and for one task to heed its cancellation."""
    stall_ns: int = 10 * SECOND
    """For one handler to be at one frame before it is named."""
    drain_ns: int = 10 * SECOND
    """For a loop of nodes to come to rest, and for a node to come back from its last frame and its end, when nothing
    more comes in; what is left then is counted and named."""
    restarts: int = 3
    """How often a node with ``on_error: restart`` is replaced within ``restart_window_ns`` before the call ends."""
    restart_window_ns: int = 60 * SECOND
    """After so long a restart is forgotten."""
    back_off_ns: int = 100 * MS
    """How long the second restart waits, and twice as long each further one; the first is made at once."""
    back_off_max_ns: int = 5 * SECOND
    """The longest of these waits."""

    if TYPE_CHECKING:

        def __init__(
            self,
            start_ns: DurationLike = ...,
            stop_ns: DurationLike = ...,
            stall_ns: DurationLike = ...,
            drain_ns: DurationLike = ...,
            restarts: int = ...,
            restart_window_ns: DurationLike = ...,
            back_off_ns: DurationLike = ...,
            back_off_max_ns: DurationLike = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)

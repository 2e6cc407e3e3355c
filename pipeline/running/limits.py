"""How long the parts of a call may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..units import SECOND, DurationLike, settle_durations

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
    """For a loop of nodes to come to rest when what feeds it has ended; what is left then is counted and named."""
    restarts: int = 3
    """How often a node with ``on_error: restart`` is replaced before the call ends."""

    if TYPE_CHECKING:

        def __init__(
            self,
            start_ns: DurationLike = ...,
            stop_ns: DurationLike = ...,
            stall_ns: DurationLike = ...,
            drain_ns: DurationLike = ...,
            restarts: int = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)

"""How long the parts of a call may take."""

from __future__ import annotations

from dataclasses import dataclass

from ..units import SECOND

__all__ = ["CallLimits"]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Deadlines of a call, in nanoseconds."""

    start_ns: int = 15 * SECOND
    """For one node to start."""
    stop_ns: int = 3 * SECOND
    """For one node to stop, and for one task to heed its cancellation."""
    stall_ns: int = 10 * SECOND
    """For one handler to be at one frame before it is named."""
    restarts: int = 3
    """How often a node with ``on_error: restart`` is replaced before the call ends."""

"""Who serves calls, and how an offer finds one who has room.

A ``Worker`` serves calls and knows nothing of who started it; a ``Pool`` has workers and finds one for an offer. HTTP
talks to a pool and holds no call. ``LocalPool`` is the desk of this process; ``WorkersPool`` has workers elsewhere,
such as the processes of a ``ProcessPool``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .cards import AgentCard
    from .local import LocalPool
    from .pool import Pool
    from .processes import ProcessPool
    from .setup import AgentSource, WorkerSetup
    from .worker import Worker, WorkerReport
    from .workers import WorkersPool
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "cards": ("AgentCard",),
            "local": ("LocalPool",),
            "pool": ("Pool",),
            "processes": ("ProcessPool",),
            "setup": ("AgentSource", "WorkerSetup"),
            "worker": ("Worker", "WorkerReport"),
            "workers": ("WorkersPool",),
        },
    )

__all__ = [
    "AgentCard",
    "AgentSource",
    "LocalPool",
    "Pool",
    "ProcessPool",
    "Worker",
    "WorkerReport",
    "WorkerSetup",
    "WorkersPool",
]

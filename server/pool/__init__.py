"""Who serves calls, and how an offer finds one who has room.

HTTP talks to a ``Pool`` and holds no call. ``LocalPool`` is the desk of this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .cards import AgentCard
    from .local import LocalPool
    from .pool import Pool
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "cards": ("AgentCard",),
            "local": ("LocalPool",),
            "pool": ("Pool",),
        },
    )

__all__ = [
    "AgentCard",
    "LocalPool",
    "Pool",
]

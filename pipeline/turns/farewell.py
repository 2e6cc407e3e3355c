"""The end of a call that was decided, and the words that come before it. Pure; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass

from ..end_reason import EndReason

__all__ = ["Farewell"]


@dataclass(slots=True)
class Farewell:
    """The first end that was decided; there is no other."""

    reason: EndReason
    detail: str
    says: bool
    """Whether a goodbye of ours is part of it; otherwise what the agent says by itself is the goodbye."""
    waits: bool
    """Whether an answer that is due, or words that may follow, come first."""
    at_ns: int | None = None
    """When it is over if nothing more is said; ``None`` while something is waited for."""

    def is_over(self, now_ns: int) -> bool:
        """Whether the call is to end now."""
        return self.at_ns is not None and now_ns >= self.at_ns

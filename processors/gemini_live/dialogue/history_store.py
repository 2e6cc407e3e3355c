"""Where conversations are kept after a call, beside the file that ``save_history`` names: a store of the program's."""

from __future__ import annotations

from typing import Protocol

from .history import History

__all__ = ["HistoryStore"]


class HistoryStore(Protocol):
    """Keeps conversations. A call takes one as ``resources={HistoryStore: ...}``."""

    async def save(self, call_id: str, caller: str, history: History) -> None:
        """The call is over; ``caller`` is who it was with, empty when that is not known."""
        ...

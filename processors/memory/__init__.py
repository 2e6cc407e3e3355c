"""Memory: what is known of a caller from one call to the next.

``Memory`` is the box; ``MemoryStore`` is what a store of one's own has to do, ``SqliteStore`` and ``PostgresStore`` are
two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .memory import Memory
    from .postgres_store import PostgresStore
    from .sqlite_store import SqliteStore
    from .store import Fact, MemoryStore, PastCall, Recalled
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "memory": ("Memory",),
            "postgres_store": ("PostgresStore",),
            "sqlite_store": ("SqliteStore",),
            "store": ("Fact", "MemoryStore", "PastCall", "Recalled"),
        },
    )

__all__ = ["Fact", "Memory", "MemoryStore", "PastCall", "PostgresStore", "Recalled", "SqliteStore"]

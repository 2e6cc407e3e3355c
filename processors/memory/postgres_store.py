"""Memories in PostgreSQL, by asyncpg (extra ``postgres``)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .store import Fact, PastCall, Recalled

if TYPE_CHECKING:
    import asyncpg

__all__ = ["PostgresStore"]

_WITHIN_S = 5.0
_LOCK = 7_263_514_102
"""Tables are made by one process at a time: ``IF NOT EXISTS`` alone is a race."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS livegraph_facts (
  number BIGSERIAL PRIMARY KEY, caller TEXT NOT NULL, text TEXT NOT NULL, at_s BIGINT NOT NULL,
  UNIQUE (caller, text)
);
CREATE TABLE IF NOT EXISTS livegraph_calls (
  number BIGSERIAL PRIMARY KEY, caller TEXT NOT NULL, call_id TEXT NOT NULL, began_s BIGINT NOT NULL,
  said TEXT NOT NULL, summary TEXT,
  UNIQUE (caller, call_id)
);
"""


class PostgresStore:
    """See ``MemoryStore``. Two tables, ``livegraph_facts`` and ``livegraph_calls``, are made where they are missing.

    Raises ``OSError``, ``TimeoutError`` and the errors of asyncpg when the server cannot be used, ``ImportError``
    without the extra.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = asyncio.Lock()

    async def recall(self, caller: str, *, calls: int = 3) -> Recalled:
        """See ``MemoryStore``."""
        pool = await self._open()
        facts = await pool.fetch(
            "SELECT number, text, at_s FROM livegraph_facts WHERE caller = $1 ORDER BY number", caller
        )
        latest = await pool.fetch(
            "SELECT call_id, began_s, said, summary FROM livegraph_calls WHERE caller = $1 "
            "ORDER BY number DESC LIMIT $2",
            caller,
            calls,
        )
        return Recalled(tuple(Fact(*row) for row in facts), tuple(PastCall(*row) for row in reversed(latest)))

    async def remember(self, caller: str, text: str, at_s: int) -> Fact:
        """See ``MemoryStore``."""
        pool = await self._open()
        row = await pool.fetchrow(
            "INSERT INTO livegraph_facts (caller, text, at_s) VALUES ($1, $2, $3) "
            "ON CONFLICT (caller, text) DO UPDATE SET text = excluded.text RETURNING number, text, at_s",
            caller,
            text,
            at_s,
        )
        assert row is not None
        return Fact(*row)

    async def forget(self, caller: str, number: int) -> bool:
        """See ``MemoryStore``."""
        pool = await self._open()
        sql = "DELETE FROM livegraph_facts WHERE caller = $1 AND number = $2 RETURNING number"
        return await pool.fetchrow(sql, caller, number) is not None

    async def keep(self, caller: str, call: PastCall) -> None:
        """See ``MemoryStore``."""
        pool = await self._open()
        await pool.execute(
            "INSERT INTO livegraph_calls (caller, call_id, began_s, said, summary) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (caller, call_id) DO UPDATE SET said = excluded.said, summary = excluded.summary",
            caller,
            call.call_id,
            call.began_s,
            call.said,
            call.summary,
        )

    async def summarise(self, caller: str, call_id: str, summary: str) -> None:
        """See ``MemoryStore``."""
        pool = await self._open()
        sql = "UPDATE livegraph_calls SET summary = $1 WHERE caller = $2 AND call_id = $3"
        await pool.execute(sql, summary, caller, call_id)

    async def erase(self, caller: str) -> int:
        """See ``MemoryStore``."""
        pool = await self._open()
        async with pool.acquire() as connection, connection.transaction():
            gone = [
                await connection.fetch(f"DELETE FROM {table} WHERE caller = $1 RETURNING number", caller)
                for table in ("livegraph_facts", "livegraph_calls")
            ]
        return sum(len(rows) for rows in gone)

    async def close(self) -> None:
        """See ``MemoryStore``."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(_WITHIN_S):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def _open(self) -> asyncpg.Pool[Any]:
        import asyncpg

        async with self._opening:
            if self._pool is None:
                pool = await asyncpg.create_pool(
                    self._url, min_size=1, max_size=2, timeout=_WITHIN_S, command_timeout=_WITHIN_S
                )
                try:
                    async with pool.acquire() as connection, connection.transaction():
                        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                        await connection.execute(_SCHEMA)
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            return self._pool

"""Where it is kept which tickets have made their call: in this process, or in a file that several share."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from .ticket import UsedTickets

__all__ = ["OwnTickets", "SharedTickets", "TicketStore", "TicketStoreError"]

_WAIT_S = 2.0
"""For another process that writes just now."""
_SLACK_S = 60.0
"""Clocks of several machines differ."""
_TABLE = "CREATE TABLE IF NOT EXISTS used (mark TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID"


class TicketStoreError(Exception):
    """It cannot be told whether a ticket has been used. What the store says of it is in ``__cause__``."""


class TicketStore(Protocol):
    """The seam for a store of one's own: a database that several machines have."""

    async def use(self, once: str, expires_s: float, now_s: float) -> bool:
        """Whether the ticket had not been used; it is from now on, for everybody who asks. Atomic.

        Args:
            once: the ticket's id.
            expires_s, now_s: until when it is good, and now, in seconds since 1970.

        Raises ``TicketStoreError`` when nobody can tell: the call is refused then.
        """
        ...

    async def forget(self, once: str) -> None:
        """The call did not come about: the ticket is as good as before. Raises ``TicketStoreError``."""
        ...


class OwnTickets:
    """Those of this process."""

    def __init__(self) -> None:
        self._used = UsedTickets()

    async def use(self, once: str, expires_s: float, now_s: float) -> bool:
        """See ``TicketStore``. False as well when there is no room to remember it."""
        return self._used.use(once, expires_s, now_s)

    async def forget(self, once: str) -> None:
        """See ``TicketStore``."""
        self._used.forget(once)


class SharedTickets:
    """Those of all processes of this machine that name the same file, an SQLite database; for its owner only.

    Not for a folder that machines share over a network: locks there are not to be relied on. A thread asks, so a disk
    that is slow keeps nobody else waiting.

    Raises ``TicketStoreError`` when the file cannot be made, or is no such database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise TicketStoreError(f"{path}: {error.strerror}") from error
        with self._open() as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(_TABLE)

    async def use(self, once: str, expires_s: float, now_s: float) -> bool:
        """See ``TicketStore``."""
        return await asyncio.to_thread(self._use, _mark(once), expires_s, now_s)

    async def forget(self, once: str) -> None:
        """See ``TicketStore``."""
        await asyncio.to_thread(self._forget, _mark(once))

    def _use(self, mark: str, expires_s: float, now_s: float) -> bool:
        with self._open() as database, database:
            # The lock first: what is read afterwards nobody else can change.
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM used WHERE until < ?", (now_s - _SLACK_S,))
            return (
                database.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (mark, expires_s)).rowcount == 1
            )

    def _forget(self, mark: str) -> None:
        with self._open() as database, database:
            database.execute("DELETE FROM used WHERE mark = ?", (mark,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None)) as database:
                yield database
        except sqlite3.Error as error:
            raise TicketStoreError(f"{self._path}: {error}") from error


def _mark(once: str) -> str:
    """The file says nothing that could be used anywhere."""
    return hashlib.sha256(once.encode()).hexdigest()

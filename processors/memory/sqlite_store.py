"""Memories in a file of SQLite: one thread of its own does all that waits for the disk."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .store import Fact, PastCall, Recalled

__all__ = ["SqliteStore", "explain_sqlite", "unfit_file"]

T = TypeVar("T")

_BUSY_S = 5.0
_FORM = 1
"""The form of the tables, as the file tells it (``user_version``); 0 was this one too, before anybody wrote it down."""
_MAGIC = b"SQLite format 3\0"
_FORM_AT = slice(60, 64)
"""Where the file's header has ``user_version`` (sqlite.org/fileformat.html, 1.3)."""
_COLUMNS = {
    "facts": {"number", "caller", "text", "at_s"},
    "calls": {"number", "caller", "call_id", "began_s", "said", "summary"},
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  number INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL, text TEXT NOT NULL, at_s INTEGER NOT NULL,
  UNIQUE (caller, text)
);
CREATE TABLE IF NOT EXISTS calls (
  number INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL, call_id TEXT NOT NULL, began_s INTEGER NOT NULL,
  said TEXT NOT NULL, summary TEXT,
  UNIQUE (caller, call_id)
);
"""


class SqliteStore:
    """See ``MemoryStore``. Several stores, of several processes too, may have the same file open.

    The file is for its owner only (mode 0600), and what is erased is overwritten. Raises ``OSError`` and
    ``sqlite3.Error`` when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="memory")
        self._database: sqlite3.Connection | None = None

    async def recall(self, caller: str, *, calls: int = 3) -> Recalled:
        """See ``MemoryStore``."""

        def read(database: sqlite3.Connection) -> Recalled:
            facts = database.execute(
                "SELECT number, text, at_s FROM facts WHERE caller = ? ORDER BY number", (caller,)
            )
            found = tuple(Fact(*row) for row in facts)
            latest = database.execute(
                "SELECT call_id, began_s, said, summary FROM calls WHERE caller = ? ORDER BY number DESC LIMIT ?",
                (caller, calls),
            ).fetchall()
            return Recalled(found, tuple(PastCall(*row) for row in reversed(latest)))

        return await self._do(read)

    async def remember(self, caller: str, text: str, at_s: int) -> Fact:
        """See ``MemoryStore``."""

        def write(database: sqlite3.Connection) -> Fact:
            database.execute(
                "INSERT INTO facts (caller, text, at_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (caller, text, at_s),
            )
            row = database.execute(
                "SELECT number, text, at_s FROM facts WHERE caller = ? AND text = ?", (caller, text)
            ).fetchone()
            return Fact(*row)

        return await self._do(write)

    async def forget(self, caller: str, number: int) -> bool:
        """See ``MemoryStore``."""
        sql = "DELETE FROM facts WHERE caller = ? AND number = ?"
        return await self._do(lambda database: database.execute(sql, (caller, number)).rowcount > 0)

    async def keep(self, caller: str, call: PastCall) -> None:
        """See ``MemoryStore``."""
        sql = (
            "INSERT INTO calls (caller, call_id, began_s, said, summary) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (caller, call_id) DO UPDATE SET said = excluded.said, summary = excluded.summary"
        )
        row = (caller, call.call_id, call.began_s, call.said, call.summary)
        await self._do(lambda database: database.execute(sql, row))

    async def summarise(self, caller: str, call_id: str, summary: str) -> None:
        """See ``MemoryStore``."""
        sql = "UPDATE calls SET summary = ? WHERE caller = ? AND call_id = ?"
        await self._do(lambda database: database.execute(sql, (summary, caller, call_id)))

    async def erase(self, caller: str) -> int:
        """See ``MemoryStore``."""

        def drop(database: sqlite3.Connection) -> int:
            return sum(
                database.execute(f"DELETE FROM {table} WHERE caller = ?", (caller,)).rowcount
                for table in ("facts", "calls")
            )

        return await self._do(drop)

    async def close(self) -> None:
        """See ``MemoryStore``."""

        def shut() -> None:
            if self._database is not None:
                self._database.close()
                self._database = None

        await asyncio.get_running_loop().run_in_executor(self._thread, shut)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the thread, as one transaction."""

        def run() -> T:
            if self._database is None:
                self._database = _opened(self._path)
            with self._database:
                return work(self._database)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


class _UnfitError(sqlite3.DatabaseError):
    """The file is a database, and not one of memories that this version knows."""


def _later(form: int) -> str:
    return f"a later version of livegraph made the file (form {form}, and this one knows {_FORM})"


def unfit_file(path: Path) -> str:
    """Why ``path`` cannot hold memories, as far as its first bytes tell; empty where nothing speaks against it."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"the file cannot be read ({os.strerror(error.errno or 0)})"
    if head and not head.startswith(_MAGIC):
        return "the file is no database of SQLite"
    form = int.from_bytes(head[_FORM_AT], "big")
    return _later(form) if form > _FORM else ""


def explain_sqlite(error: BaseException) -> tuple[str, str]:
    """What is wrong with a file, and the remedy, in words that hold nothing of what is in it."""
    name = getattr(error, "sqlite_errorname", None) or ""
    number = getattr(error, "errno", None)
    if isinstance(error, _UnfitError):
        return str(error), "name another file"
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return (
            "the file is no database of SQLite, or it is damaged",
            "move it away and bring a good copy back, or begin anew without",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another program keeps the file locked", "end what holds it open for writing"
    if name.startswith("SQLITE_READONLY") or number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the file may not be written", "let the server's user write to it and to its folder"
    if name == "SQLITE_FULL" or number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full", "make room"
    if isinstance(error, TimeoutError):
        return "it took too long", ""
    return name or type(error).__name__, ""


def _opened(path: Path) -> sqlite3.Connection:
    # What is kept of people is for the owner of the file only: it is made so before SQLite opens it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    try:
        # Looked at before anything is changed: it may be another program's.
        (form,) = database.execute("PRAGMA user_version").fetchone()
        if form > _FORM:
            raise _UnfitError(_later(form))
        for table, columns in _COLUMNS.items():
            found = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
            if found and not columns <= found:
                raise _UnfitError(f"the file has another table `{table}` than memories have")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA secure_delete = ON")
        database.executescript(_SCHEMA)
        if form != _FORM:
            database.execute(f"PRAGMA user_version = {_FORM}")
    except BaseException:
        database.close()
        raise
    return database

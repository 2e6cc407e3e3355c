"""Where conversations are kept after a call: a file of its own for each, or a store of the program's."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ....pipeline.units import SECOND
from .history import History

__all__ = ["HistoryStore", "history_path", "path_fault"]

_FIELD = re.compile(r"\{(\w*)\}")
_FIELDS = ("call_id", "caller", "time")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.@+-]+")


class HistoryStore(Protocol):
    """Keeps conversations. A call takes one as ``resources={HistoryStore: ...}``."""

    async def save(self, call_id: str, caller: str, history: History) -> None:
        """The call is over; ``caller`` is who it was with, empty when that is not known."""
        ...


def history_path(template: Path, call_id: str, caller: str, unix_ns: int) -> Path:
    """``template`` with ``{call_id}``, ``{caller}`` and ``{time}`` (UTC, ``20261128T214500Z``) filled in,
    the time being ``unix_ns``.

    What is filled in names a file and no folder, whatever it holds.
    """
    stamp = datetime.fromtimestamp(unix_ns / SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
    values = {"call_id": call_id, "caller": caller or "unknown", "time": stamp}

    def fill(found: re.Match[str]) -> str:
        return _UNSAFE.sub("_", values.get(found[1], found[0])).lstrip(".") or "_"

    return Path(_FIELD.sub(fill, str(template)))


def path_fault(template: Path) -> str:
    """What is wrong with a template; empty when nothing is."""
    unknown = [name for name in _FIELD.findall(str(template)) if name not in _FIELDS]
    if not unknown:
        return ""
    return f"`{{{unknown[0]}}}` is not known here: there are " + ", ".join(f"{{{name}}}" for name in _FIELDS)

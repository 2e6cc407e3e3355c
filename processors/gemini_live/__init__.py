"""The Gemini Live API: its wire, its models, and the processor that speaks it.

Beside the box there are the frames that change what a model knows (``ContextFrame``, ``UpdateFrame``), the history of a
conversation (``History``, ``HistoryEntry``), and ``events``, with what the service says beside sound and words.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .credentials import Credentials
    from .dialogue.history import History, HistoryEntry
    from .dialogue.history_store import HistoryStore
    from .endpoint import LiveConnector
    from .frames import ContextFrame, UpdateFrame
    from .processor import GeminiLive

__all__ = [
    "ContextFrame",
    "Credentials",
    "GeminiLive",
    "History",
    "HistoryEntry",
    "HistoryStore",
    "LiveConnector",
    "UpdateFrame",
]

# The wire below this package is used without the processor, by the simulator.
_HOMES = {
    "ContextFrame": "frames",
    "Credentials": "credentials",
    "GeminiLive": "processor",
    "History": "dialogue.history",
    "HistoryEntry": "dialogue.history",
    "HistoryStore": "dialogue.history_store",
    "LiveConnector": "endpoint",
    "UpdateFrame": "frames",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)

"""The Gemini Live API: its wire, its models, and the processor that speaks it.

Beside the box there are the frames that change what a model knows (``ContextFrame``, ``UpdateFrame``) or
who speaks (``HandOverFrame``; ``Persona`` and its groups are one who does), the history of a
conversation (``History``, ``HistoryEntry``), and ``events``, with what the service says beside sound and words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .colleagues.persona import HandOverRule, Kept, Persona, Transfer
    from .credentials import Credentials
    from .dialogue.history import History, HistoryEntry
    from .dialogue.history_store import HistoryStore
    from .endpoint import LiveConnector
    from .frames import ContextFrame, HandOverFrame, UpdateFrame
    from .processor import GeminiLive
else:
    # The wire below this package is used without the processor, by the simulator.
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "colleagues.persona": ("HandOverRule", "Kept", "Persona", "Transfer"),
            "credentials": ("Credentials",),
            "dialogue.history": ("History", "HistoryEntry"),
            "dialogue.history_store": ("HistoryStore",),
            "endpoint": ("LiveConnector",),
            "frames": ("ContextFrame", "HandOverFrame", "UpdateFrame"),
            "processor": ("GeminiLive",),
        },
    )

__all__ = [
    "ContextFrame",
    "Credentials",
    "GeminiLive",
    "HandOverFrame",
    "HandOverRule",
    "History",
    "HistoryEntry",
    "HistoryStore",
    "Kept",
    "LiveConnector",
    "Persona",
    "Transfer",
    "UpdateFrame",
]

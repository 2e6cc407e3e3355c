"""The Gemini Live API: its wire, its models, and the processor that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .endpoint import LiveConnector
    from .processor import GeminiLive

__all__ = ["GeminiLive", "LiveConnector"]


def __getattr__(name: str) -> Any:
    # The wire below this package is used without the processor, by the simulator.
    if name == "GeminiLive":
        from .processor import GeminiLive

        return GeminiLive
    if name == "LiveConnector":
        from .endpoint import LiveConnector

        return LiveConnector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

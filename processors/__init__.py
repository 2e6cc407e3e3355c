"""The boxes that process: speech detection, the Live API, tools, rates, logs, and the ends for a program of one's own.

Each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import AppIn, AppOut
    from .gain import Gain
    from .gemini_live import GeminiLive, LiveConnector
    from .join import Join
    from .mixer import Mixer
    from .resampler import Resampler
    from .switch import Switch
    from .tools.router import ToolRouter
    from .transcript_log import TranscriptLog
    from .vad_gate import VadGate

__all__ = [
    "AppIn",
    "AppOut",
    "Gain",
    "GeminiLive",
    "Join",
    "LiveConnector",
    "Mixer",
    "Resampler",
    "Switch",
    "ToolRouter",
    "TranscriptLog",
    "VadGate",
]

_HOMES = {
    "AppIn": "app",
    "AppOut": "app",
    "Gain": "gain",
    "GeminiLive": "gemini_live",
    "Join": "join",
    "LiveConnector": "gemini_live",
    "Mixer": "mixer",
    "Resampler": "resampler",
    "Switch": "switch",
    "ToolRouter": "tools.router",
    "TranscriptLog": "transcript_log",
    "VadGate": "vad_gate",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

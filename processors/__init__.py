"""The boxes that process: speech detection, the Live API, tools, rates, logs, and the ends for a program of one's own.

Each is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

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
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "app": ("AppIn", "AppOut"),
            "gain": ("Gain",),
            "gemini_live": ("GeminiLive", "LiveConnector"),
            "join": ("Join",),
            "mixer": ("Mixer",),
            "resampler": ("Resampler",),
            "switch": ("Switch",),
            "tools.router": ("ToolRouter",),
            "transcript_log": ("TranscriptLog",),
            "vad_gate": ("VadGate",),
        },
    )

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

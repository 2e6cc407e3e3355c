"""The boxes that process: speech detection, the Live API, tools, rates, logs, and the ends for a program of one's own.

Each is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .app import AppIn, AppOut
    from .background_sound import BackgroundSound
    from .dtmf_menu import DtmfMenu
    from .gain import Gain
    from .gemini_live import GeminiLive, LiveConnector
    from .guards import GuardRails
    from .join import Join
    from .language_switch import LanguageSwitch
    from .memory import Memory
    from .mixer import Mixer
    from .resampler import Resampler
    from .switch import Switch
    from .text_rules import TextRules
    from .tools.router import ToolRouter
    from .transcript_log import TranscriptLog
    from .vad_gate import VadGate
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "app": ("AppIn", "AppOut"),
            "background_sound": ("BackgroundSound",),
            "dtmf_menu": ("DtmfMenu",),
            "gain": ("Gain",),
            "gemini_live": ("GeminiLive", "LiveConnector"),
            "guards": ("GuardRails",),
            "join": ("Join",),
            "language_switch": ("LanguageSwitch",),
            "memory": ("Memory",),
            "mixer": ("Mixer",),
            "resampler": ("Resampler",),
            "switch": ("Switch",),
            "text_rules": ("TextRules",),
            "tools.router": ("ToolRouter",),
            "transcript_log": ("TranscriptLog",),
            "vad_gate": ("VadGate",),
        },
    )

__all__ = [
    "AppIn",
    "AppOut",
    "BackgroundSound",
    "DtmfMenu",
    "Gain",
    "GeminiLive",
    "GuardRails",
    "Join",
    "LanguageSwitch",
    "LiveConnector",
    "Memory",
    "Mixer",
    "Resampler",
    "Switch",
    "TextRules",
    "ToolRouter",
    "TranscriptLog",
    "VadGate",
]

"""Where the capability table has its words from: source and date of what matters most, as data.

``documented``: the model's own pages. ``measured``: seen on the real service by public studies. ``reported``: by issues
and by the client libraries of others. A test holds the table against each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["EVIDENCE", "Evidence"]

_MODELS = "Gemini API documentation, Live API: capabilities"
_TOOLS = "Gemini API documentation, Live API: tool use"
_SESSIONS = "Gemini API documentation, Live API: sessions"
_VERTEX = "Vertex AI documentation, Live API: models and migration to 3.8"
_STUDY = "sessions on gemini-3.8-live with a key, 85 of them, by public studies"
_ISSUES = "issues of the SDKs and of other clients"

_3_8, _THINKING = "gemini-3.8-live", "gemini-3.8-live-extended-thinking"
_3_1 = "gemini-3.1-flash-live-preview"
_2_5 = "gemini-2.5-flash-native-audio-preview-12-2025"


@dataclass(frozen=True, slots=True)
class Evidence:
    """``field`` of ``ModelCapabilities`` is ``value`` for ``model``, at ``endpoint`` or at both.

    ``date``: the month in which it was read or seen.
    """

    model: str
    field: str
    value: Any
    kind: Literal["documented", "measured", "reported"]
    source: str
    date: str
    endpoint: Literal["", "google", "vertex"] = ""


_AUDIO = frozenset({"AUDIO"})
_BOTH = frozenset({"BLOCKING", "NON_BLOCKING"})

EVIDENCE: tuple[Evidence, ...] = (
    Evidence(_2_5, "modalities", _AUDIO, "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "modalities", _AUDIO, "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "modalities", _AUDIO, "documented", _MODELS, "2026-10", "google"),
    Evidence(_3_8, "modalities", frozenset({"AUDIO", "VIDEO"}), "documented", _VERTEX, "2026-10", "vertex"),
    Evidence(_THINKING, "modalities", _AUDIO, "documented", _MODELS, "2026-10", "google"),
    Evidence(_2_5, "thinking", "budget", "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "thinking", "level", "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "default_thinking_level", "MINIMAL", "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "thinking", "none", "documented", _MODELS, "2026-10"),
    Evidence(_THINKING, "thinking", "level", "documented", _MODELS, "2026-10"),
    Evidence(
        _THINKING,
        "thinking_levels",
        frozenset({"LOW", "MEDIUM", "HIGH"}),
        "documented",
        _MODELS,
        "2026-10",
    ),
    Evidence(_2_5, "client_content", "any_time", "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "client_content", "initial_history", "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "history_config", True, "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "client_content", "any_time", "documented", _MODELS, "2026-10"),
    Evidence(_2_5, "tool_behaviors", _BOTH, "documented", _TOOLS, "2026-10"),
    Evidence(_2_5, "default_tool_behavior", "BLOCKING", "documented", _TOOLS, "2026-10"),
    Evidence(_3_1, "tool_behaviors", frozenset({"BLOCKING"}), "documented", _TOOLS, "2026-10"),
    Evidence(_3_8, "tool_behaviors", _BOTH, "documented", _TOOLS, "2026-10"),
    Evidence(_3_8, "default_tool_behavior", "NON_BLOCKING", "documented", _TOOLS, "2026-10"),
    Evidence(_THINKING, "tool_behaviors", frozenset({"NON_BLOCKING"}), "documented", _TOOLS, "2026-10"),
    Evidence(_THINKING, "tool_scheduling", False, "documented", _TOOLS, "2026-10"),
    Evidence(_2_5, "cancels_tool_calls", True, "reported", _ISSUES, "2026-10"),
    Evidence(_3_8, "cancels_tool_calls", False, "measured", _STUDY, "2026-10", "google"),
    Evidence(_3_8, "cancels_tool_calls", True, "documented", _VERTEX, "2026-10", "vertex"),
    Evidence(_3_8, "sends_voice_activity", True, "measured", _STUDY, "2026-10"),
    Evidence(_3_8, "whole_transcriptions", True, "measured", _STUDY, "2026-10"),
    Evidence(_3_8, "needs_trailing_sound", True, "reported", _ISSUES, "2026-10"),
    Evidence(_2_5, "proactive_audio", "optional", "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "proactive_audio", "no", "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "proactive_audio", "always", "documented", _MODELS, "2026-10"),
    Evidence(_2_5, "affective_dialog", True, "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "affective_dialog", False, "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "affective_dialog", False, "documented", _MODELS, "2026-10"),
    Evidence(_2_5, "turn_coverage", "TURN_INCLUDES_ONLY_ACTIVITY", "documented", _MODELS, "2026-10"),
    Evidence(
        _3_8,
        "turn_coverage",
        "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        "documented",
        _MODELS,
        "2026-10",
        "google",
    ),
    Evidence(_3_8, "turn_coverage", "TURN_INCLUDES_ONLY_ACTIVITY", "reported", _ISSUES, "2026-10", "vertex"),
    Evidence(_3_8, "turn_end", "turn_complete", "documented", _SESSIONS, "2026-10"),
    Evidence(_THINKING, "turn_end", "interaction_status", "documented", _SESSIONS, "2026-10"),
    Evidence(_2_5, "input_tokens", 131_072, "documented", _MODELS, "2026-10"),
    Evidence(_3_1, "input_tokens", 131_072, "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "input_tokens", 131_072, "documented", _MODELS, "2026-10"),
    Evidence(_3_8, "output_tokens", 65_536, "documented", _MODELS, "2026-10"),
    Evidence("gemini-3.5-live-translate-preview", "ends_turns", False, "reported", _ISSUES, "2026-10"),
    Evidence(
        "gemini-3.5-transcribe-live", "modalities", frozenset({"TEXT"}), "documented", _MODELS, "2026-10"
    ),
)

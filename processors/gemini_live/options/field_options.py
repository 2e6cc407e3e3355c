"""Which option is behind a field of the setup message."""

from __future__ import annotations

__all__ = ["option_at"]

_OPTIONS = (
    ("model", "model"),
    ("generation_config.response_modalities", "answers"),
    ("generation_config.speech_config.voice_config.replicated_voice_config", "voice_sample"),
    ("generation_config.speech_config.voice_config.voice", "voice_id"),
    ("generation_config.speech_config.voice_config", "voice"),
    ("generation_config.speech_config.language_code", "language"),
    ("generation_config.temperature", "temperature"),
    ("generation_config.top_p", "top_p"),
    ("generation_config.top_k", "top_k"),
    ("generation_config.max_output_tokens", "max_output_tokens"),
    ("generation_config.presence_penalty", "presence_penalty"),
    ("generation_config.frequency_penalty", "frequency_penalty"),
    ("generation_config.seed", "seed"),
    ("generation_config.media_resolution", "media_resolution"),
    ("generation_config.thinking_config", "thinking"),
    ("generation_config.enable_affective_dialog", "affective_dialog"),
    ("generation_config.translation_config", "translation"),
    ("generation_config.audio_transcription_config", "audio_transcription"),
    ("system_instruction", "instructions"),
    ("realtime_input_config.automatic_activity_detection.disabled", "activity"),
    ("realtime_input_config.automatic_activity_detection", "vad"),
    ("realtime_input_config.activity_handling", "activity_handling"),
    ("realtime_input_config.turn_coverage", "turn_coverage"),
    ("realtime_input_config.interim_transcript_timestamp_enabled", "interim_timestamps"),
    ("session_resumption", "session_resumption"),
    ("context_window_compression", "context_compression"),
    ("input_audio_transcription", "input_transcription"),
    ("output_audio_transcription", "output_transcription"),
    ("proactivity.proactive_video", "proactive_video"),
    ("proactivity", "proactive_audio"),
    ("history_config", "history"),
    ("explicit_vad_signal", "explicit_vad_signal"),
    ("avatar_config", "avatar"),
    ("safety_settings", "safety"),
    ("labels", "labels"),
)
_TOOLS = (
    ("google_search", "google_search"),
    ("code_execution", "code_execution"),
    ("url_context", "url_context"),
)


def option_at(path: str) -> str:
    """The option behind a field (``setup.generation_config.top_k`` is ``top_k``), else ``extra``.

    Empty for declarations of functions, which come from the boxes that offer them.
    """
    field = path.removeprefix("setup").removeprefix(".")
    if field.startswith("tools"):
        if "function_declarations" in field:
            return ""
        inside = field.partition(".")[2]
        return next((option for name, option in _TOOLS if inside.startswith(name)), "more_tools")
    return next((option for prefix, option in _OPTIONS if _below(field, prefix)), "extra")


def _below(field: str, prefix: str) -> bool:
    return field == prefix or field.startswith((f"{prefix}.", f"{prefix}["))

"""The first message of a connection: `setup`, whole."""

from __future__ import annotations

from typing import Any

from .base import Empty, JsonObject, WireStruct
from .content import Content
from .tools import Schema, Tool

__all__ = [
    "AudioTranscriptionConfig",
    "AutomaticActivityDetection",
    "AvatarConfig",
    "ContextWindowCompression",
    "CustomizedAvatar",
    "GenerationConfig",
    "HistoryConfig",
    "PrebuiltVoiceConfig",
    "ProactivityConfig",
    "RealtimeInputConfig",
    "ReplicatedVoiceConfig",
    "SafetySetting",
    "SessionResumptionConfig",
    "Setup",
    "SlidingWindow",
    "SpeechConfig",
    "ThinkingConfig",
    "TranslationConfig",
    "VoiceConfig",
    "VoiceConsentSignature",
]


class PrebuiltVoiceConfig(WireStruct, frozen=True):
    """A voice by name (case-sensitive); an unknown one makes setup fail. The names are in `models.VOICES`."""

    voice_name: str = ""


class VoiceConsentSignature(WireStruct, frozen=True):
    """Proof that the owner of a replicated voice agreed."""

    signature: str = ""


class ReplicatedVoiceConfig(WireStruct, frozen=True, kw_only=True):
    """A voice by sample (``audio/wav``)."""

    mime_type: str = ""
    voice_sample_audio: bytes = b""
    consent_audio: bytes = b""
    voice_consent_signature: VoiceConsentSignature | None = None


class VoiceConfig(WireStruct, frozen=True, kw_only=True):
    """Which voice speaks: one of the three."""

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None
    replicated_voice_config: ReplicatedVoiceConfig | None = None
    voice: str = ""


class SpeechConfig(WireStruct, frozen=True, kw_only=True):
    """How the model sounds. Native-audio models ignore `language_code`; several speakers are not for Live."""

    voice_config: VoiceConfig | None = None
    language_code: str = ""
    multi_speaker_voice_config: JsonObject | None = None


class ThinkingConfig(WireStruct, frozen=True, kw_only=True):
    """How much the model thinks first.

    `thinking_budget` in tokens, for 2.5 models: 0 off, -1 automatic. `thinking_level` for 3.x: see
    `enums.ThinkingLevel`.
    """

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str = ""


class TranslationConfig(WireStruct, frozen=True):
    """For live-translate models. `target_language_code` is BCP-47."""

    target_language_code: str = ""
    echo_target_language: bool | None = None


class LanguageHints(WireStruct, frozen=True):
    """Deprecated home of `AudioTranscriptionConfig.language_codes`."""

    language_codes: list[str] = []


class AudioTranscriptionConfig(WireStruct, frozen=True, kw_only=True):
    """Ask for transcripts; present and empty is enough.

    `mode`: see `enums.TranscriptionMode`. The last three are deprecated.
    """

    language_codes: list[str] = []
    custom_vocabulary: list[str] = []
    mode: str = ""
    word_timestamp: bool | None = None
    diarization: bool | None = None
    source_text: str = ""
    language_auto: Empty | None = None
    language_hints: LanguageHints | None = None
    adaptation_phrases: list[str] = []


class GenerationConfig(WireStruct, frozen=True, kw_only=True):
    """Sampling, modality, voice and thinking.

    `response_modalities` has one entry (see `enums.Modality`). Fields from `stop_sequences` on are known to
    the API but not supported in a Live session.
    """

    response_modalities: list[str] = []
    speech_config: SpeechConfig | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    candidate_count: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    media_resolution: str = ""
    thinking_config: ThinkingConfig | None = None
    enable_affective_dialog: bool | None = None
    translation_config: TranslationConfig | None = None
    audio_transcription_config: AudioTranscriptionConfig | None = None
    stop_sequences: list[str] = []
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str = ""
    response_schema: Schema | None = None
    response_json_schema: Any = None
    response_format: Any = None
    routing_config: JsonObject | None = None
    model_selection_config: JsonObject | None = None
    audio_timestamp: bool | None = None
    enable_enhanced_civic_answers: bool | None = None


class AutomaticActivityDetection(WireStruct, frozen=True, kw_only=True):
    """The server's own voice activity detection. Sensitivities: see `enums`; times in milliseconds."""

    disabled: bool | None = None
    start_of_speech_sensitivity: str = ""
    end_of_speech_sensitivity: str = ""
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None


class RealtimeInputConfig(WireStruct, frozen=True, kw_only=True):
    """How realtime input makes turns. `activity_handling`, `turn_coverage`: see `enums`."""

    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: str = ""
    turn_coverage: str = ""
    interim_transcript_timestamp_enabled: bool | None = None


class SessionResumptionConfig(WireStruct, frozen=True):
    """Empty starts a session that can be resumed; with `handle` it resumes one.

    `transparent` is Vertex's only.
    """

    handle: str = ""
    transparent: bool | None = None


class SlidingWindow(WireStruct, frozen=True):
    """Drop the oldest turns until `target_tokens` are left (default: half the trigger)."""

    target_tokens: int | None = None


class ContextWindowCompression(WireStruct, frozen=True):
    """Compress the context once it holds `trigger_tokens` (default: 80 % of the model's window)."""

    trigger_tokens: int | None = None
    sliding_window: SlidingWindow | None = None


class ProactivityConfig(WireStruct, frozen=True):
    """Let the model stay silent when it was not spoken to. Absent and false differ: 3.8 refuses false."""

    proactive_audio: bool | None = None
    proactive_video: bool | None = None


class HistoryConfig(WireStruct, frozen=True):
    """Take `clientContent` as history, without a reply, until one has `turnComplete`."""

    initial_history_in_client_content: bool | None = None


class CustomizedAvatar(WireStruct, frozen=True):
    """An avatar made of a picture."""

    image_mime_type: str = ""
    image_data: bytes = b""


class AvatarConfig(WireStruct, frozen=True, kw_only=True):
    """A speaking face (enterprise; needs the VIDEO modality). Rates in bits per second."""

    avatar_name: str = ""
    customized_avatar: CustomizedAvatar | None = None
    audio_bitrate_bps: int | None = None
    video_bitrate_bps: int | None = None


class SafetySetting(WireStruct, frozen=True, kw_only=True):
    """One threshold: see `enums.HarmCategory`, `HarmBlockThreshold`, `HarmBlockMethod` (Vertex)."""

    category: str = ""
    threshold: str = ""
    method: str = ""


class Setup(WireStruct, frozen=True, kw_only=True):
    """Everything that a connection is configured with; only `model` is required.

    `model` is ``models/{id}``, or a Vertex resource name. `explicit_vad_signal` is Vertex's only.
    """

    model: str = ""
    generation_config: GenerationConfig | None = None
    system_instruction: Content | None = None
    tools: list[Tool] = []
    realtime_input_config: RealtimeInputConfig | None = None
    session_resumption: SessionResumptionConfig | None = None
    context_window_compression: ContextWindowCompression | None = None
    input_audio_transcription: AudioTranscriptionConfig | None = None
    output_audio_transcription: AudioTranscriptionConfig | None = None
    proactivity: ProactivityConfig | None = None
    history_config: HistoryConfig | None = None
    explicit_vad_signal: bool | None = None
    avatar_config: AvatarConfig | None = None
    safety_settings: list[SafetySetting] = []
    labels: dict[str, str] = {}

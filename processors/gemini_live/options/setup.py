"""From options to the ``setup`` message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ....liveapi import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    AvatarConfig,
    ClientMessage,
    ContextWindowCompression,
    CustomizedAvatar,
    Empty,
    FunctionDeclaration,
    GoogleSearch,
    HistoryConfig,
    PrebuiltVoiceConfig,
    RealtimeInputConfig,
    ReplicatedVoiceConfig,
    SafetySetting,
    SearchTypes,
    SessionResumptionConfig,
    Setup,
    SlidingWindow,
    SpeechConfig,
    ThinkingConfig,
    Tool,
    TranslationConfig,
    VoiceConfig,
    VoiceConsentSignature,
    decode_client,
    encode_client,
)
from ....liveapi.tools import Interval
from ....pipeline.units import MS
from ...tools.catalog import FunctionSpec, ToolCatalog
from .fields import Activity, Coverage, Handling
from .groups import (
    Avatar,
    ContextCompression,
    GoogleSearchOptions,
    Resumption,
    Safety,
    Thinking,
    Transcription,
    Translation,
    Vad,
    VoiceSample,
)

__all__ = [
    "avatar_config",
    "built_in_tools",
    "compression",
    "encode_setup",
    "realtime_input",
    "safety_settings",
    "session_resumption",
    "speech_config",
    "thinking_config",
    "tools_of",
    "transcription",
    "translation_config",
]

_HANDLING = {"interrupts": "START_OF_ACTIVITY_INTERRUPTS", "no_interruption": "NO_INTERRUPTION"}
_THRESHOLDS = {"only_high": "BLOCK_ONLY_HIGH", "none": "BLOCK_NONE", "off": "OFF"}


def realtime_input(
    activity: Activity,
    vad: Vad | None,
    handling: Handling | None,
    coverage: Coverage | None,
    interim_timestamps: bool | None,
) -> RealtimeInputConfig | None:
    """How realtime input makes turns; ``None`` where all is left to the service."""
    detection = None
    if activity == "manual":
        detection = AutomaticActivityDetection(disabled=True)
    elif vad is not None:
        start, end = vad.start_sensitivity, vad.end_sensitivity
        detection = AutomaticActivityDetection(
            start_of_speech_sensitivity=f"START_SENSITIVITY_{start.upper()}" if start else "",
            end_of_speech_sensitivity=f"END_SENSITIVITY_{end.upper()}" if end else "",
            prefix_padding_ms=None if vad.prefix_padding is None else vad.prefix_padding // MS,
            silence_duration_ms=None if vad.silence is None else vad.silence // MS,
        )
    made = RealtimeInputConfig(
        automatic_activity_detection=detection,
        activity_handling=_HANDLING[handling] if handling else "",
        turn_coverage=f"TURN_INCLUDES_{coverage.upper()}" if coverage else "",
        interim_transcript_timestamp_enabled=interim_timestamps,
    )
    return made if made != RealtimeInputConfig() else None


def speech_config(
    voice: str, voice_id: str, sample: VoiceSample | None, language: str
) -> SpeechConfig | None:
    """How the model sounds. Raises ``OSError`` when a recording cannot be read."""
    named = VoiceConfig(
        prebuilt_voice_config=PrebuiltVoiceConfig(voice) if voice else None,
        replicated_voice_config=None if sample is None else _replicated(sample),
        voice=voice_id,
    )
    made = SpeechConfig(voice_config=named if named != VoiceConfig() else None, language_code=language)
    return made if made != SpeechConfig() else None


def _replicated(sample: VoiceSample) -> ReplicatedVoiceConfig:
    return ReplicatedVoiceConfig(
        mime_type="audio/wav",
        voice_sample_audio=sample.sample.read_bytes(),
        consent_audio=sample.consent.read_bytes() if sample.consent is not None else b"",
        voice_consent_signature=VoiceConsentSignature(sample.signature) if sample.signature else None,
    )


def session_resumption(wanted: bool | Resumption) -> SessionResumptionConfig | None:
    """Present asks for handles. The handle to begin with is not part of it: each connection has its own."""
    if wanted is False:
        return None
    transparent = isinstance(wanted, Resumption) and wanted.transparent
    return SessionResumptionConfig(transparent=transparent or None)


def thinking_config(thinking: Thinking | None) -> ThinkingConfig | None:
    """``None`` leaves thinking to the model: some take no word about it at all."""
    if thinking is None:
        return None
    return ThinkingConfig(
        thinking_level=(thinking.level or "").upper(),
        thinking_budget=thinking.budget,
        include_thoughts=thinking.include_thoughts,
    )


def translation_config(translation: Translation | None) -> TranslationConfig | None:
    """Into which language."""
    return None if translation is None else TranslationConfig(translation.target, translation.echo)


def compression(asked: bool | ContextCompression) -> ContextWindowCompression | None:
    """``True`` takes the service's own numbers."""
    if asked is False:
        return None
    if asked is True:
        return ContextWindowCompression(sliding_window=SlidingWindow())
    return ContextWindowCompression(asked.trigger_tokens, SlidingWindow(asked.target_tokens))


def transcription(wanted: bool | Transcription | None) -> AudioTranscriptionConfig | None:
    """Present asks for transcripts."""
    if not wanted:
        return None
    if wanted is True:
        return AudioTranscriptionConfig()
    return AudioTranscriptionConfig(
        language_codes=list(wanted.languages),
        custom_vocabulary=list(wanted.vocabulary),
        mode=(wanted.mode or "").upper(),
        word_timestamp=wanted.word_timestamps,
        diarization=wanted.diarization,
        source_text=wanted.source_text,
    )


def safety_settings(rules: Sequence[Safety]) -> list[SafetySetting]:
    """In the API's names."""
    return [
        SafetySetting(
            category=f"HARM_CATEGORY_{rule.category.upper()}",
            threshold=_THRESHOLDS.get(rule.threshold, f"BLOCK_{rule.threshold.upper()}"),
            method=(rule.method or "").upper(),
        )
        for rule in rules
    ]


def avatar_config(avatar: Avatar | None) -> AvatarConfig | None:
    """A face. Raises ``OSError`` when its picture cannot be read."""
    if avatar is None:
        return None
    custom = None
    if avatar.image is not None:
        custom = CustomizedAvatar(_image_type(avatar.image), avatar.image.read_bytes())
    return AvatarConfig(
        avatar_name=avatar.name,
        customized_avatar=custom,
        audio_bitrate_bps=avatar.audio_bitrate,
        video_bitrate_bps=avatar.video_bitrate,
    )


def _image_type(path: Path) -> str:
    return "image/png" if path.suffix.lower() == ".png" else "image/jpeg"


def built_in_tools(
    search: bool | GoogleSearchOptions, *, code: bool, urls: bool, more: Sequence[Mapping[str, Any]]
) -> list[Tool]:
    """Tools of the service's own. Raises ``WireError`` when one of ``more`` is not of the API's shape."""
    tools = []
    if search:
        tools.append(Tool(google_search=GoogleSearch() if search is True else _search(search)))
    if code:
        tools.append(Tool(code_execution=Empty()))
    if urls:
        tools.append(Tool(url_context=Empty()))
    if more:
        # The codec knows every spelling of a tool; strictly, so that a misspelt one is not dropped in silence.
        message = msgspec.json.encode({"setup": {"tools": list(more)}})
        read = decode_client(message, strict=True).setup
        tools += read.tools if read is not None else []
    return tools


def _search(asked: GoogleSearchOptions) -> GoogleSearch:
    types = SearchTypes(Empty() if asked.web else None, Empty()) if asked.images else None
    span = Interval(asked.since, asked.until) if asked.since or asked.until else None
    return GoogleSearch(types, span, list(asked.exclude_domains), asked.blocking_confidence)


def tools_of(functions: Sequence[FunctionSpec], behaviors: frozenset[str] | None = None) -> list[Tool]:
    """The functions as one tool; empty when there are none. ``behaviors``: those that the model takes."""
    made = [_declaration(spec, behaviors) for spec in functions]
    return [Tool(function_declarations=made)] if made else []


def functions_of(catalogs: Sequence[ToolCatalog]) -> list[FunctionSpec]:
    """All that the connected routers offer."""
    return [spec for catalog in catalogs for spec in catalog.functions]


def _declaration(spec: FunctionSpec, behaviors: frozenset[str] | None) -> FunctionDeclaration:
    behavior = "" if spec.blocking is None else ("BLOCKING" if spec.blocking else "NON_BLOCKING")
    if behaviors is not None and behavior not in behaviors:
        behavior = ""
    # A function without arguments declares no schema: an empty object is refused by some models.
    schema = dict(spec.parameters) if spec.parameters.get("properties") else None
    return FunctionDeclaration(
        name=spec.name, description=spec.description, parameters_json_schema=schema, behavior=behavior
    )


def encode_setup(
    setup: Setup,
    extra: Mapping[str, Any],
    *,
    model: str,
    tools: Sequence[Tool] = (),
    handle: str = "",
    history_first: bool = False,
) -> str:
    """The first message of a connection. ``model`` is the endpoint's name of it.

    ``history_first``: ``clientContent`` follows that is history, and wants no answer.
    """
    resumption = setup.session_resumption
    if handle:
        resumption = msgspec.structs.replace(resumption or SessionResumptionConfig(), handle=handle)
    complete = msgspec.structs.replace(
        setup,
        model=model,
        tools=[*tools, *setup.tools],
        session_resumption=resumption,
        history_config=HistoryConfig(True) if history_first else setup.history_config,
    )
    return encode_client(ClientMessage(setup=complete), extra=extra).decode()

"""From the options of the box to its ``Settings``, the ``setup`` message among them. Pure but for files they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...liveapi import Content, GenerationConfig, ProactivityConfig, Setup
from .colleagues.persona import Persona
from .credentials import credentials_from
from .endpoint import Access
from .options import setup as make
from .options.groups import DEFAULT_ANSWER_WAIT, Resumption
from .settings import Settings

__all__ = ["settings_as", "settings_from"]


def settings_from(options: Mapping[str, Any]) -> Settings:
    """What ``options``, all of the box's by name, come to.

    Raises ``OSError`` when a recording or a picture cannot be read, ``ConfigError`` or ``ValueError`` for a source of
    credentials that is none, and ``WireError`` for tools that are not of the API's shape.
    """
    resumption = options["session_resumption"]
    return Settings(
        _setup(options),
        options["extra"] or {},
        Access(
            options["endpoint"],
            options["url"],
            options["api_version"],
            options["api_key"],
            options["token"],
            options["project"],
            options["location"],
            options["quota_project"],
            credentials_from(options["credentials"]),
        ),
        options["greeting"],
        options["history"],
        options["save_history"],
        resumption.handle if isinstance(resumption, Resumption) else "",
        options["pre_roll"] if options["activity"] == "manual" else None,
        options["video_interval"],
        options["video_size"],
        options["renew_after"],
        options["finish_after"],
        options["answer_timeout"],
        options["prices"],
        options["answer"] or DEFAULT_ANSWER_WAIT,
        None,
        options["max_result_characters"],
    )


def settings_as(persona: Persona, options: Mapping[str, Any]) -> Settings:
    """The same for one of ``agents``: its own options before the box's, its instructions after them."""
    own = persona.overrides()
    if options["instructions"] and "instructions" in own:
        own["instructions"] = f"{options['instructions']}\n\n{own['instructions']}"
    settings = settings_from({**options, **own})
    return replace(settings, greeting=persona.greeting or settings.greeting)


def _setup(options: Mapping[str, Any]) -> Setup:
    instructions = options["instructions"]
    proactivity = ProactivityConfig(options["proactive_audio"], options["proactive_video"])
    return Setup(
        model=options["model"],
        generation_config=_generation(options),
        system_instruction=Content.of_text(instructions) if instructions else None,
        tools=make.built_in_tools(
            options["google_search"],
            code=options["code_execution"],
            urls=options["url_context"],
            more=options["more_tools"],
        ),
        realtime_input_config=make.realtime_input(
            options["activity"],
            options["vad"],
            options["activity_handling"],
            options["turn_coverage"],
            options["interim_timestamps"],
        ),
        session_resumption=make.session_resumption(options["session_resumption"]),
        context_window_compression=make.compression(options["context_compression"]),
        input_audio_transcription=make.transcription(options["input_transcription"]),
        output_audio_transcription=make.transcription(options["output_transcription"]),
        proactivity=proactivity if proactivity != ProactivityConfig() else None,
        explicit_vad_signal=options["explicit_vad_signal"],
        avatar_config=make.avatar_config(options["avatar"]),
        safety_settings=make.safety_settings(options["safety"]),
        labels=dict(options["labels"]),
    )


def _generation(options: Mapping[str, Any]) -> GenerationConfig:
    resolution = options["media_resolution"]
    return GenerationConfig(
        response_modalities=[options["answers"].upper()],
        speech_config=make.speech_config(
            options["voice"], options["voice_id"], options["voice_sample"], options["language"]
        ),
        temperature=options["temperature"],
        top_p=options["top_p"],
        top_k=options["top_k"],
        max_output_tokens=options["max_output_tokens"],
        presence_penalty=options["presence_penalty"],
        frequency_penalty=options["frequency_penalty"],
        seed=options["seed"],
        media_resolution=f"MEDIA_RESOLUTION_{resolution.upper()}" if resolution else "",
        thinking_config=make.thinking_config(options["thinking"]),
        enable_affective_dialog=options["affective_dialog"],
        translation_config=make.translation_config(options["translation"]),
        audio_transcription_config=make.transcription(options["audio_transcription"]),
    )

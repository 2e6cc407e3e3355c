"""Reading `setup`: what a session is to do, or why it cannot begin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from ..liveapi import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    Content,
    ContextWindowCompression,
    FunctionDeclaration,
    GenerationConfig,
    JsonObject,
    Setup,
    Tool,
)
from ..liveapi.models import ModelCapabilities, capabilities, is_known, model_id
from .behaviour import Behaviour
from .closings import Closing
from .hearing import HearingSettings
from .model_rules import check_for_model
from .strictness import check_values, is_strict
from .voice import DEFAULT_VOICE, is_known_voice

__all__ = [
    "Compression",
    "RequestedApi",
    "SessionSetup",
    "declared_functions",
    "instruction_text",
    "read_setup",
]

_MILLISECOND = 1_000_000
_IMAGE_TOKENS = 256
_LOW_IMAGE_TOKENS = 64
_WINDOW = 131_072


@dataclass(frozen=True, slots=True)
class RequestedApi:
    """By which path a client came: the Gemini API's or Vertex AI's, and the version in it."""

    vertex: bool = False
    version: str = "v1beta"


@dataclass(frozen=True, slots=True)
class Compression:
    """From how many tokens on the context is compressed, and to how many."""

    trigger: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """A checked `setup`, as far as the simulator acts on it."""

    model: str
    can: ModelCapabilities
    voice: str
    speaks: bool
    """Whether it answers in sound; else in text."""
    instruction: str
    functions: tuple[FunctionDeclaration, ...]
    hearing: HearingSettings
    interruptible: bool
    coverage: str
    input_transcripts: AudioTranscriptionConfig | None
    output_transcripts: bool
    interim: bool
    """Whether guesses at what the user is saying are sent."""
    reports_activity: bool
    vad_signal: bool
    """Whether activity is reported by the older signal too."""
    cancels: bool
    """Whether an interruption announces the calls that it cancels."""
    thoughts: bool
    handle: str
    """The session to resume, or ``""``."""
    resumable: bool
    """Whether handles are given."""
    transparent: bool
    """Whether the client is told which of its messages were consumed."""
    history_first: bool
    """Whether ``clientContent`` fills the history, without an answer, until one of them is complete."""
    strict: bool
    """Whether it is held to the letter."""
    content_any_time: bool
    compression: Compression | None
    image_tokens: int
    vertex: bool

    @property
    def older(self) -> bool:
        """Whether the model is of a generation that has one field in each event: 2.x."""
        return not self.can.several_fields_per_event

    def is_blocking(self, name: str) -> bool:
        """Whether the model waits for the function: as it is declared, else as the model does by default."""
        declared = next((function for function in self.functions if function.name == name), None)
        behavior = declared.behavior.upper() if declared else ""
        if behavior not in ("BLOCKING", "NON_BLOCKING") or behavior not in self.can.tool_behaviors:
            behavior = self.can.default_tool_behavior
        return behavior == "BLOCKING"

    def declarations(self) -> list[JsonObject]:
        """The functions as JSON, for a brain."""
        return [msgspec.to_builtins(function) for function in self.functions]


def read_setup(setup: Setup, behaviour: Behaviour, api: RequestedApi | None = None) -> SessionSetup:
    """Check a `setup` and take from it what matters here.

    Raises:
        Closing: the service would not open such a session.
    """
    api = api or RequestedApi()
    if not setup.model:
        raise Closing.invalid()
    can = capabilities(setup.model)
    strict = is_strict(behaviour, setup.model)
    if strict:
        check_values(setup)
    _refuse(setup, can, behaviour, api, strict=strict)
    config = setup.generation_config or GenerationConfig()
    realtime, resumption = setup.realtime_input_config, setup.session_resumption
    history = setup.history_config
    coverage = (realtime.turn_coverage.upper() if realtime else "") or can.turn_coverage
    if coverage in ("", "TURN_COVERAGE_UNSPECIFIED"):
        coverage = "TURN_INCLUDES_ONLY_ACTIVITY"
    hearing = _hearing((realtime and realtime.automatic_activity_detection) or None, vertex=api.vertex)
    hearing = replace(hearing, all_input=coverage == "TURN_INCLUDES_ALL_INPUT")
    return SessionSetup(
        model=setup.model,
        can=can,
        voice=_voice(config, setup.model),
        speaks="TEXT" not in (name.upper() for name in config.response_modalities),
        instruction=instruction_text(setup.system_instruction),
        functions=declared_functions(setup.tools),
        hearing=hearing,
        interruptible=not (realtime and realtime.activity_handling.upper() == "NO_INTERRUPTION"),
        coverage=coverage,
        input_transcripts=setup.input_audio_transcription,
        output_transcripts=setup.output_audio_transcription is not None,
        interim=behaviour.interim_transcripts
        or bool(realtime and realtime.interim_transcript_timestamp_enabled),
        reports_activity=hearing.automatic
        and _first(behaviour.send_voice_activity, can.sends_voice_activity),
        vad_signal=bool(setup.explicit_vad_signal),
        cancels=_first(behaviour.send_cancellation, can.cancels_tool_calls),
        thoughts=bool(config.thinking_config and config.thinking_config.include_thoughts),
        handle=resumption.handle if resumption else "",
        # The newest models give a handle unasked.
        resumable=resumption is not None or can.several_fields_per_event,
        transparent=bool(api.vertex and resumption and resumption.transparent),
        history_first=bool(history and history.initial_history_in_client_content),
        strict=strict,
        content_any_time=not strict or can.client_content == "any_time",
        compression=_compression(setup.context_window_compression, can),
        image_tokens=_LOW_IMAGE_TOKENS
        if config.media_resolution == "MEDIA_RESOLUTION_LOW"
        else _IMAGE_TOKENS,
        vertex=api.vertex,
    )


def declared_functions(tools: list[Tool]) -> tuple[FunctionDeclaration, ...]:
    """All functions of all tools."""
    return tuple(function for tool in tools for function in tool.function_declarations)


def instruction_text(content: Content | None) -> str:
    """The system instruction, each part a paragraph."""
    return "\n\n".join(part.text for part in content.parts if part.text) if content else ""


def _first(*choices: bool | None) -> bool:
    """The first that is made; with none, yes."""
    return next((choice for choice in choices if choice is not None), True)


def _refuse(
    setup: Setup, can: ModelCapabilities, behaviour: Behaviour, api: RequestedApi, *, strict: bool
) -> None:
    """Raise for the first thing that the service would object to, or, when not strict, could not do."""
    model = model_id(setup.model)
    known = is_known(model) or model in behaviour.models
    if strict and (not known or can.shut_down):
        raise Closing.unknown_model(model, api.version)
    check_for_model(setup, vertex=api.vertex, strict=strict)


def _voice(config: GenerationConfig, model: str) -> str:
    wanted = config.speech_config.voice_config if config.speech_config else None
    if wanted is None:
        return DEFAULT_VOICE
    name = wanted.voice or (wanted.prebuilt_voice_config.voice_name if wanted.prebuilt_voice_config else "")
    if name and not is_known_voice(name):
        raise Closing.voice(name, model)
    return name or DEFAULT_VOICE


def _compression(config: ContextWindowCompression | None, can: ModelCapabilities) -> Compression | None:
    if config is None:
        return None
    trigger = config.trigger_tokens or (can.input_tokens or _WINDOW) * 4 // 5
    target = (config.sliding_window.target_tokens if config.sliding_window else None) or trigger // 2
    if not 0 < target < trigger:
        raise Closing.invalid()
    return Compression(trigger, target)


def _hearing(config: AutomaticActivityDetection | None, *, vertex: bool) -> HearingSettings:
    """The detector's numbers. Sensitivities are high by default, on Vertex low."""
    config = config or AutomaticActivityDetection()

    def high(value: str) -> bool:
        return not vertex if value.endswith("UNSPECIFIED") or not value else value.endswith("HIGH")

    for given in (config.prefix_padding_ms, config.silence_duration_ms):
        if given is not None and not 0 <= given <= 60_000:
            raise Closing.invalid()
    plain = HearingSettings()
    return HearingSettings(
        automatic=not config.disabled,
        threshold=0.5 if high(config.start_of_speech_sensitivity) else 0.75,
        exit_threshold=0.35 if high(config.end_of_speech_sensitivity) else 0.2,
        min_speech_ns=plain.min_speech_ns
        if config.prefix_padding_ms is None
        else config.prefix_padding_ms * _MILLISECOND,
        silence_ns=plain.silence_ns
        if config.silence_duration_ms is None
        else config.silence_duration_ms * _MILLISECOND,
    )

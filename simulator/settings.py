"""Reading `setup`: what a session is to do, or why it cannot begin."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ..processors.gemini_live.wire import (
    AutomaticActivityDetection,
    Content,
    FunctionDeclaration,
    GenerationConfig,
    JsonObject,
    Setup,
    Tool,
    WireError,
)
from .closings import Closing
from .hearing import HearingSettings
from .voice import DEFAULT_VOICE, is_known_voice

__all__ = ["Settings", "declared_functions", "instruction_text", "read_setup"]

_MILLISECOND = 1_000_000
_IMAGE_TOKENS = 256
_LOW_IMAGE_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked `setup`, as far as the simulator acts on it."""

    model: str
    voice: str
    instruction: str
    functions: tuple[FunctionDeclaration, ...]
    hearing: HearingSettings
    interruptible: bool
    input_transcripts: bool
    output_transcripts: bool
    handle: str
    """The session to resume, or ``""``."""
    history_first: bool
    """Whether ``clientContent`` fills the history, without an answer, until one of them is complete."""
    image_tokens: int
    vertex: bool

    def is_blocking(self, name: str) -> bool:
        """Whether the model waits for the function: unless it is declared ``NON_BLOCKING``."""
        declared = next((function for function in self.functions if function.name == name), None)
        return declared is None or declared.behavior.upper() != "NON_BLOCKING"

    def declarations(self) -> list[JsonObject]:
        """The functions as JSON, for a brain."""
        return [msgspec.to_builtins(function) for function in self.functions]


def read_setup(setup: Setup, *, strict: bool = False, vertex: bool = False) -> Settings:
    """Check a `setup` and take from it what matters here.

    Args:
        strict: refuse also what the real service refuses and the simulator could overlook.
        vertex: the client came on Vertex AI's path, where a few more fields exist.

    Raises:
        Closing: the service would not open such a session.
    """
    if not setup.model:
        raise Closing.invalid()
    config = setup.generation_config or GenerationConfig()
    modalities = [name.upper() for name in config.response_modalities]
    if any(name not in ("AUDIO", "MODALITY_UNSPECIFIED") for name in modalities):
        raise Closing.modality(", ".join(modalities))
    if strict and not vertex:
        _refuse_vertex_fields(setup)
    realtime = setup.realtime_input_config
    resumption = setup.session_resumption
    return Settings(
        model=setup.model,
        voice=_voice(config, setup.model),
        instruction=instruction_text(setup.system_instruction),
        functions=declared_functions(setup.tools),
        hearing=_hearing((realtime and realtime.automatic_activity_detection) or None, vertex=vertex),
        interruptible=not (realtime and realtime.activity_handling.upper() == "NO_INTERRUPTION"),
        input_transcripts=setup.input_audio_transcription is not None,
        output_transcripts=setup.output_audio_transcription is not None,
        handle=resumption.handle if resumption else "",
        history_first=bool(setup.history_config and setup.history_config.initial_history_in_client_content),
        image_tokens=_LOW_IMAGE_TOKENS
        if config.media_resolution == "MEDIA_RESOLUTION_LOW"
        else _IMAGE_TOKENS,
        vertex=vertex,
    )


def declared_functions(tools: list[Tool]) -> tuple[FunctionDeclaration, ...]:
    """All functions of all tools."""
    return tuple(function for tool in tools for function in tool.function_declarations)


def instruction_text(content: Content | None) -> str:
    """The system instruction, each part a paragraph."""
    return "\n\n".join(part.text for part in content.parts if part.text) if content else ""


def _voice(config: GenerationConfig, model: str) -> str:
    wanted = config.speech_config.voice_config if config.speech_config else None
    if wanted is None:
        return DEFAULT_VOICE
    name = wanted.voice or (wanted.prebuilt_voice_config.voice_name if wanted.prebuilt_voice_config else "")
    if name and not is_known_voice(name):
        raise Closing.voice(name, model)
    return name or DEFAULT_VOICE


def _refuse_vertex_fields(setup: Setup) -> None:
    resumption = setup.session_resumption
    for name, path, present in (
        (
            "transparent",
            "setup.session_resumption",
            resumption is not None and resumption.transparent is not None,
        ),
        ("explicitVadSignal", "setup", setup.explicit_vad_signal is not None),
    ):
        if present:
            raise Closing(1007, str(WireError.unknown_name(name, path)))


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

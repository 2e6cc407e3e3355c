"""From options to the ``setup`` message, and which of them the model or the endpoint will refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from ....pipeline.errors import Fix
from ....pipeline.options import Doc, Duration
from ....pipeline.processor import OptionFault
from ....pipeline.spelling import sure
from ....pipeline.units import MS
from ...tool_catalog import FunctionSpec, ToolCatalog
from ..session.closing import option_at
from ..wire import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    ClientMessage,
    ContextWindowCompression,
    FunctionDeclaration,
    PrebuiltVoiceConfig,
    RealtimeInputConfig,
    SessionResumptionConfig,
    Setup,
    SlidingWindow,
    SpeechConfig,
    ThinkingConfig,
    Tool,
    VoiceConfig,
    WireError,
    decode_client,
    encode_client,
)
from ..wire.models import capabilities
from ..wire.setup_check import refusals

__all__ = [
    "ContextCompression",
    "Thinking",
    "Vad",
    "compression",
    "encode_setup",
    "option_faults",
    "realtime_input",
    "session_resumption_config",
    "speech_config",
    "thinking_config",
    "tools_of",
    "transcription",
]

Sensitivity = Literal["high", "low"]
ActivityHandling = Literal["interrupts", "no_interruption"]
TurnCoverage = Literal["only_activity", "all_input", "audio_activity_and_all_video"]

_HANDLING = {"interrupts": "START_OF_ACTIVITY_INTERRUPTS", "no_interruption": "NO_INTERRUPTION"}


@dataclass(frozen=True, slots=True)
class Vad:
    """The service's own voice activity detection; what is left out is the service's default."""

    start_sensitivity: Sensitivity | None = None
    """How readily it hears speech begin."""
    end_sensitivity: Sensitivity | None = None
    """How readily it hears speech end."""
    prefix_padding: Annotated[Duration | None, Doc("speech needed before its beginning counts")] = None
    silence: Annotated[Duration | None, Doc("silence that ends speech; 500 to 800 ms is usual")] = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much the model thinks before it speaks; which of these it takes depends on the model."""

    level: Literal["minimal", "low", "medium", "high"] | None = None
    budget: int | None = None
    """Tokens, for 2.5 models: 0 is off, -1 automatic."""


@dataclass(frozen=True, slots=True)
class ContextCompression:
    """When the oldest turns are dropped and how much stays, in tokens."""

    trigger_tokens: int | None = None
    """Default: 80 % of the model's window."""
    target_tokens: int | None = None
    """Default: half of the trigger."""


def realtime_input(
    vad: Vad | None, handling: ActivityHandling | None, coverage: TurnCoverage | None
) -> RealtimeInputConfig | None:
    """How realtime input makes turns; ``None`` where all is left to the service."""
    detection = None
    if vad is not None:
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
    )
    return made if made != RealtimeInputConfig() else None


def speech_config(voice: str, language: str) -> SpeechConfig | None:
    """How the model sounds."""
    named = VoiceConfig(prebuilt_voice_config=PrebuiltVoiceConfig(voice)) if voice else None
    return SpeechConfig(voice_config=named, language_code=language) if voice or language else None


def session_resumption_config(wanted: bool) -> SessionResumptionConfig | None:
    """Present asks for handles."""
    return SessionResumptionConfig() if wanted else None


def thinking_config(thinking: Thinking | None) -> ThinkingConfig | None:
    """``None`` leaves thinking to the model: some take no word about it at all."""
    if thinking is None:
        return None
    return ThinkingConfig(thinking_level=(thinking.level or "").upper(), thinking_budget=thinking.budget)


def compression(asked: bool | ContextCompression) -> ContextWindowCompression | None:
    """``True`` takes the service's own numbers."""
    if asked is False:
        return None
    if asked is True:
        return ContextWindowCompression(sliding_window=SlidingWindow())
    return ContextWindowCompression(asked.trigger_tokens, SlidingWindow(asked.target_tokens))


def transcription(wanted: bool, languages: Sequence[str] = ()) -> AudioTranscriptionConfig | None:
    """Present asks for transcripts."""
    return AudioTranscriptionConfig(language_codes=list(languages)) if wanted else None


def tools_of(catalogs: Sequence[ToolCatalog]) -> list[Tool]:
    """The functions of all routers as one tool; empty when there are none."""
    functions = [_declaration(spec) for catalog in catalogs for spec in catalog.functions]
    return [Tool(function_declarations=functions)] if functions else []


def _declaration(spec: FunctionSpec) -> FunctionDeclaration:
    behavior = "" if spec.blocking is None else ("BLOCKING" if spec.blocking else "NON_BLOCKING")
    # A function without arguments declares no schema: an empty object is refused by some models.
    schema = dict(spec.parameters) if spec.parameters.get("properties") else None
    return FunctionDeclaration(
        name=spec.name, description=spec.description, parameters_json_schema=schema, behavior=behavior
    )


def encode_setup(
    setup: Setup, extra: Mapping[str, Any], *, model: str, tools: Sequence[Tool], handle: str
) -> str:
    """The first message of a connection. ``model`` is the endpoint's name of it."""
    resumption = setup.session_resumption
    if resumption is not None and handle:
        resumption = msgspec.structs.replace(resumption, handle=handle)
    complete = msgspec.structs.replace(
        setup, model=model, tools=[*tools, *setup.tools], session_resumption=resumption
    )
    return encode_client(ClientMessage(setup=complete), extra=extra).decode()


def option_faults(
    setup: Setup, extra: Mapping[str, Any], given: Mapping[str, Any], *, vertex: bool
) -> Iterator[OptionFault]:
    """What the model or the endpoint will refuse, by the option that asks for it."""
    try:
        whole = decode_client(encode_client(ClientMessage(setup=setup), extra=extra)).setup
    except WireError as error:
        yield OptionFault("extra", f"`extra` does not fit the setup message: {error}")
        return
    assert whole is not None
    for refusal in refusals(whole, vertex=vertex):
        option = option_at(refusal.path)
        if option not in given:
            option = "extra" if extra else "model"
        voices = sorted(capabilities(setup.model).voices or ()) if option == "voice" else []
        hint = f"voices: {', '.join(voices)}" if voices else ""
        certain = sure(str(given.get(option)), voices) if voices else None
        fix = Fix(certain) if certain else None
        yield OptionFault(option, refusal.reason.rstrip("."), hint, code="LG240", fix=fix)
    if "language" in given and not capabilities(setup.model).honours_language_code:
        yield OptionFault(
            "language",
            f"{setup.model} chooses its language itself and ignores `language`",
            "say it in the instructions",
            warning=True,
            code="LG240",
        )

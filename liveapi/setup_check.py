"""What of a setup its model or endpoint will refuse, found before the call: pure, over the wire types."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .models import DEFAULT_MODEL, ModelCapabilities, capabilities, models_that
from .setup import GenerationConfig, Setup, ThinkingConfig
from .tools import FunctionDeclaration, Tool

__all__ = ["Refusal", "refusals"]

MAX_FUNCTIONS = 512
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", re.ASCII)
_NOT_IN_LIVE = (
    "stop_sequences",
    "response_logprobs",
    "logprobs",
    "response_mime_type",
    "response_schema",
    "response_json_schema",
    "routing_config",
    "audio_timestamp",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field that would end the connection.

    `path` is in snake_case, as in ``setup.generation_config.thinking_config``; `reason` is a sentence for the
    user.
    """

    path: str
    reason: str
    instead: str = ""
    """Which models can do it: ``translates: gemini-...``; empty where none is known."""


def refusals(setup: Setup, *, vertex: bool = False) -> list[Refusal]:
    """All that is known to be refused in this setup, in its own order; empty when there is nothing to object
    to.

    Of a model that the table does not know, only what no model takes is refused.
    """
    can = capabilities(setup.model, vertex=vertex)
    return [
        Refusal(f"setup.{path}", reason, *instead) for path, reason, *instead in _setup(setup, can, vertex)
    ]


_Found = tuple[str, str] | tuple[str, str, str]
"""A path, a reason, and what can do it instead."""


def _instead(does: str, field: str, able: Callable[[ModelCapabilities], bool]) -> str:
    names = models_that(field, able)
    return f"{does}: {', '.join(names)}" if names else ""


def _setup(setup: Setup, can: ModelCapabilities, vertex: bool) -> Iterator[_Found]:
    if not setup.model:
        yield "model", "A model is required."
    elif can.shut_down:
        yield "model", f"{can.name} is no longer served.", f"served: {DEFAULT_MODEL}"
    if setup.generation_config is not None:
        for path, reason, *more in _generation(setup.generation_config, can):
            yield f"generation_config.{path}", reason, "".join(more)
    yield from _tools(setup.tools, can)
    if not vertex:
        yield from _vertex_only(setup)
    window = setup.context_window_compression
    if window is not None and window.sliding_window is not None:
        trigger, target = window.trigger_tokens, window.sliding_window.target_tokens
        if trigger is not None and target is not None and target >= trigger:
            reason = f"The target ({target}) must be below the trigger ({trigger})."
            yield "context_window_compression.sliding_window.target_tokens", reason
    if setup.proactivity is not None:
        audio, video = setup.proactivity.proactive_audio, setup.proactivity.proactive_video
        if can.proactive_audio == "no" and audio:
            instead = _instead(
                "has proactive audio", "proactive_audio", lambda one: one.proactive_audio != "no"
            )
            yield "proactivity.proactive_audio", f"{can.name} has no proactive audio.", instead
        elif can.proactive_audio == "always" and audio is False:
            yield "proactivity.proactive_audio", f"{can.name} always has proactive audio; leave it out."
        if video and not audio and can.proactive_audio != "always":
            yield "proactivity.proactive_video", "Proactive video needs proactive audio."
    if setup.avatar_config is not None:
        config = setup.generation_config
        if config is None or "VIDEO" not in config.response_modalities:
            yield "avatar_config", "An avatar needs the response modality VIDEO."


def _generation(config: GenerationConfig, can: ModelCapabilities) -> Iterator[_Found]:
    asked = [modality.upper() for modality in config.response_modalities]
    if len(asked) > 1:
        yield "response_modalities", "A session has one response modality."
    elif not can.modalities.issuperset(asked):
        offer = " or ".join(sorted(can.modalities))
        hint = "; for text, ask for output_audio_transcription" if can.modalities == {"AUDIO"} else ""
        instead = _instead(f"responds in {asked[0]}", "modalities", lambda one: asked[0] in one.modalities)
        yield "response_modalities", f"{can.name} responds in {offer}, not in {asked[0]}{hint}.", instead
    speech = config.speech_config
    if speech is not None:
        if speech.multi_speaker_voice_config is not None:
            yield "speech_config.multi_speaker_voice_config", "A Live session has one speaker."
        voice = speech.voice_config.prebuilt_voice_config if speech.voice_config else None
        if voice is not None and can.voices is not None and voice.voice_name not in can.voices:
            near = _nearest(voice.voice_name, can.voices)
            path = "speech_config.voice_config.prebuilt_voice_config.voice_name"
            yield (
                path,
                f"{can.name} has no voice {voice.voice_name!r}"
                + (f"; did you mean {near}?" if near else "."),
            )
    if config.thinking_config is not None:
        yield from _thinking(config.thinking_config, can)
    if config.enable_affective_dialog is not None and not can.affective_dialog:
        instead = _instead("has affective dialog", "affective_dialog", lambda one: one.affective_dialog)
        yield "enable_affective_dialog", f"{can.name} has no affective dialog; leave it out.", instead
    if config.translation_config is not None and not can.translation:
        instead = _instead("translates", "translation", lambda one: one.translation)
        yield "translation_config", f"{can.name} does not translate.", instead
    for name in _NOT_IN_LIVE:
        if getattr(config, name) not in (None, "", []):
            yield name, "Not supported in a Live session."


def _nearest(name: str, known: frozenset[str]) -> str | None:
    """The voice that was meant: by another casing first, then by likeness."""
    by_lower = {voice.lower(): voice for voice in sorted(known)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def _thinking(config: ThinkingConfig, can: ModelCapabilities) -> Iterator[_Found]:
    if can.thinking == "none":
        instead = _instead("thinks", "thinking", lambda one: one.thinking != "none")
        yield "thinking_config", f"{can.name} takes no thinking options; leave them out.", instead
        return
    if config.thinking_budget is not None and can.thinking == "level":
        instead = _instead("takes a budget", "thinking", lambda one: one.thinking == "budget")
        yield "thinking_config.thinking_budget", f"{can.name} takes a thinking level, not a budget.", instead
    if config.thinking_level:
        if can.thinking == "budget":
            instead = _instead("takes a level", "thinking", lambda one: one.thinking == "level")
            yield (
                "thinking_config.thinking_level",
                f"{can.name} takes a thinking budget, not a level.",
                instead,
            )
        elif can.thinking == "level" and config.thinking_level.upper() not in can.thinking_levels:
            offer = ", ".join(
                level for level in ("MINIMAL", "LOW", "MEDIUM", "HIGH") if level in can.thinking_levels
            )
            yield (
                "thinking_config.thinking_level",
                f"{can.name} thinks at {offer}, not {config.thinking_level}.",
            )


def _tools(tools: list[Tool], can: ModelCapabilities) -> Iterator[_Found]:
    if sum(len(tool.function_declarations) for tool in tools) > MAX_FUNCTIONS:
        yield "tools", f"A session has at most {MAX_FUNCTIONS} functions."
    for index, tool in enumerate(tools):
        for name, able in (
            ("google_search", can.google_search),
            ("code_execution", can.code_execution),
            ("url_context", can.url_context),
        ):
            if getattr(tool, name) is not None and not able:
                said = name.replace("_", " ")
                instead = _instead(f"has {said}", name, _having(name))
                yield f"tools[{index}].{name}", f"{can.name} has no {said}.", instead
        for number, function in enumerate(tool.function_declarations):
            for path, reason, *more in _function(function, can):
                yield f"tools[{index}].function_declarations[{number}].{path}", reason, "".join(more)


def _having(field: str) -> Callable[[ModelCapabilities], bool]:
    return lambda one: bool(getattr(one, field))


def _function(function: FunctionDeclaration, can: ModelCapabilities) -> Iterator[_Found]:
    if not _FUNCTION_NAME.fullmatch(function.name):
        rule = "a letter or _, then letters, digits, _ . : or -, at most 128"
        yield "name", f"{function.name[:130]!r} is no function name: {rule}."
    if function.parameters is not None and function.parameters_json_schema is not None:
        yield "parameters", "Give parameters or parameters_json_schema, not both."
    behavior = function.behavior.upper()
    if behavior in ("BLOCKING", "NON_BLOCKING") and behavior not in can.tool_behaviors:
        yield (
            "behavior",
            f"On {can.name} functions are {' or '.join(sorted(can.tool_behaviors))}, not {behavior}.",
            _instead(
                f"takes {behavior} functions", "tool_behaviors", lambda one: behavior in one.tool_behaviors
            ),
        )


def _vertex_only(setup: Setup) -> Iterator[_Found]:
    if setup.session_resumption is not None and setup.session_resumption.transparent is not None:
        yield "session_resumption.transparent", "Transparent resumption exists on Vertex only."
    if setup.explicit_vad_signal is not None:
        yield "explicit_vad_signal", "The explicit VAD signal exists on Vertex only."
    for index, setting in enumerate(setup.safety_settings):
        if setting.method:
            yield f"safety_settings[{index}].method", "A method of blocking can be chosen on Vertex only."

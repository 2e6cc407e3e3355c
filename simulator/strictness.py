"""What the service refuses because it is none of its values: enumerations, ranges, roles. Sans I/O.

The documented numbers and names are kept here, and not in the client's own check of a setup, so that a client that
believes something else is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from ..liveapi import Content, GenerationConfig, Setup, enums
from ..liveapi.models import capabilities, is_known, model_id
from .behaviour import Behaviour
from .closings import Closing

__all__ = ["check_roles", "check_values", "is_strict"]

_RANGES = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
    "candidate_count": (1, 1),
    "max_output_tokens": (1, 65_536),
}
_ROLES = ("user", "model")


def is_strict(behaviour: Behaviour, model: str) -> bool:
    """Whether a session with this model is held to the letter: by default when the model is known, and still served."""
    if behaviour.strict is not None:
        return behaviour.strict
    can = capabilities(model)
    return (is_known(model) and not can.shut_down) or model_id(model) in behaviour.models


def check_values(setup: Setup) -> None:
    """Raise ``Closing`` for the first value of a setup that its field does not have."""
    for path, value, known in _enumerations(setup):
        if value and value.upper() not in {each.value for each in known}:
            kind = f"type.googleapis.com/google.ai.generativelanguage.{known.__name__}"
            raise Closing(1007, f"Invalid value at '{path}' ({kind}), \"{value[:40]}\"")
    config = setup.generation_config or GenerationConfig()
    for name, (least, most) in _RANGES.items():
        number = getattr(config, name)
        if number is not None and not least <= number <= most:
            raise Closing.invalid(f"{name} must be in the range [{least}, {most}].")


def check_roles(turns: list[Content], *, older: bool, vertex: bool) -> str | None:
    """What a turn of the role ``system`` says, which replaces the instruction on Vertex AI; None where there is none.

    Raises:
        Closing: a role that does not exist there, or none where the model wants one.
    """
    instruction: str | None = None
    for turn in turns:
        role = turn.role.lower()
        if role == "system" and vertex:
            instruction = turn.plain_text
        elif not role and not older:
            raise Closing.invalid()
        elif role and role not in _ROLES:
            raise Closing(1007, f"Please use a valid role: {', '.join(_ROLES)}.")
    return instruction


def _enumerations(setup: Setup) -> Iterator[tuple[str, str, type[StrEnum]]]:
    """The places of enumerations in a setup, what stands there, and what may."""
    config, realtime = setup.generation_config, setup.realtime_input_config
    if config is not None:
        at = "setup.generation_config"
        for number, name in enumerate(config.response_modalities):
            yield f"{at}.response_modalities[{number}]", name, enums.Modality
        yield f"{at}.media_resolution", config.media_resolution, enums.MediaResolution
        if config.thinking_config is not None:
            level = config.thinking_config.thinking_level
            yield f"{at}.thinking_config.thinking_level", level, enums.ThinkingLevel
    if realtime is not None:
        at = "setup.realtime_input_config"
        yield f"{at}.activity_handling", realtime.activity_handling, enums.ActivityHandling
        yield f"{at}.turn_coverage", realtime.turn_coverage, enums.TurnCoverage
        detection = realtime.automatic_activity_detection
        if detection is not None:
            at += ".automatic_activity_detection"
            start, end = detection.start_of_speech_sensitivity, detection.end_of_speech_sensitivity
            yield f"{at}.start_of_speech_sensitivity", start, enums.StartSensitivity
            yield f"{at}.end_of_speech_sensitivity", end, enums.EndSensitivity
    for side in ("input_audio_transcription", "output_audio_transcription"):
        if (transcription := getattr(setup, side)) is not None:
            yield f"setup.{side}.mode", transcription.mode, enums.TranscriptionMode
    for number, setting in enumerate(setup.safety_settings):
        at = f"setup.safety_settings[{number}]"
        yield f"{at}.category", setting.category, enums.HarmCategory
        yield f"{at}.threshold", setting.threshold, enums.HarmBlockThreshold
        yield f"{at}.method", setting.method, enums.HarmBlockMethod
    for number, tool in enumerate(setup.tools):
        for index, function in enumerate(tool.function_declarations):
            at = f"setup.tools[{number}].function_declarations[{index}]"
            yield f"{at}.behavior", function.behavior, enums.Behavior
            if function.parameters is not None:
                yield f"{at}.parameters.type", function.parameters.type, enums.SchemaType

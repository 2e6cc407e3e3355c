"""What the service refuses of a setup because the model, or the endpoint, does not take it. Sans I/O.

Written down from the models' documentation a second time, apart from ``liveapi.models`` and ``liveapi.setup_check``:
those are what the client believes, and who is judged by them is not to be the judge. A test holds the two against each
other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..liveapi import FunctionDeclaration, GenerationConfig, Setup, WireError
from .closings import Closing

__all__ = ["check_for_model"]

_AUDIO = frozenset({"AUDIO"})
_EVERY_KIND = frozenset({"AUDIO", "TEXT", "VIDEO", "IMAGE"})
_BOTH = frozenset({"BLOCKING", "NON_BLOCKING"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", re.ASCII)
_MOST_FUNCTIONS = 512
_NEVER_IN_LIVE = (
    *("stop_sequences", "response_logprobs", "logprobs", "response_mime_type", "response_schema"),
    *("response_json_schema", "routing_config", "audio_timestamp"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """What a family of models takes; the defaults are for one of which nothing is documented."""

    answers_in: frozenset[str] = _EVERY_KIND
    answers_in_at_vertex: frozenset[str] = frozenset()
    """Beside those."""
    thinking_budget: bool = True
    thinking_levels: frozenset[str] = frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"})
    code_execution: bool = True
    url_context: bool = True
    behaviors: frozenset[str] = _BOTH
    proactive_audio: frozenset[bool] = frozenset({False, True})
    """Values that may be given."""
    affective_dialog: bool = True
    translation: bool = True

    @property
    def thinks(self) -> bool:
        return self.thinking_budget or bool(self.thinking_levels)


_2_5 = _Rules(answers_in=_AUDIO, thinking_levels=frozenset(), url_context=False, translation=False)
_3_1 = _Rules(
    answers_in=_AUDIO,
    thinking_budget=False,
    thinking_levels=frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH"}),
    code_execution=False,
    url_context=False,
    behaviors=frozenset({"BLOCKING"}),
    proactive_audio=frozenset({False}),
    affective_dialog=False,
    translation=False,
)
_3_8 = _Rules(
    answers_in=_AUDIO,
    answers_in_at_vertex=frozenset({"VIDEO"}),
    thinking_budget=False,
    thinking_levels=frozenset(),
    code_execution=False,
    url_context=False,
    proactive_audio=frozenset({True}),
    affective_dialog=False,
    translation=False,
)
_HALF_CASCADE = _Rules(
    answers_in=frozenset({"AUDIO", "TEXT"}),
    proactive_audio=frozenset({False}),
    affective_dialog=False,
    translation=False,
)
_FAMILIES = tuple(
    (re.compile(pattern), rules)
    for pattern, rules in (
        (r"translate", _Rules(answers_in=_AUDIO)),
        (r"transcribe", _Rules(answers_in=frozenset({"TEXT"}), translation=False)),
        (
            r"3\.8\b.*thinking",
            replace(
                _3_8,
                thinking_levels=frozenset({"LOW", "MEDIUM", "HIGH"}),
                behaviors=frozenset({"NON_BLOCKING"}),
            ),
        ),
        (r"3\.8\b", _3_8),
        (r"3\.1\b", _3_1),
        (r"2\.5\b.*native-audio", _2_5),
        (r"2\.0-flash|live-2\.5-flash-preview", _HALF_CASCADE),
    )
)


def check_for_model(setup: Setup, *, vertex: bool, strict: bool) -> None:
    """Raise ``Closing`` for the first thing that the service would object to, or, when not strict, could not do."""
    name = setup.model.strip().rpartition("/")[2]
    rules = next((rules for family, rules in _FAMILIES if family.search(name)), _Rules())
    config = setup.generation_config or GenerationConfig()
    _check_modalities(config, rules, vertex=vertex)
    if not strict:
        return
    for objection in _objections(setup, config, rules, name):
        raise Closing.invalid(objection)
    if not vertex:
        _check_vertex_only(setup)


def _check_modalities(config: GenerationConfig, rules: _Rules, *, vertex: bool) -> None:
    wanted = [modality.upper() for modality in config.response_modalities]
    possible = rules.answers_in | (rules.answers_in_at_vertex if vertex else frozenset())
    if len(wanted) > 1 or not possible.issuperset(wanted):
        raise Closing.modality(", ".join(config.response_modalities))


def _objections(setup: Setup, config: GenerationConfig, rules: _Rules, name: str) -> Iterator[str]:
    thinking = config.thinking_config
    if thinking is not None:
        if not rules.thinks:
            yield f"Thinking is not supported by {name}."
        if thinking.thinking_budget is not None and not rules.thinking_budget:
            yield f"thinking_budget is not supported by {name}."
        if thinking.thinking_level and thinking.thinking_level.upper() not in rules.thinking_levels:
            yield f"thinking_level {thinking.thinking_level[:20]} is not supported by {name}."
    if config.enable_affective_dialog is not None and not rules.affective_dialog:
        yield f"Affective dialog is not supported by {name}."
    if config.translation_config is not None and not rules.translation:
        yield f"Translation is not supported by {name}."
    if config.speech_config is not None and config.speech_config.multi_speaker_voice_config is not None:
        yield "multi_speaker_voice_config is not supported."
    for field in _NEVER_IN_LIVE:
        if getattr(config, field) not in (None, "", []):
            yield f"{field} is not supported."
    yield from _tools(setup, rules, name)
    proactivity = setup.proactivity
    if proactivity is not None:
        audio, always = proactivity.proactive_audio, rules.proactive_audio == {True}
        if audio is not None and audio not in rules.proactive_audio:
            yield f"proactive_audio {audio} is not supported by {name}."
        if proactivity.proactive_video and not audio and not always:
            yield "proactive_video needs proactive_audio."
    if setup.avatar_config is not None and "VIDEO" not in (m.upper() for m in config.response_modalities):
        yield "An avatar needs the response modality VIDEO."


def _tools(setup: Setup, rules: _Rules, name: str) -> Iterator[str]:
    if sum(len(tool.function_declarations) for tool in setup.tools) > _MOST_FUNCTIONS:
        yield f"At most {_MOST_FUNCTIONS} function declarations are allowed."
    for tool in setup.tools:
        if tool.code_execution is not None and not rules.code_execution:
            yield f"code_execution is not supported by {name}."
        if tool.url_context is not None and not rules.url_context:
            yield f"url_context is not supported by {name}."
        for function in tool.function_declarations:
            yield from _function(function, rules, name)


def _function(function: FunctionDeclaration, rules: _Rules, name: str) -> Iterator[str]:
    if not _NAME.fullmatch(function.name):
        yield "Invalid function name."
    if function.parameters is not None and function.parameters_json_schema is not None:
        yield "Only one of parameters and parameters_json_schema may be set."
    behavior = function.behavior.upper()
    if behavior in _BOTH and behavior not in rules.behaviors:
        yield f"behavior {behavior} is not supported by {name}."


def _check_vertex_only(setup: Setup) -> None:
    """What the Gemini API has no field for."""
    resumption = setup.session_resumption
    if resumption is not None and resumption.transparent is not None:
        raise Closing(1007, str(WireError.unknown_name("transparent", "setup.session_resumption")))
    if setup.explicit_vad_signal is not None:
        raise Closing(1007, str(WireError.unknown_name("explicitVadSignal", "setup")))
    for index, setting in enumerate(setup.safety_settings):
        if setting.method:
            path = f"setup.safety_settings[{index}]"
            raise Closing(1007, str(WireError.unknown_name("method", path)))

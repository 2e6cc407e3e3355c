"""What each Live model can do, as data.

The table follows the model's own documentation, and measurements where that is silent; `evidence` has sources and
dates. What differs at Vertex AI is laid over it. A model of a known family gets the family's entry, any other
`PERMISSIVE`: nothing is refused before the server does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

__all__ = [
    "DEFAULT_MODEL",
    "PERMISSIVE",
    "VOICES",
    "ModelCapabilities",
    "capabilities",
    "is_known",
    "known_models",
    "model_id",
    "models_that",
]

DEFAULT_MODEL = "gemini-3.8-live"

VOICES = MappingProxyType(
    {
        "Zephyr": "bright",
        "Puck": "upbeat",
        "Charon": "informative",
        "Kore": "firm",
        "Fenrir": "excitable",
        "Leda": "youthful",
        "Orus": "firm",
        "Aoede": "breezy",
        "Callirrhoe": "easy-going",
        "Autonoe": "bright",
        "Enceladus": "breathy",
        "Iapetus": "clear",
        "Umbriel": "easy-going",
        "Algieba": "smooth",
        "Despina": "smooth",
        "Erinome": "clear",
        "Algenib": "gravelly",
        "Rasalgethi": "informative",
        "Laomedeia": "upbeat",
        "Achernar": "soft",
        "Alnilam": "firm",
        "Schedar": "even",
        "Gacrux": "mature",
        "Pulcherrima": "forward",
        "Achird": "friendly",
        "Zubenelgenubi": "casual",
        "Vindemiatrix": "gentle",
        "Sadachbia": "lively",
        "Sadaltager": "knowledgeable",
        "Sulafat": "warm",
    }
)
"""The prebuilt voices, and the character of each. Names are case-sensitive on the wire."""

_HALF_CASCADE_VOICES = frozenset({"Puck", "Charon", "Kore", "Fenrir", "Aoede", "Leda", "Orus", "Zephyr"})
_TEXT_OR_AUDIO = frozenset({"AUDIO", "TEXT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCapabilities:
    """What a model does, by default and at most. The defaults of this class are the permissive entry's."""

    name: str
    """The model's id, or ``*`` for the permissive entry."""
    modalities: frozenset[str] = frozenset({"AUDIO", "TEXT", "VIDEO", "IMAGE"})
    """Response modalities; one is chosen per session."""
    thinking: Literal["any", "none", "budget", "level"] = "any"
    """How thinking is controlled: in no way, by a budget in tokens, or by a level."""
    thinking_levels: frozenset[str] = frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"})
    default_thinking_level: str | None = None
    several_fields_per_event: bool = True
    """Whether one server message may carry several content fields."""
    client_content: Literal["any_time", "initial_history"] = "any_time"
    """When `clientContent` is taken: any time, or only as history after setup (with `historyConfig`)."""
    history_config: bool = False
    """Whether `historyConfig` is known to keep `clientContent` after setup from being answered."""
    history_ends_with_user: bool = False
    """Whether the last turn of such a history should be the user's."""
    context_update: bool = True
    """Whether `contextUpdate` is taken; else new instructions take effect with the next connection."""
    tool_behaviors: frozenset[str] = frozenset({"BLOCKING", "NON_BLOCKING"})
    default_tool_behavior: Literal["BLOCKING", "NON_BLOCKING"] = "BLOCKING"
    """What a function without a `behavior` gets."""
    tool_scheduling: bool = True
    """Whether a non-blocking result's `scheduling` is honoured."""
    tool_response_parts: bool = False
    """Whether a function's response may carry pictures and files (``FunctionResponse.parts``)."""
    cancels_tool_calls: bool | None = None
    """Whether an interruption brings a `toolCallCancellation`; ``None`` when not known."""
    google_search: bool = True
    code_execution: bool = True
    url_context: bool = True
    proactive_audio: Literal["optional", "always", "no"] = "optional"
    affective_dialog: bool = True
    translation: bool = True
    """Whether `translationConfig` is taken."""
    honours_language_code: bool = True
    """Whether `speechConfig.languageCode` has an effect; native-audio models choose by themselves."""
    voices: frozenset[str] | None = None
    """Names of the prebuilt voices; ``None`` when they are not known."""
    turn_coverage: str = ""
    """The default turn coverage on the Gemini API; empty when not known."""
    turn_end: Literal["turn_complete", "interaction_status"] = "turn_complete"
    """Which field ends a turn for good: `turnComplete`, or `interactionStatus` IDLE."""
    answers: bool = True
    """Whether it converses: a translator or a transcriber answers nobody."""
    ends_turns: bool = True
    """Whether its turns are ever complete; a translator's are cut by silence."""
    needs_trailing_sound: bool = False
    """Whether it hears the end of an utterance only in silence that follows, whatever `audioStreamEnd` says."""
    whole_transcriptions: bool = False
    """Whether an `inputTranscription` is a whole utterance, not a fragment."""
    sends_voice_activity: bool | None = None
    """Whether `voiceActivity` comes unasked; ``None`` when not known."""
    input_tokens: int | None = None
    """The context window."""
    output_tokens: int | None = None
    shut_down: bool = False
    """Whether the model is no longer served."""
    known: frozenset[str] | None = None
    """Which of these fields are known, of a model of which only some are; ``None`` for all."""


PERMISSIVE = ModelCapabilities(name="*")
"""For models that the table does not know."""

_ALL_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"

_2_5_NATIVE = ModelCapabilities(
    name="gemini-2.5-flash-native-audio-preview-12-2025",
    modalities=frozenset({"AUDIO"}),
    thinking="budget",
    several_fields_per_event=False,
    history_ends_with_user=True,
    context_update=False,
    cancels_tool_calls=True,
    url_context=False,
    translation=False,
    honours_language_code=False,
    voices=frozenset(VOICES),
    turn_coverage="TURN_INCLUDES_ONLY_ACTIVITY",
    sends_voice_activity=False,
    input_tokens=131_072,
)
_3_1 = replace(
    _2_5_NATIVE,
    name="gemini-3.1-flash-live-preview",
    thinking="level",
    thinking_levels=frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH"}),
    default_thinking_level="MINIMAL",
    several_fields_per_event=True,
    cancels_tool_calls=None,
    code_execution=False,
    client_content="initial_history",
    history_config=True,
    history_ends_with_user=False,
    tool_behaviors=frozenset({"BLOCKING"}),
    tool_scheduling=False,
    proactive_audio="no",
    affective_dialog=False,
    turn_coverage=_ALL_VIDEO,
    sends_voice_activity=None,
)
_3_8 = replace(
    _3_1,
    name="gemini-3.8-live",
    thinking="none",
    thinking_levels=PERMISSIVE.thinking_levels,
    default_thinking_level=None,
    client_content="any_time",
    context_update=True,
    tool_behaviors=PERMISSIVE.tool_behaviors,
    default_tool_behavior="NON_BLOCKING",
    tool_scheduling=True,
    tool_response_parts=True,
    cancels_tool_calls=False,
    proactive_audio="always",
    needs_trailing_sound=True,
    whole_transcriptions=True,
    sends_voice_activity=True,
    output_tokens=65_536,
)
_3_8_THINKING = replace(
    _3_8,
    name="gemini-3.8-live-extended-thinking",
    thinking="level",
    thinking_levels=frozenset({"LOW", "MEDIUM", "HIGH"}),
    tool_behaviors=frozenset({"NON_BLOCKING"}),
    tool_scheduling=False,
    turn_end="interaction_status",
)
_HALF_CASCADE = ModelCapabilities(
    name="gemini-live-2.5-flash-preview",
    modalities=_TEXT_OR_AUDIO,
    several_fields_per_event=False,
    context_update=False,
    cancels_tool_calls=True,
    proactive_audio="no",
    affective_dialog=False,
    translation=False,
    voices=_HALF_CASCADE_VOICES,
    turn_coverage="TURN_INCLUDES_ONLY_ACTIVITY",
    sends_voice_activity=False,
    input_tokens=32_768,
    shut_down=True,
)

_TABLE = {
    entry.name: entry
    for entry in (
        _2_5_NATIVE,
        _3_1,
        _3_8,
        _3_8_THINKING,
        # Vertex's name of the 2.5 model. Reports about its tool behaviours disagree: it keeps both.
        replace(_2_5_NATIVE, name="gemini-live-2.5-flash-native-audio"),
        replace(
            PERMISSIVE,
            name="gemini-3.5-live-translate-preview",
            modalities=frozenset({"AUDIO"}),
            known=frozenset({"modalities", "translation"}),
            answers=False,
            ends_turns=False,
        ),
        replace(
            PERMISSIVE,
            name="gemini-3.5-transcribe-live",
            modalities=frozenset({"TEXT"}),
            translation=False,
            known=frozenset({"modalities", "translation"}),
            answers=False,
        ),
        _HALF_CASCADE,
        replace(_HALF_CASCADE, name="gemini-2.0-flash-live-001"),
        replace(
            _HALF_CASCADE,
            name="gemini-2.0-flash-exp",
            voices=frozenset({"Puck", "Charon", "Kore", "Fenrir", "Aoede"}),
        ),
    )
}

# What tells versions of one model apart: "-preview", "-001", "-09-2025", "-preview-12-2025".
_VERSION = re.compile(r"(-preview)?(-\d{3}|-\d{2}-\d{4}|-\d{2}-\d{2})?$")
_FAMILIES = {_VERSION.sub("", name): entry for name, entry in _TABLE.items()}


def known_models() -> tuple[str, ...]:
    """The ids of the models that the table knows and that are served."""
    return tuple(name for name, entry in _TABLE.items() if not entry.shut_down)


def models_that(field: str, able: Callable[[ModelCapabilities], bool]) -> tuple[str, ...]:
    """The served models of which ``field`` is known, and of which ``able`` holds."""
    return tuple(
        name
        for name, entry in _TABLE.items()
        if not entry.shut_down and (entry.known is None or field in entry.known) and able(entry)
    )


# Unknown members of known families, the more telling pattern first.
_KIN = tuple(
    (re.compile(pattern), entry)
    for pattern, entry in (
        (r"^gemini-.*translate", "gemini-3.5-live-translate-preview"),
        (r"^gemini-.*transcribe", "gemini-3.5-transcribe-live"),
        (r"^gemini-3\.8\b.*thinking", "gemini-3.8-live-extended-thinking"),
        (r"^gemini-3\.8\b", "gemini-3.8-live"),
        (r"^gemini-3\.1\b", "gemini-3.1-flash-live-preview"),
        (r"^gemini-(live-)?2\.5\b.*native-audio", "gemini-2.5-flash-native-audio-preview-12-2025"),
    )
)

_AT_VERTEX = {
    entry.name: replace(
        entry,
        # Avatars are Vertex's, new input cancels calls that block, and only one coverage is taken.
        modalities=frozenset({"AUDIO", "VIDEO"}),
        cancels_tool_calls=True,
        turn_coverage="TURN_INCLUDES_ONLY_ACTIVITY",
    )
    for entry in (_3_8, _3_8_THINKING)
}


def model_id(model: str) -> str:
    """The bare id: ``models/x`` and Vertex's ``projects/.../publishers/google/models/x`` are ``x``."""
    return model.strip().rpartition("/")[2]


def capabilities(model: str, *, vertex: bool = False) -> ModelCapabilities:
    """What a model can do, by any form of its name; `PERMISSIVE` for one of which nothing is known.

    Another version of a known model (a date, a number, or ``-preview`` at the end) has that model's capabilities, and
    an unknown member of a known family has the family's.
    """
    name = model_id(model)
    known = _TABLE.get(name) or _FAMILIES.get(_VERSION.sub("", name))
    if known is None:
        known = next((_TABLE[entry] for family, entry in _KIN if family.search(name)), PERMISSIVE)
    return _AT_VERTEX.get(known.name, known) if vertex else known


def is_known(model: str) -> bool:
    """Whether the table has this very model, or another version of it."""
    name = model_id(model)
    return name in _TABLE or _VERSION.sub("", name) in _FAMILIES

"""The capability table answers for every form of a model's name, and a setup is refused for what the model
lacks.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from livegraph.liveapi import FunctionDeclaration, Setup, Tool, decode_client
from livegraph.liveapi.evidence import EVIDENCE
from livegraph.liveapi.models import DEFAULT_MODEL, PERMISSIVE, VOICES, capabilities, is_known, model_id
from livegraph.liveapi.setup_check import refusals

LIMITS = json.loads((Path(__file__).parents[1] / "data" / "live_limits.json").read_text("utf-8"))

ALL_KNOWN = [
    "gemini-2.5-flash-native-audio-preview-12-2025",
    "gemini-3.1-flash-live-preview",
    "gemini-3.8-live",
    "gemini-3.8-live-extended-thinking",
    "gemini-live-2.5-flash-native-audio",
    "gemini-3.5-live-translate-preview",
    "gemini-3.5-transcribe-live",
    "gemini-live-2.5-flash-preview",
    "gemini-2.0-flash-live-001",
    "gemini-2.0-flash-exp",
]


@pytest.mark.parametrize("name", ALL_KNOWN)
@pytest.mark.parametrize(
    "form",
    ["%s", "models/%s", "publishers/google/models/%s", "projects/p/locations/l/publishers/google/models/%s"],
)
def test_a_model_is_found_by_every_form_of_its_name(name: str, form: str) -> None:
    assert model_id(form % name) == name
    assert capabilities(form % name).name == name


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("gemini-2.5-flash-native-audio-preview-09-2025", "gemini-2.5-flash-native-audio-preview-12-2025"),
        ("gemini-3.8-live-001", "gemini-3.8-live"),
        ("gemini-3.8-live-extended-thinking-preview", "gemini-3.8-live-extended-thinking"),
        ("gemini-3.1-flash-live", "gemini-3.1-flash-live-preview"),
    ],
)
def test_another_version_has_the_models_capabilities(version: str, name: str) -> None:
    assert capabilities(version).name == name


@pytest.mark.parametrize("name", ["", "models/", "gemini-9", "mine"])
def test_an_unknown_model_gets_the_permissive_entry(name: str) -> None:
    assert capabilities(name) is PERMISSIVE and not is_known(name)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gemini-3.8-live-singing", "gemini-3.8-live"),
        ("gemini-3.8", "gemini-3.8-live"),
        ("gemini-3.8-pro-live-thinking", "gemini-3.8-live-extended-thinking"),
        ("gemini-3.1-pro-live", "gemini-3.1-flash-live-preview"),
        ("gemini-2.5-pro-native-audio-2027", "gemini-2.5-flash-native-audio-preview-12-2025"),
        ("gemini-4-live-translate", "gemini-3.5-live-translate-preview"),
    ],
)
def test_an_unknown_member_of_a_family_falls_to_the_family(name: str, family: str) -> None:
    """Not to "everything goes"; and it is not taken for known."""
    assert capabilities(name).name == family and not is_known(name)


def test_the_table_says_what_its_evidence_says() -> None:
    """Line by line, at the endpoint that it is about; each with a source and a date."""
    for one in EVIDENCE:
        for vertex in {"google": (False,), "vertex": (True,)}.get(one.endpoint, (False, True)):
            can = capabilities(one.model, vertex=vertex)
            assert getattr(can, one.field) == one.value, one
        assert one.source and datetime.strptime(one.date, "%Y-%m") >= datetime(2025, 1, 1)


def test_the_table_agrees_with_the_documented_limits() -> None:
    """A copy of what the pages say, with the month in which each was read."""
    for row in LIMITS["models"]:
        can = capabilities(row["model"], vertex=row.get("endpoint") == "vertex")
        for name, value in row["says"].items():
            found = getattr(can, name)
            assert (sorted(found) if isinstance(found, frozenset) else found) == value, (row["model"], name)
        assert datetime.strptime(row["read"], "%Y-%m")


def test_the_default_model() -> None:
    """What the processor relies on without being told a model."""
    can = capabilities(DEFAULT_MODEL)
    assert (
        can.modalities == {"AUDIO"} and can.thinking == "none" and can.default_tool_behavior == "NON_BLOCKING"
    )
    assert (
        can.proactive_audio == "always"
        and can.turn_end == "turn_complete"
        and can.client_content == "any_time"
    )
    assert can.input_tokens == 131_072 and can.output_tokens == 65_536
    assert can.voices == frozenset(VOICES) and len(VOICES) == 30


def refused(model: str, *, vertex: bool = False, **fields: Any) -> list[str]:
    """The paths refused in a setup of these fields."""
    setup = decode_client(json.dumps({"setup": {"model": model, **fields}}), strict=True).setup
    assert setup is not None
    found = refusals(setup, vertex=vertex)
    assert all(refusal.reason.endswith((".", "?")) for refusal in found)
    return [refusal.path.removeprefix("setup.") for refusal in found]


OLD, MID, NEW, DEEP = ALL_KNOWN[:4]


def voiced(name: str) -> dict[str, Any]:
    return {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}}}


def function(**fields: Any) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [{"name": "f", **fields}]}]


VOICE = "generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name"
FUNCTION = "tools[0].function_declarations[0]"


@pytest.mark.parametrize(
    ("model", "fields", "path"),
    [
        (
            NEW,
            {"generationConfig": {"responseModalities": ["TEXT"]}},
            "generation_config.response_modalities",
        ),
        (
            "x",
            {"generationConfig": {"responseModalities": ["TEXT", "AUDIO"]}},
            "generation_config.response_modalities",
        ),
        (NEW, {"generationConfig": voiced("kore")}, VOICE),
        (NEW, {"generationConfig": {"thinkingConfig": {}}}, "generation_config.thinking_config"),
        (
            MID,
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
            "generation_config.thinking_config.thinking_budget",
        ),
        (
            OLD,
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}},
            "generation_config.thinking_config.thinking_level",
        ),
        (
            DEEP,
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}},
            "generation_config.thinking_config.thinking_level",
        ),
        (
            NEW,
            {"generationConfig": {"enableAffectiveDialog": False}},
            "generation_config.enable_affective_dialog",
        ),
        (
            NEW,
            {"generationConfig": {"translationConfig": {"targetLanguageCode": "id"}}},
            "generation_config.translation_config",
        ),
        ("x", {"generationConfig": {"stopSequences": ["."]}}, "generation_config.stop_sequences"),
        ("x", {"generationConfig": {"logprobs": 0}}, "generation_config.logprobs"),
        (NEW, {"proactivity": {"proactiveAudio": False}}, "proactivity.proactive_audio"),
        (MID, {"proactivity": {"proactiveAudio": True}}, "proactivity.proactive_audio"),
        (OLD, {"proactivity": {"proactiveVideo": True}}, "proactivity.proactive_video"),
        (NEW, {"tools": [{"codeExecution": {}}]}, "tools[0].code_execution"),
        (NEW, {"tools": [{"googleSearch": {}}, {"urlContext": {}}]}, "tools[1].url_context"),
        (MID, {"tools": function(behavior="NON_BLOCKING")}, f"{FUNCTION}.behavior"),
        (DEEP, {"tools": function(behavior="BLOCKING")}, f"{FUNCTION}.behavior"),
        ("x", {"tools": function(parameters={}, parametersJsonSchema={})}, f"{FUNCTION}.parameters"),
        ("x", {"tools": function(name="9lives")}, f"{FUNCTION}.name"),
        (NEW, {"sessionResumption": {"transparent": True}}, "session_resumption.transparent"),
        (NEW, {"explicitVadSignal": True}, "explicit_vad_signal"),
        (NEW, {"safetySettings": [{"method": "SEVERITY"}]}, "safety_settings[0].method"),
        (
            "x",
            {"contextWindowCompression": {"triggerTokens": 5, "slidingWindow": {"targetTokens": 5}}},
            "context_window_compression.sliding_window.target_tokens",
        ),
        ("x", {"avatarConfig": {"avatarName": "a"}}, "avatar_config"),
        ("", {}, "model"),
        ("gemini-2.0-flash-exp", {}, "model"),
    ],
)
def test_what_a_model_cannot_do_is_refused_at_its_field(
    model: str, fields: dict[str, Any], path: str
) -> None:
    assert refused(model, **fields) == [path]


@pytest.mark.parametrize(
    ("model", "vertex", "fields"),
    [
        (NEW, False, {"generationConfig": {"responseModalities": ["AUDIO"], **voiced("Kore")}}),
        (
            NEW,
            False,
            {
                "proactivity": {"proactiveAudio": True, "proactiveVideo": True},
                "tools": [{"googleSearch": {}}],
            },
        ),
        (NEW, True, {"sessionResumption": {"transparent": True}, "explicitVadSignal": True}),
        (
            OLD,
            False,
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}, "enableAffectiveDialog": True}},
        ),
        (DEEP, False, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}),
        (
            "gemini-of-tomorrow",
            False,
            {"generationConfig": {"responseModalities": ["TEXT"], "thinkingConfig": {}, **voiced("Whoever")}},
        ),
    ],
)
def test_what_a_model_can_do_is_let_through(model: str, vertex: bool, fields: dict[str, Any]) -> None:
    assert refused(model, vertex=vertex, **fields) == []


def test_a_misspelt_voice_is_answered_with_the_nearest() -> None:
    setup = decode_client(json.dumps({"setup": {"model": NEW, "generationConfig": voiced("Kroe")}})).setup
    assert setup is not None
    assert refusals(setup)[0].reason == "gemini-3.8-live has no voice 'Kroe'; did you mean Kore?"


def test_too_many_functions_are_refused() -> None:
    tool = Tool(function_declarations=[FunctionDeclaration(name=f"f{n}") for n in range(513)])
    assert [refusal.path for refusal in refusals(Setup(model="x", tools=[tool]))] == ["setup.tools"]

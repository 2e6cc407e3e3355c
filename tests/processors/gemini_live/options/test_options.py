"""Options become the setup message, and what the model cannot do is refused before any call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import Graph, Problem
from livegraph.pipeline.convert import convert_options
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive
from livegraph.processors.gemini_live.options.setup import encode_setup, tools_of
from livegraph.processors.tool_catalog import FunctionSpec, ToolCatalog


def setup_of(handle: str = "", catalogs: list[ToolCatalog] | None = None, **written: Any) -> Any:
    """The setup message that these options give, written as in YAML."""
    options, problems = convert_options(GeminiLive, written, from_yaml=True)
    assert problems == []
    settings = GeminiLive(**options)._settings
    model = f"models/{settings.setup.model}"
    message = encode_setup(
        settings.setup, settings.extra, model=model, tools=tools_of(catalogs or []), handle=handle
    )
    return json.loads(message)["setup"]


def faults(**written: Any) -> list[Problem]:
    graph = Graph()
    graph.add("mic", AppIn)
    graph.add("live", GeminiLive, **convert_options(GeminiLive, written, from_yaml=True)[0])
    graph.connect("mic.audio", "live.audio")
    return list(graph.check())


def test_the_least_setup() -> None:
    """Sound, both transcripts, resumption and compression are there unless switched off."""
    assert setup_of() == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "sessionResumption": {},
        "contextWindowCompression": {"slidingWindow": {}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
    }
    off = dict.fromkeys(
        ("session_resumption", "context_compression", "input_transcription", "output_transcription"), False
    )
    assert list(setup_of(**off)) == ["model", "generationConfig"]


def test_every_option_has_its_place() -> None:
    """As the reference has it."""
    functions = (
        FunctionSpec(
            "book", "Book", {"type": "object", "properties": {"slot": {"type": "string"}}}, blocking=True
        ),
        FunctionSpec("hours", "Opening hours", {"type": "object", "properties": {}}),
    )
    found = setup_of(
        "h1",
        [ToolCatalog(functions)],
        instructions="You are terse.",
        voice="Kore",
        language="id-ID",
        temperature=0.7,
        top_p=0.9,
        top_k=40,
        max_output_tokens=1024,
        seed=7,
        media_resolution="low",
        thinking={"level": "low", "budget": 10},
        proactive_audio=True,
        affective_dialog=True,
        transcription_languages=["id-ID"],
        vad={
            "start_sensitivity": "high",
            "end_sensitivity": "low",
            "prefix_padding": "20ms",
            "silence": "0.5s",
        },
        activity_handling="no_interruption",
        turn_coverage="only_activity",
        context_compression={"trigger_tokens": 25600, "target_tokens": 12800},
        google_search=True,
        extra={"labels": {"team": "a"}, "generation_config": {"newField": 1}},
    )
    assert found == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "temperature": 0.7,
            "topP": 0.9,
            "topK": 40,
            "maxOutputTokens": 1024,
            "seed": 7,
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "speechConfig": {
                "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}},
                "languageCode": "id-ID",
            },
            "thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 10},
            "enableAffectiveDialog": True,
            "newField": 1,
        },
        "systemInstruction": {"parts": [{"text": "You are terse."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "book",
                        "description": "Book",
                        "parametersJsonSchema": {
                            "type": "object",
                            "properties": {"slot": {"type": "string"}},
                        },
                        "behavior": "BLOCKING",
                    },
                    {"name": "hours", "description": "Opening hours"},
                ]
            },
            {"googleSearch": {}},
        ],
        "realtimeInputConfig": {
            "automaticActivityDetection": {
                "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
                "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
                "prefixPaddingMs": 20,
                "silenceDurationMs": 500,
            },
            "activityHandling": "NO_INTERRUPTION",
            "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY",
        },
        "sessionResumption": {"handle": "h1"},
        "contextWindowCompression": {"triggerTokens": 25600, "slidingWindow": {"targetTokens": 12800}},
        "inputAudioTranscription": {"languageCodes": ["id-ID"]},
        "outputAudioTranscription": {},
        "proactivity": {"proactiveAudio": True},
        "labels": {"team": "a"},
    }


@pytest.mark.parametrize(
    ("written", "option", "said"),
    [
        ({"voice": "Cora"}, "voice", "Kore"),
        ({"voice": "kore"}, "voice", "Kore"),
        ({"thinking": {"level": "low"}}, "thinking", "takes no thinking options"),
        ({"affective_dialog": True}, "affective_dialog", "affective dialog"),
        ({"proactive_audio": False}, "proactive_audio", "always"),
        ({"model": "gemini-2.0-flash-live-001"}, "model", "no longer served"),
        (
            {"context_compression": {"trigger_tokens": 10, "target_tokens": 20}},
            "context_compression",
            "below",
        ),
        ({"extra": {"explicit_vad_signal": True}}, "extra", "Vertex"),
        ({"extra": {"generationConfig": {"responseModalities": ["TEXT"]}}}, "extra", "AUDIO"),
        ({"extra": {"generationConfig": 3}}, "extra", "does not fit"),
    ],
)
def test_what_the_model_cannot_do_is_refused_at_the_option(
    written: dict[str, Any], option: str, said: str
) -> None:
    """Offline, with the place of the option and what would be right."""
    problems = faults(**written)
    assert [problem.path[-1] for problem in problems] == [option]
    assert said in str(problems[0]) and not problems[0].warning


def test_an_option_without_effect_is_a_warning() -> None:
    """Native-audio models choose their language."""
    problems = faults(language="id-ID")
    assert [problem.warning for problem in problems] == [True]
    assert problems[0].path[-1] == "language"


def test_a_model_that_the_table_does_not_know_is_given_a_chance() -> None:
    """Its service will say."""
    assert (
        faults(model="gemini-9-live", thinking={"level": "high"}, voice="Nova", affective_dialog=True) == []
    )


def test_importing_the_box_loads_no_network_library() -> None:
    """`livegraph check` stays fast."""
    code = (
        "import sys; import livegraph.processors.gemini_live.processor; "
        "assert not {'websockets', 'aiortc', 'av', 'onnxruntime'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent, timeout=30)

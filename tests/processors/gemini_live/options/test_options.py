"""Options become the setup message, and what the model cannot do is refused before any call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livegraph.liveapi import decode_client
from livegraph.pipeline import Graph, Problem
from livegraph.pipeline.convert import convert_options
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive
from livegraph.processors.gemini_live.options.setup import encode_setup, functions_of, tools_of
from livegraph.processors.tools.catalog import FunctionSpec, ToolCatalog


def setup_of(handle: str = "", catalogs: list[ToolCatalog] | None = None, **written: Any) -> Any:
    """The setup message that these options give, written as in YAML."""
    options, problems = convert_options(GeminiLive, written, from_yaml=True)
    assert problems == []
    settings = GeminiLive(**options)._settings
    model = f"models/{settings.setup.model}"
    message = encode_setup(
        settings.setup,
        settings.extra,
        model=model,
        tools=tools_of(functions_of(catalogs or [])),
        handle=handle,
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
        input_transcription={"languages": ["id-ID"]},
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


_EVERYTHING: dict[str, Any] = {
    "answers": "audio",
    "instructions": "You are terse.",
    "voice": "Kore",
    "voice_id": "v1",
    "language": "id-ID",
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 40,
    "max_output_tokens": 1024,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "seed": 7,
    "media_resolution": "low",
    "thinking": {"level": "low", "budget": 10, "include_thoughts": True},
    "proactive_audio": True,
    "proactive_video": True,
    "affective_dialog": True,
    "translation": {"target": "id", "echo": True},
    "audio_transcription": {"mode": "smart"},
    "input_transcription": {
        "languages": ["id-ID"],
        "vocabulary": ["Gemini"],
        "mode": "verbatim",
        "word_timestamps": True,
        "diarization": False,
        "source_text": "Call me Ishmael.",
    },
    "vad": {
        "start_sensitivity": "high",
        "end_sensitivity": "low",
        "prefix_padding": "20ms",
        "silence": "0.5s",
    },
    "activity_handling": "no_interruption",
    "turn_coverage": "all_input",
    "interim_timestamps": True,
    "explicit_vad_signal": True,
    "google_search": {"images": True, "since": "2026-01-01T00:00:00Z", "exclude_domains": ["x.org"]},
    "code_execution": True,
    "url_context": True,
    "more_tools": [{"google_maps": {"any_thing": 1}}],
    "safety": [{"category": "harassment", "threshold": "only_high", "method": "severity"}],
    "session_resumption": {"transparent": True},
    "context_compression": {"trigger_tokens": 25600, "target_tokens": 12800},
    "labels": {"desk": "front"},
}

_NO_OPTION = {
    # One answer is all there is; several speakers are not for Live; Live does not know the rest.
    "generation_config": {
        *("candidate_count", "stop_sequences", "response_logprobs", "logprobs", "response_mime_type"),
        *("response_schema", "response_json_schema", "response_format", "routing_config", "audio_timestamp"),
        *("model_selection_config", "enable_enhanced_civic_answers"),
    },
    "generation_config.speech_config": {"multi_speaker_voice_config"},
    # Deprecated names of what has one.
    "input_audio_transcription": {"language_auto", "language_hints", "adaptation_phrases"},
    # By activity: manual; given with each connection.
    "realtime_input_config.automatic_activity_detection": {"disabled"},
    "session_resumption": {"handle"},
}


def unset(made: Any, path: str = "") -> dict[str, set[str]]:
    """The fields that hold nothing, by the place of their message; lists are not looked into."""
    found: dict[str, set[str]] = {}
    for field in msgspec.structs.fields(type(made)):
        value = getattr(made, field.name)
        below = f"{path}.{field.name}".removeprefix(".")
        if value in (None, "", [], {}, b""):
            found.setdefault(path, set()).add(field.name)
        elif isinstance(value, msgspec.Struct):
            found |= unset(value, below)
    return found


def test_no_field_of_the_setup_is_out_of_reach(tmp_path: Path) -> None:
    """There is an option for each, or a reason why not."""
    for name in ("voice.wav", "consent.wav", "face.png"):
        (tmp_path / name).write_bytes(b"\x01\x02")
    sample = {
        "sample": str(tmp_path / "voice.wav"),
        "consent": str(tmp_path / "consent.wav"),
        "signature": "s",
    }
    face = {"name": "Ada", "image": str(tmp_path / "face.png"), "audio_bitrate": 1, "video_bitrate": 2}
    history = json.dumps(setup_of(**_EVERYTHING, voice_sample=sample, avatar=face))
    setup = decode_client(f'{{"setup": {history}}}', strict=True).setup
    assert setup is not None
    left = unset(setup)
    assert left.pop("") == {"history_config"}, "it is set where a history is sent"
    assert left.pop("system_instruction") == {"role"}
    for path in ("generation_config.audio_transcription_config", "output_audio_transcription"):
        left.pop(path)
    assert left.pop("generation_config.speech_config.voice_config", set()) == set()
    assert left == _NO_OPTION
    assert [tool.google_search is not None for tool in setup.tools] == [True, False, False, False]
    search = setup.tools[0].google_search
    assert search is not None and search.search_types is not None and search.time_range_filter is not None


def test_turns_that_we_mark_switch_the_services_detector_off() -> None:
    """Whatever else is said of it."""
    detection = setup_of(activity="manual")["realtimeInputConfig"]["automaticActivityDetection"]
    assert detection == {"disabled": True}
    [problem] = faults(activity="manual", vad={"silence": "1s"})
    assert problem.warning and problem.path[-1] == "vad"


def test_history_is_checked(tmp_path: Path) -> None:
    """A file of JSON Lines, or entries; what cannot be read is told with its line."""
    path = tmp_path / "talk.jsonl"
    path.write_text('{"role": "user", "text": "Hi", "time_s": 1.5}\n\n{"role": "bot"}\n')
    [problem] = faults(history=str(path))
    assert problem.path[-1] == "history" and "line 3" in problem.message
    [problem] = faults(history=str(tmp_path / "none.jsonl"))
    assert "No such file" in problem.message
    assert faults(history=[{"role": "user", "text": "Hi"}, {"role": "agent", "text": "Hello."}]) == []


@pytest.mark.parametrize(
    ("written", "option", "said"),
    [
        ({"voice": "Cora"}, "voice", "no voice"),
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
    found = faults(model="gemini-9-live", thinking={"level": "high"}, voice="Nova", affective_dialog=True)
    assert [(problem.warning, problem.path[-1]) for problem in found] == [(True, "model")]


def test_importing_the_box_loads_no_network_library() -> None:
    """`livegraph check` stays fast."""
    code = (
        "import sys; import livegraph.processors.gemini_live.processor; "
        "assert not {'websockets', 'aiortc', 'av', 'onnxruntime'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent, timeout=30)

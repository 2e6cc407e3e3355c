"""A server reads what real clients send: today's SDK, its older versions, and the samples of 2024."""

from __future__ import annotations

import json
from typing import Any

import pytest

from livegraph.liveapi import (
    AutomaticActivityDetection,
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextTools,
    ContextUpdate,
    Empty,
    FunctionDeclaration,
    FunctionResponse,
    FunctionResponsePart,
    HistoryConfig,
    Part,
    ProactivityConfig,
    RealtimeInput,
    Schema,
    SessionResumptionConfig,
    Setup,
    Tool,
    ToolResponse,
    VoiceConsentSignature,
    WireError,
    decode_client,
    encode_audio,
    encode_client,
)

BYTES = bytes.fromhex("ffefbefbfffe0001")
PCM = "audio/pcm;rate=16000"

SDK_CONNECT = """\
{"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"],
"temperature": 0.7, "topP": 0.95, "topK": 40.0, "maxOutputTokens": 1024, "mediaResolution":
"MEDIA_RESOLUTION_LOW", "seed": 7, "speechConfig": {"voice_config": {"prebuilt_voice_config": {"voice_name":
"Kore"}}, "language_code": "id-ID"}, "thinkingConfig": {"include_thoughts": true, "thinking_level": "LOW"},
"enableAffectiveDialog": true, "translationConfig": {"echoTargetLanguage": true, "targetLanguageCode":
"id"}}, "systemInstruction": {"parts": [{"text": "You are terse."}], "role": "user"}, "tools":
[{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}, {"functionDeclarations": [{"description":
"Weather", "name": "get_weather", "parameters": {"properties": {"city": {"description": "City", "type":
"STRING"}, "days": {"minimum": 1.0, "type": "INTEGER"}, "unit": {"enum": ["C", "F"], "type": "STRING"}},
"required": ["city"], "type": "OBJECT"}}, {"name": "book", "parameters_json_schema": {"type": "object",
"properties": {"slot": {"type": "string"}}, "required": ["slot"], "additionalProperties": false},
"response_json_schema": {"type": "object"}, "behavior": "NON_BLOCKING"}]}], "sessionResumption": {"handle":
"58836b26-2e71-4453-912b-6e73a4a0e8ef"}, "inputAudioTranscription": {"language_codes": ["id-ID", "en-US"],
"custom_vocabulary": ["Gemini"]}, "outputAudioTranscription": {}, "realtimeInputConfig":
{"automatic_activity_detection": {"disabled": false, "start_of_speech_sensitivity":
"START_SENSITIVITY_HIGH", "end_of_speech_sensitivity": "END_SENSITIVITY_LOW", "prefix_padding_ms": 20,
"silence_duration_ms": 500}, "activity_handling": "START_OF_ACTIVITY_INTERRUPTS", "turn_coverage":
"TURN_INCLUDES_ONLY_ACTIVITY"}, "contextWindowCompression": {"trigger_tokens": 25600, "sliding_window":
{"target_tokens": 12800}}, "proactivity": {"proactive_audio": true}, "historyConfig":
{"initial_history_in_client_content": true}, "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT",
"threshold": "BLOCK_NONE"}]}}"""

OURS = {
    "setup": {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "temperature": 0.7,
            "maxOutputTokens": 1024,
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
        },
        "systemInstruction": {"parts": [{"text": "You are terse."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "get_weather",
                        "description": "Weather",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"city": {"type": "STRING"}},
                            "required": ["city"],
                        },
                    }
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
            "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
            "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY",
        },
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "sessionResumption": {},
        "contextWindowCompression": {"triggerTokens": 25600, "slidingWindow": {"targetTokens": 12800}},
    }
}


def setup_of(**fields: Any) -> Setup:
    """The setup that a strict server reads from these fields."""
    found = decode_client(json.dumps({"setup": fields}), strict=True).setup
    assert found is not None
    return found


def realtime(**fields: Any) -> ClientMessage:
    return ClientMessage(realtime_input=RealtimeInput(**fields))


def test_a_canonical_setup_is_written_exactly_as_it_was_read() -> None:
    """Nothing is lost or added; the int64 fields of the client stay numbers."""
    message = decode_client(json.dumps(OURS), strict=True)
    assert json.loads(encode_client(message)) == OURS


def test_the_sdks_full_setup_is_read_in_strict_mode() -> None:
    """Every field of the recorded connect arrives, from its mixture of casings."""
    setup = decode_client(SDK_CONNECT, strict=True).setup
    assert setup is not None
    config = setup.generation_config
    assert (
        config is not None
        and config.top_k == 40
        and config.seed == 7
        and config.enable_affective_dialog is True
    )
    assert config.speech_config is not None and config.speech_config.language_code == "id-ID"
    voice = config.speech_config.voice_config
    assert voice is not None and voice.prebuilt_voice_config is not None
    assert voice.prebuilt_voice_config.voice_name == "Kore"
    assert config.thinking_config is not None and config.thinking_config.include_thoughts is True
    assert config.thinking_config.thinking_level == "LOW"
    assert config.translation_config is not None and config.translation_config.target_language_code == "id"
    assert setup.system_instruction == Content.of_text("You are terse.", "user")
    search, code, url, functions = setup.tools
    assert search.google_search is not None and code.code_execution == Empty() and url.url_context == Empty()
    weather, book = functions.function_declarations
    assert weather.parameters is not None and weather.parameters.properties is not None
    assert weather.parameters.properties["days"] == Schema(minimum=1.0, type="INTEGER")
    assert weather.parameters.properties["unit"].enum == ["C", "F"]
    assert book.parameters_json_schema == {
        "type": "object",
        "properties": {"slot": {"type": "string"}},
        "required": ["slot"],
        "additionalProperties": False,
    }
    assert book.response_json_schema == {"type": "object"} and book.behavior == "NON_BLOCKING"
    assert setup.session_resumption == SessionResumptionConfig("58836b26-2e71-4453-912b-6e73a4a0e8ef")
    heard = setup.input_audio_transcription
    assert (
        heard is not None
        and heard.language_codes == ["id-ID", "en-US"]
        and heard.custom_vocabulary == ["Gemini"]
    )
    assert setup.output_audio_transcription is not None
    live = setup.realtime_input_config
    assert live is not None and live.turn_coverage == "TURN_INCLUDES_ONLY_ACTIVITY"
    assert live.automatic_activity_detection == AutomaticActivityDetection(
        disabled=False,
        start_of_speech_sensitivity="START_SENSITIVITY_HIGH",
        end_of_speech_sensitivity="END_SENSITIVITY_LOW",
        prefix_padding_ms=20,
        silence_duration_ms=500,
    )
    window = setup.context_window_compression
    assert window is not None and window.trigger_tokens == 25600
    assert window.sliding_window is not None and window.sliding_window.target_tokens == 12800
    assert setup.proactivity == ProactivityConfig(proactive_audio=True)
    assert setup.history_config == HistoryConfig(initial_history_in_client_content=True)
    assert [setting.threshold for setting in setup.safety_settings] == ["BLOCK_NONE"]


def test_vertex_and_deprecated_spellings_of_setup() -> None:
    setup = setup_of(
        model="publishers/google/models/m",
        explicitVadSignal=True,
        sessionResumption={"handle": "h", "transparent": True},
        generationConfig={"response_modalities": ["TEXT"], "speech_config": {"voiceConfig": {"voice": "v"}}},
    )
    assert setup.explicit_vad_signal is True and setup.session_resumption == SessionResumptionConfig(
        "h", True
    )
    assert setup.generation_config is not None and setup.generation_config.response_modalities == ["TEXT"]


RECORDED = [
    (
        '{"realtime_input": {"audio": {"data": "_----__-AAE=", "mime_type": "audio/pcm;rate=16000"}}}',
        realtime(audio=Blob(BYTES, PCM)),
    ),
    (
        '{"realtime_input": {"audio": {"data": "_----__-AAE=", "mimeType": "audio/pcm;rate=16000"}}}',
        realtime(audio=Blob(BYTES, PCM)),
    ),
    (
        '{"realtime_input": {"video": {"data": "_9j_4A==", "mime_type": "image/jpeg"}}}',
        realtime(video=Blob(bytes.fromhex("ffd8ffe0"), "image/jpeg")),
    ),
    (r'{"realtime_input": {"text": "Halo, apa kabar? \u00e9"}}', realtime(text="Halo, apa kabar? é")),
    ('{"realtime_input": {"activityStart": {}}}', realtime(activity_start=Empty())),
    ('{"realtime_input": {"activityEnd": {}}}', realtime(activity_end=Empty())),
    ('{"realtime_input": {"audioStreamEnd": true}}', realtime(audio_stream_end=True)),
    (
        '{"realtime_input": {"mediaChunks": [{"data": "_----__-AAE=", '
        '"mime_type": "audio/pcm;rate=16000"}]}}',
        realtime(media_chunks=[Blob(BYTES, PCM)]),
    ),
    (
        '{"realtime_input": {"media_chunks": [{"data": "_----__-AAE=", "mime_type": "audio/pcm"}]}}',
        realtime(media_chunks=[Blob(BYTES, "audio/pcm")]),
    ),
    (
        '{"client_content": {"turns": [{"parts": [{"text": "Hi"}, {"inlineData": {"data": "_----__-AAE=", '
        '"mime_type": "image/jpeg"}}], "role": "user"}, {"parts": [{"text": "Hello"}], "role": "model"}], '
        '"turnComplete": false}}',
        ClientMessage(
            client_content=ClientContent(
                turns=[
                    Content([Part(text="Hi"), Part(inline_data=Blob(BYTES, "image/jpeg"))], "user"),
                    Content.of_text("Hello", "model"),
                ]
            )
        ),
    ),
    (
        '{"client_content": {"turnComplete": true}}',
        ClientMessage(client_content=ClientContent(turn_complete=True)),
    ),
    (
        '{"client_content": {"turn_complete": true}}',
        ClientMessage(client_content=ClientContent(turn_complete=True)),
    ),
    (
        '{"tool_response": {"functionResponses": [{"scheduling": "WHEN_IDLE", "id": "fc_2", "name": "book", '
        '"response": {"status": "ok"}}, {"will_continue": false, "scheduling": "INTERRUPT", "id": "fc_3", '
        '"name": "book", "response": {"error": "x"}}]}}',
        ClientMessage(
            tool_response=ToolResponse(
                [
                    FunctionResponse(
                        id="fc_2", name="book", response={"status": "ok"}, scheduling="WHEN_IDLE"
                    ),
                    FunctionResponse(
                        id="fc_3",
                        name="book",
                        response={"error": "x"},
                        scheduling="INTERRUPT",
                        will_continue=False,
                    ),
                ]
            )
        ),
    ),
    (
        '{"tool_response": {"functionResponses": [{"parts": [{"inline_data": {"mime_type": "image/png", '
        '"data": "_----__-AAE="}}], "id": "f", "name": "g", "response": {}}]}}',
        ClientMessage(
            tool_response=ToolResponse(
                [
                    FunctionResponse(
                        id="f",
                        name="g",
                        response={},
                        parts=[FunctionResponsePart(inline_data=Blob(BYTES, "image/png"))],
                    )
                ]
            )
        ),
    ),
    (
        '{"contextUpdate": {"systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"}, '
        '"tools": {"tools": [{"functionDeclarations": [{"name": "f"}]}]}}}',
        ClientMessage(
            context_update=ContextUpdate(
                Content.of_text("Be brief.", "user"),
                ContextTools([Tool(function_declarations=[FunctionDeclaration(name="f")])]),
            )
        ),
    ),
    (
        '{"contextUpdate": {"tools": {"tools": []}}}',
        ClientMessage(context_update=ContextUpdate(tools=ContextTools())),
    ),
]


@pytest.mark.parametrize(("text", "message"), RECORDED)
def test_what_the_sdk_sends_is_read_in_strict_mode(text: str, message: ClientMessage) -> None:
    assert decode_client(text, strict=True) == message
    assert decode_client(encode_client(message), strict=True) == message


def test_writing_is_canonical() -> None:
    """camelCase, standard base64 with padding, no defaults, and empty messages kept."""
    assert encode_audio(BYTES, 16_000) == (
        b'{"realtimeInput":{"audio":{"data":"/++++//+AAE=","mimeType":"audio/pcm;rate=16000"}}}'
    )
    assert encode_client(realtime(activity_start=Empty())) == b'{"realtimeInput":{"activityStart":{}}}'
    assert encode_client(ClientMessage(client_content=ClientContent())) == b'{"clientContent":{}}'
    assert encode_client(ClientMessage(context_update=ContextUpdate(tools=ContextTools()))) == (
        b'{"contextUpdate":{"tools":{"tools":[]}}}'
    )
    thinking = {"thinkingConfig": {"thinkingBudget": 0}, "temperature": 0.0}
    data = encode_client(ClientMessage(setup=setup_of(model="models/m", generationConfig=thinking)))
    assert json.loads(data)["setup"]["generationConfig"] == thinking


def test_presence_tells_an_empty_object_from_none() -> None:
    setup = setup_of(model="m", sessionResumption={}, contextWindowCompression={"slidingWindow": {}})
    assert setup.session_resumption == SessionResumptionConfig() and setup.input_audio_transcription is None
    assert setup.context_window_compression is not None
    assert setup.context_window_compression.sliding_window is not None
    given, absent = decode_tool_responses({"response": {}}, {})
    assert given.response == {} and absent.response is None


def decode_tool_responses(*responses: dict[str, Any]) -> list[FunctionResponse]:
    found = decode_client(json.dumps({"toolResponse": {"functionResponses": responses}})).tool_response
    assert found is not None
    return found.function_responses


def test_the_shapes_of_2024() -> None:
    """One string for a list, a string for a Content, one chunk for a list, and a stray space in a name."""
    message = decode_client(
        '{"setup": {"model": "models/gemini-2.0-flash-exp", "system_instruction": "Be kind.", '
        '"generation_config": {"response_modalities": "AUDIO", "speech_config": {"voice_config": '
        '{"prebuilt_voice_config ": {"voice_name": "Puck"}}}}}}'
    )
    assert message.setup is not None and message.setup.generation_config is not None
    assert message.setup.system_instruction == Content.of_text("Be kind.")
    assert message.setup.generation_config.response_modalities == ["AUDIO"]
    speech = message.setup.generation_config.speech_config
    assert speech is not None and speech.voice_config is not None
    assert speech.voice_config.prebuilt_voice_config is not None
    chunk = decode_client(
        '{"realtime_input": {"media_chunks": {"mime_type": "image/jpeg", "data": "/9j/4A"}}}'
    ).realtime_input
    assert chunk is not None and chunk.audio_blob is None
    assert chunk.video_blob == Blob(bytes.fromhex("ffd8ffe0"), "image/jpeg")


def test_free_form_fields_are_never_recased() -> None:
    """Names in results, schemas, labels, headers and `properties` are the user's own."""
    data = {"snake_case": {"mime_type": [{"inline_data": 1}]}, "camelCase": None}
    schema = {"properties": {"first_name": {"any_of": []}}, "$defs": {"some_type": {}}}
    setup = setup_of(
        model="m",
        labels={"cost_center": "a"},
        tools=[
            {
                "function_declarations": [
                    {
                        "parameters": {
                            "properties": {"mime_type": {"min_items": "2"}},
                            "default": {"a_b": 1},
                        },
                        "parameters_json_schema": schema,
                        "response_json_schema": schema,
                    }
                ],
                "mcp_servers": [
                    {"streamable_http_transport": {"headers": {"x_api_key": "k"}, "sse_read_timeout": "5s"}}
                ],
            }
        ],
    )
    assert setup.labels == {"cost_center": "a"}
    [declaration] = setup.tools[0].function_declarations
    assert declaration.parameters == Schema(properties={"mime_type": Schema(min_items=2)}, default={"a_b": 1})
    assert declaration.parameters_json_schema == declaration.response_json_schema == schema
    transport = setup.tools[0].mcp_servers[0].streamable_http_transport
    assert (
        transport is not None
        and transport.headers == {"x_api_key": "k"}
        and transport.sse_read_timeout == "5s"
    )
    assert decode_tool_responses({"response": data, "will_continue": True})[0].response == data
    part = decode_client(json.dumps({"client_content": {"turns": [{"parts": [{"part_metadata": data}]}]}}))
    assert part.client_content is not None and part.client_content.turns[0].parts[0].part_metadata == data


@pytest.mark.parametrize(
    ("response", "scheduling"),
    [
        ({"scheduling": "SILENT", "response": {"scheduling": "INTERRUPT"}}, "SILENT"),
        ({"response": {"scheduling": "INTERRUPTED"}}, "INTERRUPT"),
        ({"response": {"scheduling": 5}}, ""),
        ({}, ""),
    ],
)
def test_scheduling_is_honoured_in_both_places(response: dict[str, Any], scheduling: str) -> None:
    assert decode_tool_responses(response)[0].asked_scheduling == scheduling


UNKNOWN = [
    ('{"hello": {}}', "hello", ""),
    ('{"setup": {"model": "m", "x": 1}}', "x", "setup"),
    (
        '{"setup": {"sessionResumption": {"transparently": true}}}',
        "transparently",
        "setup.session_resumption",
    ),
    (
        '{"setup": {"tools": [{}, {"functionDeclarations": [{"parameters": {"$schema": "s"}}]}]}}',
        "$schema",
        "setup.tools[1].function_declarations[0].parameters",
    ),
    (
        '{"setup": {"tools": [{"functionDeclarations": [{"parameters": '
        '{"properties": {"a": {}, "b": {"const": 1}}}}]}]}}',
        "const",
        "setup.tools[0].function_declarations[0].parameters.properties[1].value",
    ),
    ('{"realtime_input": {"audio": {"mime_type ": "a"}}}', "mime_type ", "realtime_input.audio"),
]


@pytest.mark.parametrize(("text", "name", "path"), UNKNOWN)
def test_a_strict_reader_refuses_an_unknown_field_in_the_real_servers_words(
    text: str, name: str, path: str
) -> None:
    where = f" at '{path}'" if path else ""
    with pytest.raises(WireError) as caught:
        decode_client(text, strict=True)
    assert (
        str(caught.value)
        == f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
    )
    assert caught.value.path == path


@pytest.mark.parametrize(("text", "name", "path"), UNKNOWN[:-1])
def test_a_lenient_reader_drops_an_unknown_field_and_tells(text: str, name: str, path: str) -> None:
    told: list[str] = []
    decode_client(text, on_unknown=told.append)
    assert told == [f"{path}.{name}".removeprefix(".")]


def test_a_strict_reader_refuses_two_kinds_in_one_message() -> None:
    with pytest.raises(
        WireError, match=r"oneof field 'message_type' is already set. Cannot set 'client_content'"
    ):
        decode_client('{"client_content": {}, "setup": {}}', strict=True)
    assert decode_client('{"client_content": {}, "setup": {}}').kinds == ["setup", "client_content"]


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ('{"setup": {"model": 5}}', "setup.model", "Expected str, got int"),
        (
            '{"setup": {"tools": [{"googleSearch": 1}]}}',
            "setup.tools[0].google_search",
            "Expected object, got int",
        ),
        (
            '{"setup": {"generation_config": {"topK": 1.5}}}',
            "setup.generation_config.top_k",
            "Expected int, got float",
        ),
        ('{"realtimeInput": {"audio": {"data": "*"}}}', "realtime_input.audio.data", "not base64"),
        (
            '{"realtimeInput": {"audio": {"data": "****"}}}',
            "realtime_input.audio.data",
            "Invalid base64 encoded string",
        ),
        ("[]", "", "Expected object, got array"),
    ],
)
def test_a_wrong_value_is_named_by_place_and_kind(text: str, path: str, reason: str) -> None:
    """Where and why, but never the value itself: it may be a secret."""
    for strict in (False, True):
        with pytest.raises(WireError) as caught:
            decode_client(text, strict=strict)
        assert caught.value.path == path and reason in caught.value.reason


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b'"\xff"', "{'a': 1}", b"\xef\xbb\xbf{}", '{"setup": {"model": "\\ud800"}}']
)
def test_what_is_not_json_is_one_error(data: bytes | str) -> None:
    with pytest.raises(WireError, match="Invalid JSON payload received"):
        decode_client(data)


def test_extra_fields_are_laid_over_setup() -> None:
    """Known names, in either casing, land on our own; unknown ones are written as given; the rest stays."""
    message = ClientMessage(setup=setup_of(model="m", generationConfig={"temperature": 0.5, "seed": 1}))
    extra = {"generation_config": {"top_k": 3, "seed": 2, "brand_new": {"in_snake": 1}}, "nextThing": [1]}
    assert json.loads(encode_client(message, extra=extra)) == {
        "setup": {
            "model": "m",
            "generationConfig": {"temperature": 0.5, "seed": 2, "topK": 3, "brand_new": {"in_snake": 1}},
            "nextThing": [1],
        }
    }
    with pytest.raises(WireError):
        encode_client(realtime(text="x"), extra=extra)


@pytest.mark.parametrize("value", [object(), "\ud800", {"deep": None}])
def test_what_json_cannot_hold_is_refused_when_written(value: Any) -> None:
    if isinstance(value, dict):
        for _ in range(100_000):
            value = {"deep": value}
    response = FunctionResponse(id="f", response={"output": value})
    for message in (
        ClientMessage(tool_response=ToolResponse([response])),
        ClientMessage(setup=Setup(tools=[Tool(google_maps={"x": value})])),
    ):
        with pytest.raises(WireError, match="cannot be written"):
            encode_client(message)
    with pytest.raises(WireError, match="cannot be written"):
        encode_client(ClientMessage(setup=Setup(tools=[Tool(google_maps={"x": value})])), extra={"a": 1})


def test_replicated_voice_and_avatar_carry_bytes() -> None:
    setup = setup_of(
        generationConfig={
            "speechConfig": {
                "voiceConfig": {
                    "replicatedVoiceConfig": {
                        "voiceSampleAudio": "_-8",
                        "voiceConsentSignature": {"signature": "s"},
                    }
                }
            }
        },
        avatar_config={"customized_avatar": {"image_data": "_-8"}},
    )
    assert setup.generation_config is not None and setup.generation_config.speech_config is not None
    voice = setup.generation_config.speech_config.voice_config
    assert voice is not None and voice.replicated_voice_config is not None
    assert voice.replicated_voice_config.voice_sample_audio == b"\xff\xef"
    assert voice.replicated_voice_config.voice_consent_signature == VoiceConsentSignature("s")
    assert setup.avatar_config is not None and setup.avatar_config.customized_avatar is not None
    assert setup.avatar_config.customized_avatar.image_data == b"\xff\xef"

"""A client reads what real servers send, and a server writes what the real one does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from livegraph.liveapi import (
    Blob,
    CodeExecutionResult,
    Content,
    ErrorStatus,
    ExecutableCode,
    FunctionCall,
    GoAway,
    ModalityTokenCount,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    ToolCall,
    ToolCallCancellation,
    Transcription,
    UsageMetadata,
    VoiceActivity,
    VoiceActivityDetectionSignal,
    WireError,
    WordInfo,
    decode_server,
    duration_ns,
    encode_server,
    format_duration,
)

PCM = "audio/pcm;rate=24000"


def content(**fields: Any) -> ServerMessage:
    return ServerMessage(server_content=ServerContent(**fields))


# Each text is what the real server sends, and what we write for the same message.
CANONICAL = [
    ('{"setupComplete":{}}', ServerMessage(setup_complete=SetupComplete())),
    ('{"setupComplete":{"sessionId":"s"}}', ServerMessage(setup_complete=SetupComplete("s"))),
    ("{}", ServerMessage()),
    ('{"serverContent":{}}', content()),
    (
        '{"sessionResumptionUpdate":{"newHandle":"e94d","resumable":true}}',
        ServerMessage(session_resumption_update=SessionResumptionUpdate(new_handle="e94d", resumable=True)),
    ),
    (
        '{"sessionResumptionUpdate":{}}',
        ServerMessage(session_resumption_update=SessionResumptionUpdate(resumable=False)),
    ),
    (
        '{"sessionResumptionUpdate":{"newHandle":"h","resumable":true,"lastConsumedClientMessageIndex":"12345678901"}}',
        ServerMessage(
            session_resumption_update=SessionResumptionUpdate(
                new_handle="h", resumable=True, last_consumed_client_message_index=12345678901
            )
        ),
    ),
    (
        '{"voiceActivity":{"type":"ACTIVITY_START","audioOffset":"0.280s"}}',
        ServerMessage(voice_activity=VoiceActivity("ACTIVITY_START", "0.280s")),
    ),
    (
        '{"voiceActivityDetectionSignal":{"vadSignalType":"VAD_SIGNAL_TYPE_SOS"}}',
        ServerMessage(voice_activity_detection_signal=VoiceActivityDetectionSignal("VAD_SIGNAL_TYPE_SOS")),
    ),
    ('{"goAway":{"timeLeft":"50s"}}', ServerMessage(go_away=GoAway("50s"))),
    (
        '{"serverContent":{"inputTranscription":{"text":"Hi, can you hear me?"}}}',
        content(input_transcription=Transcription(text="Hi, can you hear me?")),
    ),
    (
        '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"/+8=","mimeType":"audio/pcm;rate=24000"}}],'
        '"role":"model"},"outputTranscription":{"text":"Yes, "}}}',
        content(
            model_turn=Content([Part(inline_data=Blob(b"\xff\xef", PCM))], "model"),
            output_transcription=Transcription(text="Yes, "),
        ),
    ),
    ('{"serverContent":{"generationComplete":true}}', content(generation_complete=True)),
    ('{"serverContent":{"interrupted":true}}', content(interrupted=True)),
    (
        '{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":229,"responseTokenCount":25,'
        '"totalTokenCount":254,"promptTokensDetails":[{"modality":"TEXT","tokenCount":229}],'
        '"responseTokensDetails":[{"modality":"TEXT","tokenCount":25}]}}',
        ServerMessage(
            server_content=ServerContent(turn_complete=True),
            usage_metadata=UsageMetadata(
                prompt_token_count=229,
                response_token_count=25,
                total_token_count=254,
                prompt_tokens_details=[ModalityTokenCount("TEXT", 229)],
                response_tokens_details=[ModalityTokenCount("TEXT", 25)],
            ),
        ),
    ),
    (
        '{"toolCall":{"functionCalls":[{"id":"fc_14200725817497324105","name":"get_weather","args":{"city":"Oslo"}},'
        '{"name":"no_id"}]}}',
        ServerMessage(
            tool_call=ToolCall(
                [
                    FunctionCall(id="fc_14200725817497324105", name="get_weather", args={"city": "Oslo"}),
                    FunctionCall(name="no_id"),
                ]
            )
        ),
    ),
    (
        '{"toolCallCancellation":{"ids":["fc_1","fc_2"]}}',
        ServerMessage(tool_call_cancellation=ToolCallCancellation(["fc_1", "fc_2"])),
    ),
    (
        '{"serverContent":{"modelTurn":{"parts":[{"text":"hm","thought":true},'
        '{"executableCode":{"code":"1","language":"PYTHON"}},'
        '{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}]}}}',
        content(
            model_turn=Content(
                [
                    Part(text="hm", thought=True),
                    Part(executable_code=ExecutableCode("1", "PYTHON")),
                    Part(code_execution_result=CodeExecutionResult("OUTCOME_OK", "1")),
                ]
            )
        ),
    ),
    (
        '{"serverContent":{"turnComplete":true,"turnCompleteReason":"A_REASON_OF_TOMORROW","waitingForInput":true,'
        '"interactionStatus":"IN_PROGRESS","speechState":"SPEECH"}}',
        content(
            turn_complete=True,
            turn_complete_reason="A_REASON_OF_TOMORROW",
            waiting_for_input=True,
            interaction_status="IN_PROGRESS",
            speech_state="SPEECH",
        ),
    ),
    (
        '{"toolCall":{"functionCalls":[]},"interactionStatus":"IN_PROGRESS"}',
        ServerMessage(tool_call=ToolCall(), interaction_status="IN_PROGRESS"),
    ),
    (
        '{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}',
        ServerMessage(error=ErrorStatus(code=429, message="m", status="RESOURCE_EXHAUSTED")),
    ),
    (
        '{"serverContent":{"interimInputTranscription":{"text":"a","languageCode":"id","words":'
        '[{"word":"a","startOffset":"0.1s"}]}}}',
        content(
            interim_input_transcription=Transcription(
                text="a", language_code="id", words=[WordInfo("a", "0.1s")]
            )
        ),
    ),
]


@pytest.mark.parametrize(("text", "message"), CANONICAL)
def test_server_messages_are_read_and_written(text: str, message: ServerMessage) -> None:
    """Text and binary frames, pretty-printed or not, read alike; writing gives the same JSON."""
    assert decode_server(text) == message
    assert decode_server(text.encode()) == message
    assert decode_server(memoryview(json.dumps(json.loads(text), indent=2).encode() + b"\n")) == message
    written = json.loads(encode_server(message))
    expected = json.loads(text)
    if "toolCall" in expected and not expected["toolCall"]["functionCalls"]:
        expected["toolCall"] = {}
    assert written == expected


def test_pretty_printing_changes_space_only() -> None:
    message = CANONICAL[14][1]
    pretty = encode_server(message, pretty=True)
    assert pretty.endswith(b"}\n") and b'\n  "usageMetadata"' in pretty
    assert json.loads(pretty) == json.loads(encode_server(message))


def test_grounding_is_read_whole() -> None:
    found = decode_server(
        '{"serverContent":{"groundingMetadata":{"webSearchQueries":["q"],"searchEntryPoint":{"renderedContent":"<div>"},'
        '"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"maps":{"place_id":"p"}}],"groundingSupports":'
        '[{"segment":{"endIndex":61,"text":"t"},"groundingChunkIndices":[0],"confidenceScores":[1]}]},'
        '"urlContextMetadata":{"urlMetadata":[{"retrievedUrl":"u","urlRetrievalStatus":"URL_RETRIEVAL_STATUS_ERROR"}]}}}'
    ).server_content
    assert found is not None and found.grounding_metadata is not None
    grounding = found.grounding_metadata
    assert grounding.search_entry_point is not None
    assert grounding.search_entry_point.rendered_content == "<div>"
    web, maps = grounding.grounding_chunks
    assert web.web is not None and web.web.title == "A" and maps.maps == {"place_id": "p"}
    [support] = grounding.grounding_supports
    assert support.segment is not None and support.segment.end_index == 61
    assert support.grounding_chunk_indices == [0] and support.confidence_scores == [1.0]
    assert found.url_context_metadata is not None
    assert found.url_context_metadata.url_metadata[0].url_retrieval_status == "URL_RETRIEVAL_STATUS_ERROR"


def test_unknown_fields_are_dropped_and_told_of() -> None:
    """At any depth, beside known ones, in a message with nothing known, and none of them costs the rest."""
    told: list[str] = []
    text = (
        '{"serverContent":{"turnComplete":true,"mood":{"a":1},'
        '"modelTurn":{"parts":[{"text":"x","smell":1}]}},"new":[]}'
    )
    assert decode_server(text, on_unknown=told.append) == content(
        turn_complete=True, model_turn=Content.of_text("x")
    )
    assert told == ["server_content.mood", "server_content.model_turn.parts[0].smell", "new"]
    assert decode_server('{"nothing":{"known":1}}') == ServerMessage()


def test_output_tokens_have_two_names() -> None:
    """The Gemini API's and Vertex's."""
    for name in ("response", "candidates"):
        details = [{"modality": "AUDIO", "tokenCount": "7"}]
        text = json.dumps({"usageMetadata": {f"{name}TokenCount": 7, f"{name}TokensDetails": details}})
        usage = decode_server(text).usage_metadata
        assert usage is not None and usage.output_token_count == 7
        assert usage.output_tokens_details == [ModalityTokenCount("AUDIO", 7)]


@pytest.mark.parametrize(
    ("text", "ns", "written"),
    [
        ("50s", 50_000_000_000, "50s"),
        ("0.280s", 280_000_000, "0.280s"),
        ("9.5s", 9_500_000_000, "9.500s"),
        ("0s", 0, "0s"),
        ("0.000000001s", 1, "0.000000001s"),
        ("1.0000005s", 1_000_000_500, "1.000000500s"),
        ("1.00000000099s", 1_000_000_000, "1s"),
    ],
)
def test_durations(text: str, ns: int, written: str) -> None:
    assert duration_ns(text) == ns
    assert format_duration(ns) == written
    assert GoAway(text).time_left_ns == VoiceActivity("", text).audio_offset_ns == ns


@pytest.mark.parametrize("text", ["", "50", "s", ".5s", "1.s", "-1s", "1e3s", "1 s", "1" * 30 + "s", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    """The function refuses it; a message that holds it is still read, and says that it does not know."""
    with pytest.raises(WireError):
        duration_ns(text)
    message = decode_server(json.dumps({"goAway": {"timeLeft": text}}))
    assert message.go_away is not None and message.go_away.time_left_ns is None


def test_a_negative_duration_is_not_written() -> None:
    with pytest.raises(ValueError, match=">= 0"):
        format_duration(-1)


def test_plain_text_leaves_thoughts_out() -> None:
    turn = Content([Part(text="a"), Part(text="hm", thought=True), Part(inline_data=Blob()), Part(text="b")])
    assert turn.plain_text == "ab"

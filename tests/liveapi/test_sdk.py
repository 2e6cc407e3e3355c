"""The official SDK as judge, through its own live session and an in-memory socket.

Whatever our server side writes, the SDK reads without loss; whatever the SDK writes, our strict reader takes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import typing
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from livegraph.liveapi import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextTools,
    ContextUpdate,
    Empty,
    FunctionDeclaration,
    FunctionResponse,
    RealtimeInput,
    ServerContent,
    ServerMessage,
    Tool,
    ToolCall,
    ToolResponse,
    UsageMetadata,
    decode_client,
    decode_server,
    encode_client,
    encode_server,
)
from livegraph.liveapi.content import FunctionCall, Part
from livegraph.liveapi.server import ModalityTokenCount, VoiceActivity
from support.wire import all_types, messages

# The SDK's own imports, and its notes on enum values newer than itself, are not our warnings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

BYTES = bytes.fromhex("ffefbefbfffe0001")
# Fields that the SDK does not have, types more narrowly than the wire, or (free-form) prints without nulls.
NOT_THE_SDKS = frozenset(
    {
        *(
            "error",
            "interaction_status",
            "speech_state",
            "candidates_token_count",
            "candidates_tokens_details",
        ),
        *("maps", "retrieved_context", "image", "video_metadata", "media_resolution", "null_value", "web"),
        *("args", "response", "part_metadata"),
        *("turn_complete_reason", "url_retrieval_status", "modality", "type", "vad_signal_type", "language"),
        *("outcome", "scheduling", "traffic_type", "service_tier"),
    }
)


class Socket:
    """The far end of an SDK session: keeps what is sent, and gives back what is put in."""

    def __init__(self, *incoming: bytes) -> None:
        self.sent: list[str] = []
        self._incoming = list(incoming)

    async def send(self, data: str) -> None:
        self.sent.append(data)

    async def recv(self, decode: bool | None = None) -> bytes:
        return self._incoming.pop(0)


@pytest.fixture(scope="module")
def genai() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("google.genai", reason="google-genai is not installed (extra: test)")
        pytest.importorskip("google.genai.live")
    return module


def _session(genai: Any, socket: Socket, vertex: bool = False) -> Any:
    client = genai.Client(vertexai=vertex, api_key="none")
    return genai.live.AsyncSession(api_client=client._api_client, websocket=socket)


def _read_by_sdk(genai: Any, message: ServerMessage, vertex: bool = False) -> Any:
    """The SDK's reading of a server message as we write it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(_session(genai, Socket(encode_server(message)), vertex)._receive())


def _back(seen: Any) -> ServerMessage:
    """What the SDK's object says, as a message of ours."""
    tree = seen.model_dump(mode="json", by_alias=True, exclude_none=True)
    if "voiceActivity" in tree:
        activity = tree["voiceActivity"]
        tree["voiceActivity"] = {"type": activity.pop("voiceActivityType", ""), **activity}
    return decode_server(json.dumps(tree))


def _names(model: Any, seen: set[Any]) -> set[str]:
    """The names of all fields in a tree of the SDK's types."""
    if hasattr(model, "model_fields"):
        if model in seen:
            return set()
        seen.add(model)
        kinds = [field.annotation for field in model.model_fields.values()]
        return set(model.model_fields).union(*(_names(kind, seen) for kind in kinds))
    return set().union(*(_names(kind, seen) for kind in typing.get_args(model)))


def test_the_sdk_reads_every_server_message_without_loss(genai: Any) -> None:
    """Of the fields that the installed SDK has: older ones lack the newest."""
    theirs = _names(genai.types.LiveServerMessage, set())
    ours = {field.name for kind in all_types() for field in msgspec.structs.fields(kind)}

    @settings(deadline=None)
    @given(messages(ServerMessage, without=NOT_THE_SDKS | (ours - theirs)))
    def trip(message: ServerMessage) -> None:
        assert _back(_read_by_sdk(genai, message)) == message

    assert {"model_turn", "usage_metadata", "grounding_metadata", "new_handle"} <= theirs
    trip()


def test_the_sdk_reads_the_fields_that_random_values_cannot_fill(genai: Any) -> None:
    """Enumerations, free-form arguments, and grounding, with values that are real."""
    for message in (
        ServerMessage(
            tool_call=ToolCall(
                [FunctionCall(id="fc_1", name="f", args={"snake_case": {"a_b": [1, "x", 2.5]}})]
            )
        ),
        ServerMessage(voice_activity=VoiceActivity("ACTIVITY_END", "2.840s")),
        ServerMessage(
            server_content=ServerContent(
                turn_complete=True, turn_complete_reason="NEED_MORE_INPUT", interaction_status="IDLE"
            )
        ),
        decode_server(
            '{"serverContent":{"modelTurn":{"parts":[{"executableCode":{"language":"PYTHON","code":"1"}},'
            '{"codeExecutionResult":{"outcome":"OUTCOME_OK"}},{"partMetadata":{"a_b":1}}]},"groundingMetadata":'
            '{"groundingChunks":[{"web":{"uri":"u","title":"t","domain":"d"}},{"maps":{"placeId":"p"}}]},'
            '"urlContextMetadata":{"urlMetadata":[{"urlRetrievalStatus":"URL_RETRIEVAL_STATUS_PAYWALL"}]}},'
            '"usageMetadata":{"trafficType":"ON_DEMAND"}}'
        ),
        decode_server('{"voiceActivityDetectionSignal":{"vadSignalType":"VAD_SIGNAL_TYPE_EOS"}}'),
    ):
        assert _back(_read_by_sdk(genai, message)) == message


def test_the_sdk_finds_audio_text_and_usage(genai: Any) -> None:
    """Through the shortcuts that its users use; on Vertex the generated tokens have their other name."""
    blob = Blob(BYTES, "audio/pcm;rate=24000")
    turn = Content([Part(inline_data=blob), Part(text="hm", thought=True), Part(text="yes")], "model")
    seen = _read_by_sdk(genai, ServerMessage(server_content=ServerContent(model_turn=turn)))
    assert seen.data == BYTES and seen.text == "yes"
    counts = [ModalityTokenCount("AUDIO", 7)]
    plain = UsageMetadata(response_token_count=7, response_tokens_details=counts)
    vertex = UsageMetadata(candidates_token_count=7, candidates_tokens_details=counts)
    for usage, on_vertex in ((plain, False), (vertex, True)):
        found = _read_by_sdk(genai, ServerMessage(usage_metadata=usage), on_vertex).usage_metadata
        assert found.response_token_count == 7 and found.response_tokens_details[0].token_count == 7


def _said(**fields: Any) -> ClientMessage:
    return ClientMessage(realtime_input=RealtimeInput(**fields))


def _blob(genai: Any, mime: str) -> Any:
    return genai.types.Blob(data=BYTES, mime_type=mime)


CALLS: list[tuple[Callable[[Any, Any], Awaitable[None]], ClientMessage]] = [
    (
        lambda live, genai: live.send_realtime_input(audio=_blob(genai, "audio/pcm;rate=16000")),
        _said(audio=Blob(BYTES, "audio/pcm;rate=16000")),
    ),
    (
        lambda live, genai: live.send_realtime_input(video=_blob(genai, "image/jpeg")),
        _said(video=Blob(BYTES, "image/jpeg")),
    ),
    (
        lambda live, genai: live.send_realtime_input(media=_blob(genai, "audio/pcm")),
        _said(media_chunks=[Blob(BYTES, "audio/pcm")]),
    ),
    (lambda live, genai: live.send_realtime_input(text="é"), _said(text="é")),
    (
        lambda live, genai: live.send_realtime_input(activity_start=genai.types.ActivityStart()),
        _said(activity_start=Empty()),
    ),
    (
        lambda live, genai: live.send_realtime_input(activity_end=genai.types.ActivityEnd()),
        _said(activity_end=Empty()),
    ),
    (lambda live, genai: live.send_realtime_input(audio_stream_end=True), _said(audio_stream_end=True)),
    (
        lambda live, genai: live.send_client_content(
            turns=[{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}],
            turn_complete=True,
        ),
        ClientMessage(
            client_content=ClientContent(
                [Content.of_text("a", "user"), Content.of_text("b", "model")], turn_complete=True
            )
        ),
    ),
    (
        lambda live, genai: live.send_client_content(),
        ClientMessage(client_content=ClientContent(turn_complete=True)),
    ),
    (
        lambda live, genai: live.send_tool_response(
            function_responses=[
                genai.types.FunctionResponse(id="1", name="f", response={"output": {"a_b": 1}}),
                genai.types.FunctionResponse(
                    id="2", name="g", response={}, scheduling="SILENT", will_continue=False
                ),
            ]
        ),
        ClientMessage(
            tool_response=ToolResponse(
                [
                    FunctionResponse(id="1", name="f", response={"output": {"a_b": 1}}),
                    FunctionResponse(id="2", name="g", response={}, scheduling="SILENT", will_continue=False),
                ]
            )
        ),
    ),
]


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_what_the_sdk_writes_is_what_we_write(
    genai: Any, call: Callable[[Any, Any], Awaitable[None]], message: ClientMessage
) -> None:
    """Our strict reader takes it, finds the same message in it, and field by field our own JSON equals it."""
    socket = Socket()

    async def run() -> None:
        await call(_session(genai, socket), genai)

    asyncio.run(run())
    [sent] = socket.sent
    assert decode_client(sent, strict=True) == message
    assert _plain(json.loads(encode_client(message))) == _plain(json.loads(sent))


def test_context_updates_are_the_same(genai: Any) -> None:
    if not hasattr(genai.live.AsyncSession, "send_context_update"):
        pytest.skip("this google-genai has no context updates (they came with 3.x)")
    socket = Socket()
    asyncio.run(
        _session(genai, socket).send_context_update(
            system_instruction="Be brief.", tools=[{"function_declarations": [{"name": "f"}]}]
        )
    )
    found = decode_client(socket.sent[0], strict=True).context_update
    assert found == ContextUpdate(
        Content.of_text("Be brief.", "user"),
        ContextTools([Tool(function_declarations=[FunctionDeclaration(name="f")])]),
    )


def _plain(tree: Any) -> Any:
    """JSON with names in camelCase and base64 as bytes: what is left to the writer, made equal.

    For these messages only.
    """
    if isinstance(tree, list):
        return [_plain(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    result = {}
    for name, item in tree.items():
        head, *tail = name.split("_")
        result[head + "".join(word.title() for word in tail)] = (
            base64.urlsafe_b64decode(item.replace("+", "-").replace("/", "_"))
            if name == "data"
            else _plain(item)
        )
    return result

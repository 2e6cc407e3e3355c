"""Programs of users of the official SDK, run by ``support.sdk.Judge`` in a process that has nothing of ours.

Each is a coroutine that takes what it needs, asserts what it relies on, and returns what the test looks at. Only
public names of google-genai are used, but in `read`, `write` and `parse`, which put one message through the SDK's own
session without a network.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import traceback
import typing
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from google import genai
from google.genai import errors, live, types

WITHIN_S = 30.0
MODEL = "gemini-3.8-live"
PROGRAMS: dict[str, Callable[..., Awaitable[Any]]] = {}
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "city": {"type": "STRING", "description": "its name"},
            "days": {"type": "INTEGER", "minimum": 1},
        },
        "required": ["city"],
    },
}
BASIC: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
}


def program(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Make a function known by its name."""
    PROGRAMS[function.__name__] = function
    return function


# Helpers -----------------------------------------------------------------------------------------


def client_of(port: int, *, key: str = "any", **options: Any) -> Any:
    """A client by public options. The certificate is trusted by ``SSL_CERT_FILE``."""
    where: Any = {"base_url": f"https://localhost:{port}", **options.pop("http_options", {})}
    return genai.Client(api_key=key, http_options=where, **options)


@asynccontextmanager
async def session_of(
    port: int, config: dict[str, Any] | None = None, *, model: str = MODEL, **options: Any
) -> AsyncIterator[Any]:
    """A live session."""
    client = client_of(port, **options)
    try:
        async with client.aio.live.connect(model=model, config={**BASIC, **(config or {})}) as session:
            yield session
    finally:
        await client.aio.aclose()
        client.close()


def told(message: Any) -> dict[str, Any]:
    """A message as JSON."""
    found: dict[str, Any] = message.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


async def turn(session: Any, on_message: Callable[[Any], Awaitable[None]] | None = None) -> list[Any]:
    """The messages until ``receive`` returns."""
    found = []
    async for message in session.receive():
        found.append(message)
        if on_message is not None:
            await on_message(message)
    return found


def contents(messages: list[Any], name: str) -> list[Any]:
    """A field of the server's content wherever it is set."""
    found = [getattr(each.server_content, name) for each in messages if each.server_content]
    return [each for each in found if each]


def spoken(messages: list[Any]) -> str:
    """What the model says."""
    return "".join(each.text for each in contents(messages, "output_transcription"))


def heard(messages: list[Any]) -> str:
    """What the model hears."""
    return "".join(each.text for each in contents(messages, "input_transcription"))


def sound(messages: list[Any]) -> bytes:
    """The model's voice."""
    return b"".join(message.data for message in messages if message.data)


async def speak(session: Any, path: str, *, silence_s: float = 2.0) -> None:
    """Audio of a file of raw PCM, in messages of 100 ms."""
    with open(path, "rb") as file:  # noqa: ASYNC230, PTH123  # a program of a few lines, as users write them
        pcm = file.read() + bytes(round(silence_s * 32_000))
    for at in range(0, len(pcm), 3_200):
        await session.send_realtime_input(
            audio=types.Blob(data=pcm[at : at + 3_200], mime_type="audio/pcm;rate=16000")
        )


async def refusal(opening: Any) -> list[Any]:
    """The code and the reason with which a session is refused, or ends while it is used."""
    try:
        async with opening as session:
            while True:
                await turn(session)
    except errors.APIError as error:
        return [error.code, error.details]


# Features ----------------------------------------------------------------------------------------


@program
async def full_config(port: int) -> Any:
    """Everything at once that the model takes."""

    def book(slot: str, people: int = 2) -> str:
        """Book a table.

        Args:
            slot: when
            people: how many
        """
        raise NotImplementedError

    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        temperature=0.7,
        top_p=0.95,
        top_k=40,
        max_output_tokens=1024,
        seed=7,
        media_resolution=types.MediaResolution.MEDIA_RESOLUTION_LOW,
        speech_config=types.SpeechConfig(
            voice_config=types.VoiceConfig(
                prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore")
            ),
            language_code="id-ID",
        ),
        system_instruction="You are terse.",
        tools=[
            types.Tool(google_search=types.GoogleSearch()),
            types.Tool(function_declarations=[WEATHER]),  # type: ignore[list-item]
            book,
        ],
        session_resumption=types.SessionResumptionConfig(),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(
                disabled=False,
                start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_HIGH,
                end_of_speech_sensitivity=types.EndSensitivity.END_SENSITIVITY_LOW,
                prefix_padding_ms=20,
                silence_duration_ms=500,
            ),
            activity_handling=types.ActivityHandling.START_OF_ACTIVITY_INTERRUPTS,
            turn_coverage=types.TurnCoverage.TURN_INCLUDES_ONLY_ACTIVITY,
        ),
        context_window_compression=types.ContextWindowCompressionConfig(
            trigger_tokens=25_600, sliding_window=types.SlidingWindow(target_tokens=12_800)
        ),
        proactivity=types.ProactivityConfig(proactive_audio=True),
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                threshold=types.HarmBlockThreshold.BLOCK_NONE,
            )
        ],
    )
    client = client_of(port)
    async with client.aio.live.connect(model=MODEL, config=config) as session:
        assert session.setup_complete is not None
        await session.send_realtime_input(text="Hello?")
        return spoken(await turn(session))


@program
async def whatever_config(port: int, config: dict[str, Any], model: str = MODEL) -> Any:
    """A configuration as JSON; says hello."""
    async with session_of(port, config, model=model) as session:
        await session.send_realtime_input(text="Hello?")
        return [told(message) for message in await turn(session)]


@program
async def spoken_turn(port: int, path: str) -> Any:
    """Audio in, audio out."""
    async with session_of(port, {"session_resumption": {}}) as session:
        await speak(session, path)
        messages = await turn(session)
        data = sound(messages)
        assert len(data) > 24_000 and len(data) % 1_920 == 0, len(data)
        kinds = [each.voice_activity.voice_activity_type for each in messages if each.voice_activity]
        updates = [each.session_resumption_update for each in messages if each.session_resumption_update]
        assert updates[0].resumable and len(updates[0].new_handle) == 36
        last = messages[-1]
        assert last.server_content.turn_complete
        order = [
            name
            for message in messages
            for name in ("input_transcription", "model_turn", "generation_complete", "turn_complete")
            if message.server_content and getattr(message.server_content, name)
        ]
        return {
            "heard": heard(messages),
            "said": spoken(messages),
            "activity": [kind.value for kind in kinds],
            "order": list(dict.fromkeys(order)),
            "bytes": len(data),
            "usage": told(last.usage_metadata),
        }


@program
async def typed_turns(port: int) -> Any:
    """Text, and content; both are answered."""
    async with session_of(port) as session:
        said = []
        await session.send_realtime_input(text="Hello?")
        said.append(spoken(await turn(session)))
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "And now?"}]})
        said.append(spoken(await turn(session)))
        await session.send_client_content(
            turns=[types.Content(role="user", parts=[types.Part(text="My name is Ann.")])],
            turn_complete=False,
        )
        await session.send_client_content(turn_complete=True)
        said.append(spoken(await turn(session)))
        return said


@program
async def history(port: int) -> Any:
    """What was said before is told first, and not answered."""
    async with session_of(port, {"history_config": {"initial_history_in_client_content": True}}) as session:
        await session.send_client_content(
            turns=[
                {"role": "user", "parts": [{"text": "I am Ann."}]},
                {"role": "model", "parts": [{"text": "Hello Ann."}]},
            ],
            turn_complete=True,
        )
        await session.send_realtime_input(text="And now?")
        messages = await turn(session)
        return [spoken(messages), told(messages[-1].usage_metadata)]


@program
async def pictures(port: int, image: str) -> Any:
    """Pictures alone are not answered; they count in the next turn."""
    async with session_of(port) as session:
        data = base64.b64decode(image)
        for _ in range(2):
            await session.send_realtime_input(video=types.Blob(data=data, mime_type="image/jpeg"))
        await session.send_realtime_input(text="What do you see?")
        messages = await turn(session)
        return [spoken(messages), told(messages[-1].usage_metadata)]


@program
async def manual_activity(port: int, path: str) -> Any:
    """The program marks the user's turn."""
    manual = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
    async with session_of(port, manual) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await speak(session, path, silence_s=0)
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        messages = await turn(session)
        return [heard(messages), spoken(messages), any(each.voice_activity for each in messages)]


@program
async def stream_end(port: int, path: str) -> Any:
    """The microphone is closed in the middle of the last word: the turn ends all the same."""
    async with session_of(port) as session:
        await speak(session, path, silence_s=0)
        await session.send_realtime_input(audio_stream_end=True)
        messages = await turn(session)
        return [heard(messages), spoken(messages)]


@program
async def blocking_tool(port: int) -> Any:
    """The turn stays open until the function has answered; a Python function may be the declaration."""

    def get_weather(city: str, days: int = 1) -> str:
        """The weather of a city."""
        raise NotImplementedError

    declared = types.FunctionDeclaration.from_callable_with_api_option(
        callable=get_weather, api_option="GEMINI_API"
    )
    declared.behavior = types.Behavior.BLOCKING
    calls = []
    async with session_of(port, {"tools": [{"function_declarations": [declared]}]}) as session:

        async def answer(message: Any) -> None:
            for call in message.tool_call.function_calls if message.tool_call else []:
                calls.append([call.name, call.args])
                await session.send_tool_response(
                    function_responses=types.FunctionResponse(
                        id=call.id, name=call.name, response={"output": {"temp": 31}}
                    )
                )

        await session.send_realtime_input(text="What is the weather in Oslo?")
        messages = await turn(session, answer)
        ends = len(contents(messages, "turn_complete"))
        return {"calls": calls, "said": spoken(messages), "turns": ends}


@program
async def call_in_pieces(port: int) -> Any:
    """The arguments of a call as the SDK's own types hold them, where it knows the field; else nothing."""
    if "partial_args" not in types.FunctionCall.model_fields:
        return None
    pieces: list[Any] = []
    declared = {**WEATHER, "behavior": "BLOCKING"}
    async with session_of(port, {"tools": [{"function_declarations": [declared]}]}) as session:

        async def answer(message: Any) -> None:
            for call in message.tool_call.function_calls if message.tool_call else []:
                pieces.append(call.model_dump(mode="json", exclude_none=True))
                if not call.will_continue:
                    await session.send_tool_response(
                        function_responses=types.FunctionResponse(
                            id=call.id, name=pieces[0]["name"], response={"output": {"temp": 31}}
                        )
                    )

        await session.send_realtime_input(text="What is the weather in Oslo?")
        messages = await turn(session, answer)
        return {"pieces": pieces, "said": spoken(messages)}


@program
async def nonblocking_tool(port: int, scheduling: str) -> Any:
    """The turn ends at once; the answer opens another one, or none when it is SILENT."""
    tools = [{"function_declarations": [{**WEATHER, "behavior": "NON_BLOCKING"}]}]
    async with session_of(port, {"tools": tools}) as session:
        await session.send_realtime_input(text="What is the weather in Oslo?")
        first = await turn(session)
        (call,) = next(each for each in first if each.tool_call).tool_call.function_calls
        if scheduling == "INTERRUPT":
            # Something else is being said when the result comes.
            await session.send_realtime_input(text="Tell me a story.")
            async for message in session.receive():
                if message.data:
                    break
        await session.send_tool_response(
            function_responses=[
                {
                    "id": call.id,
                    "name": call.name,
                    "response": {"output": {"temp": 31}},
                    "scheduling": scheduling,
                }
            ]
        )
        if scheduling == "SILENT":
            await session.send_realtime_input(text="Are you there?")
        more = await turn(session)
        cut = bool(contents(more, "interrupted"))
        if cut:
            more = await turn(session)
        return {"id": call.id, "first": spoken(first), "then": spoken(more), "cut": cut}


@program
async def generator_tool(port: int) -> Any:
    """A function that answers more than once."""
    tools = [{"function_declarations": [{**WEATHER, "behavior": "NON_BLOCKING"}]}]
    async with session_of(port, {"tools": tools}) as session:
        await session.send_realtime_input(text="What is the weather in Oslo?")
        first = await turn(session)
        (call,) = next(each for each in first if each.tool_call).tool_call.function_calls
        said = []
        for temp, goes_on in ((30, True), (31, False)):
            await session.send_tool_response(
                function_responses=types.FunctionResponse(
                    id=call.id,
                    name=call.name,
                    response={"output": {"temp": temp}},
                    scheduling=types.FunctionResponseScheduling.WHEN_IDLE,
                    will_continue=goes_on,
                )
            )
            said.append(spoken(await turn(session)))
        return said


@program
async def cancelled_tool(port: int, model: str) -> Any:
    """An interruption withdraws the call."""
    tools = [{"function_declarations": [WEATHER]}]
    async with session_of(port, {"tools": tools}, model=model) as session:
        asked: list[str] = []

        async def interrupt(message: Any) -> None:
            if message.tool_call:
                asked.extend(call.id for call in message.tool_call.function_calls)
                await session.send_realtime_input(text="Never mind, stop it.")

        await session.send_realtime_input(text="What is the weather in Oslo?")
        messages = await turn(session, interrupt)
        if not any(each.tool_call_cancellation for each in messages):
            # The turn of the call may be over before the interruption is there.
            messages += await turn(session)
        withdrawn = [
            id_ for each in messages if each.tool_call_cancellation for id_ in each.tool_call_cancellation.ids
        ]
        return [asked, withdrawn, bool(contents(messages, "interrupted"))]


@program
async def interruption(port: int, how: str, path: str = "") -> Any:
    """The model is cut off: ``interrupted``, the turn's end, then the answer."""
    async with session_of(port) as session:
        done = False

        async def cut(message: Any) -> None:
            nonlocal done
            if not message.data or done:
                return
            done = True
            if how == "text":
                await session.send_realtime_input(text="Stop it.")
            elif how == "content":
                await session.send_client_content(turns={"role": "user", "parts": [{"text": "Stop it."}]})
            else:
                await speak(session, path)

        await session.send_realtime_input(text="Tell me a story.")
        messages = await turn(session, cut)
        then = await turn(session)
        return {
            "interrupted": len(contents(messages, "interrupted")),
            "generation_complete": len(contents(messages, "generation_complete")),
            "said": spoken(messages),
            "then": spoken(then),
        }


@program
async def resumption(port: int) -> Any:
    """The handle is refused while the old connection is open, and good afterwards; pending calls survive."""
    tools = [{"function_declarations": [{**WEATHER, "behavior": "NON_BLOCKING"}]}]
    config = {"tools": tools, "session_resumption": {}}
    async with session_of(port, config) as session:
        await session.send_realtime_input(text="What is the weather in Oslo?")
        messages = await turn(session)
        (call,) = next(each for each in messages if each.tool_call).tool_call.function_calls
        updates = [each.session_resumption_update for each in messages if each.session_resumption_update]
        handle = updates[-1].new_handle
        again = {**config, "session_resumption": {"handle": handle}}
        too_early = await refusal(session_of(port, again))
    async with session_of(port, again) as session:
        await session.send_tool_response(
            function_responses={"id": call.id, "name": call.name, "response": {"output": {"temp": 31}}}
        )
        messages = await turn(session)
        updates = [each.session_resumption_update for each in messages if each.session_resumption_update]
        return {"too_early": too_early, "said": spoken(messages), "new": updates[0].new_handle != handle}


@program
async def go_away(port: int) -> Any:
    """The end is announced, and comes when nothing is done."""
    left = None
    async with session_of(port, {"session_resumption": {}}) as session:
        try:
            while True:
                async for message in session.receive():
                    if message.go_away:
                        left = message.go_away.time_left
        except errors.APIError as error:
            return [left, error.code, error.details]


@program
async def context_update(port: int) -> Any:
    """New instructions and tools; ``None`` where the SDK knows no such message."""
    async with session_of(port) as session:
        if not hasattr(session, "send_context_update"):
            return None
        await session.send_realtime_input(text="What is the weather in Oslo?")
        before = spoken(await turn(session))
        await session.send_context_update(
            system_instruction="Be brief.",
            tools=[{"function_declarations": [{**WEATHER, "behavior": "BLOCKING"}]}],
        )
        calls = []

        async def answer(message: Any) -> None:
            for call in message.tool_call.function_calls if message.tool_call else []:
                calls.append(call.name)
                await session.send_tool_response(
                    function_responses={"id": call.id, "name": call.name, "response": {"temp": 31}}
                )

        await session.send_realtime_input(text="What is the weather in Oslo?")
        messages = await turn(session, answer)
        await session.send_context_update(tools=[])
        await session.send_realtime_input(text="What is the weather in Oslo?")
        return [before, calls, spoken(messages), spoken(await turn(session))]


@program
async def tokens(port: int) -> Any:
    """A token is made with a key, opens one session, is held to its configuration, and is then used up."""
    warnings.simplefilter("ignore")
    at = {"api_version": "v1alpha"}
    client = client_of(port, key="good", http_options=at)
    token = await client.aio.auth_tokens.create(
        config={
            "uses": 1,
            "live_connect_constraints": {
                "model": MODEL,
                "config": {"system_instruction": "You are Bob.", **BASIC},
            },
            "lock_additional_fields": [],
        }
    )
    sync = client.auth_tokens.create(config={"uses": 2})
    assert sync.name and sync.name != token.name
    await client.aio.aclose()
    async with session_of(port, key=token.name, http_options=at) as session:
        await session.send_realtime_input(text="Who are you?")
        said = spoken(await turn(session))
    again = await refusal(session_of(port, key=token.name, http_options=at))
    made_up = await refusal(session_of(port, key="auth_tokens/none", http_options=at))
    bad_key = client_of(port, key="bad", http_options=at)
    try:
        await bad_key.aio.auth_tokens.create(config={})
        created = [200, ""]
    except errors.APIError as error:
        created = [error.code, error.message]
    return {"name": token.name, "said": said, "again": again, "made_up": made_up, "bad_key": created}


@program
async def ended(
    port: int, model: str = MODEL, config: dict[str, Any] | None = None, key: str = "any", do: str = ""
) -> Any:
    """How a session ends that is refused, or that does something wrong."""
    opening = session_of(port, config, model=model, key=key)
    if not do:
        return await refusal(opening)
    async with opening as session:
        match do:
            case "activity_start":
                await session.send_realtime_input(activity_start=types.ActivityStart())
            case "text":
                await session.send_realtime_input(text="Hello?")
            case "content":
                await session.send_client_content(turns={"role": "user", "parts": [{"text": "Hello?"}]})
            case "function_response":
                part = types.Part(function_response=types.FunctionResponse(name="f", response={}))
                await session.send_client_content(turns=types.Content(role="user", parts=[part]))
        try:
            while True:
                await turn(session)
        except errors.APIError as error:
            return [error.code, error.details]


@program
async def two_sessions(port: int) -> Any:
    """The second while the first is open."""
    async with session_of(port):
        return await refusal(session_of(port))


@program
async def compression(port: int, path: str) -> Any:
    """The prompt's tokens of each turn."""
    config = {"context_window_compression": {"trigger_tokens": 900, "sliding_window": {"target_tokens": 300}}}
    counted = []
    async with session_of(port, config) as session:
        for _ in range(10):
            await session.send_realtime_input(text="Tell me a story.")
            counted.append((await turn(session))[-1].usage_metadata.prompt_token_count)
    return counted


@program
async def extended_thinking(port: int) -> Any:
    """Several turns make one interaction; what ``receive`` returns is the whole of it where the SDK knows of it."""
    tools = [{"function_declarations": [{**WEATHER, "behavior": "NON_BLOCKING"}]}]
    model = "gemini-3.8-live-extended-thinking"
    async with session_of(port, {"tools": tools}, model=model) as session:

        async def answer(message: Any) -> None:
            for call in message.tool_call.function_calls if message.tool_call else []:
                await session.send_tool_response(
                    function_responses={"id": call.id, "name": call.name, "response": {"temp": 31}}
                )

        await session.send_realtime_input(text="What is the weather in Oslo?")
        messages = await turn(session, answer)
        rounds = 1
        while not spoken(messages):
            messages += await turn(session, answer)
            rounds += 1
        return {"rounds": rounds, "said": spoken(messages)}


@program
async def vertex(port: int) -> Any:
    """The other service, with an express key: another path, other names in usage, a session id."""
    client = genai.Client(
        vertexai=True, api_key="any", http_options={"base_url": f"https://localhost:{port}"}
    )
    config: Any = {**BASIC, "session_resumption": {"transparent": True}, "explicit_vad_signal": True}
    async with client.aio.live.connect(model="gemini-live-2.5-flash-native-audio", config=config) as session:
        await session.send_realtime_input(text="Hello?")
        messages = await turn(session)
        indices = [
            each.session_resumption_update.last_consumed_client_message_index
            for each in messages
            if each.session_resumption_update
        ]
        usage = messages[-1].usage_metadata
        return {
            "session_id": session.session_id,
            "said": spoken(messages),
            "counted": usage.response_token_count,
            "index": [index for index in indices if index is not None],
        }


# One message, no network -------------------------------------------------------------------------


class _Socket:
    """The far end of a session: keeps what is sent, gives back what was put in."""

    def __init__(self, *incoming: str) -> None:
        self.sent: list[str] = []
        self._incoming = list(incoming)

    async def send(self, data: str) -> None:
        self.sent.append(data)

    async def recv(self, decode: bool | None = None) -> str:
        return self._incoming.pop(0)


def _offline(socket: _Socket, *, vertex: bool = False) -> Any:
    client = genai.Client(vertexai=vertex, api_key="none")
    return live.AsyncSession(api_client=client._api_client, websocket=socket)  # type: ignore[arg-type]


@program
async def read(messages: list[str], vertex: bool = False) -> Any:
    """Server messages as the SDK's session gives them to its user, as JSON."""
    session = _offline(_Socket(*messages), vertex=vertex)
    return [told(await session._receive()) for _ in messages]


@program
async def parse(messages: list[str]) -> Any:
    """Client messages through the SDK's own type for them, as JSON; or why that type refuses one."""
    found: list[Any] = []
    for message in messages:
        try:
            found.append(told(types.LiveClientMessage.model_validate(json.loads(message))))
        except ValueError as error:
            found.append(str(error))
    return found


@program
async def write(messages: list[str]) -> Any:
    """What the SDK writes for the call that each of these client messages stands for."""
    found = []
    for message in messages:
        socket = _Socket()
        tree = json.loads(message)
        if "setup" in tree:
            found.append(await _written_setup(tree["setup"]))
            continue
        await _call(_offline(socket), tree)
        found.append(socket.sent[0])
    return found


async def _call(session: Any, tree: dict[str, Any]) -> None:
    [(kind, value)] = tree.items()
    if kind == "realtimeInput":
        [(name, given)] = value.items()
        match name:
            case "audio" | "video":
                blob = types.Blob(data=base64.b64decode(given["data"]), mime_type=given["mimeType"])
                await session.send_realtime_input(**{name: blob})
            case "text":
                await session.send_realtime_input(text=given)
            case "activityStart":
                await session.send_realtime_input(activity_start=types.ActivityStart())
            case "activityEnd":
                await session.send_realtime_input(activity_end=types.ActivityEnd())
            case "audioStreamEnd":
                await session.send_realtime_input(audio_stream_end=given)
            case _:
                raise AssertionError(f"no call of the SDK writes {name}")
    elif kind == "clientContent":
        turns = [types.Content.model_validate(turn) for turn in value.get("turns", [])]
        await session.send_client_content(turns=turns or None, turn_complete=value.get("turnComplete", False))
    elif kind == "toolResponse":
        responses = [types.FunctionResponse.model_validate(each) for each in value["functionResponses"]]
        await session.send_tool_response(function_responses=responses)
    elif kind == "contextUpdate":
        given = {}
        if "systemInstruction" in value:
            given["system_instruction"] = types.Content.model_validate(value["systemInstruction"])
        if "tools" in value:
            given["tools"] = [types.Tool.model_validate(tool) for tool in value["tools"].get("tools", [])]
        await session.send_context_update(**given)
    else:
        raise AssertionError(f"no call of the SDK writes {kind}")


async def _written_setup(setup: dict[str, Any]) -> str:
    """The first message that ``connect`` sends for this configuration."""
    setup = dict(setup)
    model = setup.pop("model").removeprefix("models/")
    config = {**setup.pop("generationConfig", {}), **setup}
    socket = _Socket('{"setupComplete": {}}')

    @asynccontextmanager
    async def connect(*_: Any, **__: Any) -> AsyncIterator[_Socket]:
        yield socket

    before, live.ws_connect = live.ws_connect, connect  # type: ignore[assignment, attr-defined]
    try:
        client = genai.Client(api_key="none")
        async with client.aio.live.connect(
            model=model, config=types.LiveConnectConfig.model_validate(config)
        ):
            return socket.sent[0]
    finally:
        live.ws_connect = before  # type: ignore[attr-defined]


@program
async def names() -> Any:
    """The names of all fields of server messages that this version knows, as the wire has them."""
    seen: set[Any] = set()

    def of(kind: Any) -> set[str]:
        if hasattr(kind, "model_fields"):
            if kind in seen:
                return set()
            seen.add(kind)
            found = {field.alias or name for name, field in kind.model_fields.items()}
            return found.union(*(of(field.annotation) for field in kind.model_fields.values()))
        return set().union(*(of(inner) for inner in typing.get_args(kind)))

    return sorted(of(types.LiveServerMessage))


@program
async def version() -> str:
    """Of google-genai."""
    return genai.__version__


def main() -> None:
    """Run what is asked for, a line of JSON each, until there is no more."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"returned": asyncio.run(_within(PROGRAMS[name](**arguments)))}
        except Exception:
            answer = {"failed": traceback.format_exc(limit=-6)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def _within(work: Awaitable[Any]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        return await work


if __name__ == "__main__":
    main()

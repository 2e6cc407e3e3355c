"""The official SDK, unchanged, against the simulator on loopback.

Its public options force TLS; two private attributes lead it to a plain socket (both exist in 2.19 and 3.4).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.speech import recorded

genai = pytest.importorskip("google.genai", reason="no google-genai")

SCRIPT = parse_brain("""
version: 1
rules:
  - hear: story
    say: Once there was a keeper of a lighthouse. Every evening she climbed the stairs. Every night she lit the lamp.
  - hear: weather in {city}
    call: {tool: get_weather, args: {city: "{city}"}}
    say_result: "It is {result.temp} degrees."
fallback: "You said: {heard}."
""")


def get_weather(city: str) -> str:
    """The weather of a city."""
    raise NotImplementedError(city)


CONFIG = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "system_instruction": "You are terse.",
    "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
    "session_resumption": {},
    "context_window_compression": {"trigger_tokens": 25_600, "sliding_window": {"target_tokens": 12_800}},
    "realtime_input_config": {"automatic_activity_detection": {"silence_duration_ms": 500}},
    "tools": [get_weather],
}


def with_sdk(test: Callable[[Any, Simulator], Awaitable[None]], **options: Any) -> None:
    """Run a test with a connected session of the SDK; strict, so that every field it sends is known."""

    async def run() -> None:
        simulator = Simulator(
            script=SCRIPT, ears=NoEars(), voice=TonesVoice(), time_scale=0.1, strict=True, **options
        )
        async with simulator:
            port = await simulator.serve()
            async with connected(port, CONFIG) as session:
                await test(session, simulator)

    asyncio.run(run())


@asynccontextmanager
async def connected(port: int, config: dict[str, Any]) -> AsyncIterator[Any]:
    """A session of the SDK."""
    client = genai.Client(api_key="any")
    client._api_client._websocket_ssl_ctx = {"proxy": None}
    client._api_client._websocket_base_url = lambda *_, **__: f"ws://127.0.0.1:{port}"
    try:
        async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
            yield session
    finally:
        await client.aio.aclose()
        client.close()


async def turn(session: Any) -> list[Any]:
    """The messages up to turnComplete, as the SDK yields them."""
    async with asyncio.timeout(20):
        return [message async for message in session.receive()]


def spoken_text(messages: list[Any]) -> str:
    """The output transcript."""
    contents = [message.server_content for message in messages if message.server_content]
    return "".join(each.output_transcription.text for each in contents if each.output_transcription)


async def send_audio(session: Any, pcm: bytes) -> None:
    """Audio in messages of 100 ms, faster than real time."""
    for at in range(0, len(pcm), 3_200):
        blob = genai.types.Blob(data=pcm[at : at + 3_200], mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)


def test_a_spoken_turn() -> None:
    """Audio in, both transcripts, audio out, usage; the handle to resume by."""

    async def test(session: Any, simulator: Simulator) -> None:
        assert session.setup_complete is not None
        await send_audio(session, recorded("go_forward").pcm.tobytes() + bytes(32_000))
        messages = await turn(session)
        sound = b"".join(message.data for message in messages if message.data)
        assert len(sound) % 1_920 == 0 and len(sound) > 24_000
        heard = [m.server_content.input_transcription for m in messages if m.server_content]
        (text,) = [each.text for each in heard if each]
        assert text.startswith("(speech, ")
        assert spoken_text(messages).startswith("You said: ")
        last = messages[-1]
        assert last.server_content.turn_complete
        assert last.usage_metadata.response_token_count == round(len(sound) / 48_000 * 25)
        kinds = [message.voice_activity for message in messages if message.voice_activity]
        assert [str(each.voice_activity_type.value) for each in kinds] == ["ACTIVITY_START", "ACTIVITY_END"]
        updates = [m.session_resumption_update for m in messages if m.session_resumption_update]
        assert updates[0].resumable and len(updates[0].new_handle) == 36

    with_sdk(test)


def test_a_typed_turn_and_a_turn_of_content() -> None:
    """Both ways to write, and the deprecated one of old programs stays readable on the wire."""

    async def test(session: Any, simulator: Simulator) -> None:
        await session.send_realtime_input(text="Hello?")
        assert spoken_text(await turn(session)) == "You said: Hello."
        await session.send_client_content(
            turns={"role": "user", "parts": [{"text": "And now?"}]}, turn_complete=True
        )
        assert spoken_text(await turn(session)) == "You said: And now."

    with_sdk(test)


def test_a_tool_round_trip() -> None:
    """The call carries id and arguments; the response is spoken in the same turn."""

    async def test(session: Any, simulator: Simulator) -> None:
        await session.send_realtime_input(text="What is the weather in Oslo?")
        words = ""
        async with asyncio.timeout(20):
            async for message in session.receive():
                if message.tool_call:
                    (call,) = message.tool_call.function_calls
                    assert (call.name, call.args) == ("get_weather", {"city": "Oslo"})
                    response = genai.types.FunctionResponse(
                        id=call.id, name=call.name, response={"output": {"temp": 31}}
                    )
                    await session.send_tool_response(function_responses=response)
                words += spoken_text([message])
        assert words == "It is 31 degrees."

    with_sdk(test)


def test_an_interruption() -> None:
    """Text while the model speaks: interrupted, the turn's end, then the answer."""

    async def test(session: Any, simulator: Simulator) -> None:
        await session.send_realtime_input(text="Tell me a story.")
        seen: list[Any] = []
        async with asyncio.timeout(20):
            async for message in session.receive():
                seen.append(message)
                if len([each for each in seen if each.data]) == 1 and message.data:
                    await session.send_realtime_input(text="Stop it.")
        assert [each for each in seen if each.server_content and each.server_content.interrupted]
        assert not any(each.server_content.generation_complete for each in seen if each.server_content)
        assert spoken_text(await turn(session)) == "You said: Stop it."

    with_sdk(test)


def test_resumption_and_errors() -> None:
    """A handle is good after the session was closed; refusals are APIErrors with the close code."""

    async def test(session: Any, simulator: Simulator) -> None:
        await session.send_realtime_input(text="Hello?")
        messages = await turn(session)
        (handle,) = [m.session_resumption_update.new_handle for m in messages if m.session_resumption_update]
        port = simulator._servers[0].sockets[0].getsockname()[1]
        again = {**CONFIG, "session_resumption": {"handle": handle}}
        with pytest.raises(genai.errors.APIError) as refused:
            async with connected(port, again):
                pass
        assert refused.value.code == 1011 and refused.value.details == "Internal error encountered."
        await session.close()
        async with connected(port, again) as resumed:
            await resumed.send_realtime_input(text="Back again.")
            assert spoken_text(await turn(resumed)) == "You said: Back again."
        wrong = {"speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Nobody"}}}}
        with pytest.raises(genai.errors.APIError) as refused:
            async with connected(port, wrong):
                pass
        assert refused.value.code == 1007 and "Nobody" in refused.value.details

    with_sdk(test)

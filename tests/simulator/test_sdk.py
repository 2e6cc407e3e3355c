"""The official SDK, unchanged and with its public options only, against the simulator with TLS on loopback."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from livegraph.simulator.brain import parse_brain
from livegraph.simulator.certificate import find_or_make
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.speech import recorded

genai = pytest.importorskip("google.genai", reason="no google-genai")

# The SDK says that its support of ephemeral tokens may change.
pytestmark = pytest.mark.filterwarnings("ignore::google.genai.errors.ExperimentalWarning")

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


def with_sdk(test: Callable[[Any, "Opener"], Awaitable[None]], **options: Any) -> None:
    """Run a test with a connected session of the SDK; strict, so that every field it sends is known."""

    async def run() -> None:
        simulator = Simulator(
            script=SCRIPT, ears=NoEars(), voice=TonesVoice(), time_scale=0.1, strict=True, **options
        )
        async with serving(simulator) as opener, opener.connected(CONFIG) as session:
            await test(session, opener)

    asyncio.run(run())


class Opener:
    """Opens clients and sessions of the SDK with its public options only: over TLS, trusting the certificate."""

    def __init__(self, simulator: Simulator, port: int, cert: Path) -> None:
        self.simulator = simulator
        self._url = f"https://127.0.0.1:{port}"
        self._cert = cert

    @asynccontextmanager
    async def client(self, key: str = "any", **options: Any) -> AsyncIterator[Any]:
        """A client of the SDK."""
        context = ssl.create_default_context(cafile=self._cert)
        arguments = {"ssl": context, "proxy": None, "max_size": None, "ping_interval": None}
        http = {
            "base_url": self._url,
            "async_client_args": arguments,
            "client_args": {"verify": context},
            **options,
        }
        client = genai.Client(api_key=key, http_options=http)
        try:
            yield client
        finally:
            await client.aio.aclose()
            client.close()

    @asynccontextmanager
    async def connected(self, config: dict[str, Any], **options: Any) -> AsyncIterator[Any]:
        """A session of the SDK."""
        async with (
            self.client(**options) as client,
            client.aio.live.connect(model="gemini-3.8-live", config=config) as session,
        ):
            yield session


@asynccontextmanager
async def serving(simulator: Simulator) -> AsyncIterator[Opener]:
    """A simulator that serves TLS with a certificate of its own."""
    with tempfile.TemporaryDirectory() as folder:
        certificate = find_or_make(Path(folder), datetime.now(UTC))
        async with simulator:
            port = await simulator.serve(tls=certificate.context())
            yield Opener(simulator, port, certificate.cert)


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

    async def test(session: Any, opener: Opener) -> None:
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

    async def test(session: Any, opener: Opener) -> None:
        await session.send_realtime_input(text="Hello?")
        assert spoken_text(await turn(session)) == "You said: Hello."
        await session.send_client_content(
            turns={"role": "user", "parts": [{"text": "And now?"}]}, turn_complete=True
        )
        assert spoken_text(await turn(session)) == "You said: And now."

    with_sdk(test)


def test_a_tool_round_trip() -> None:
    """The model's default is a call that does not wait: its turn ends, and the response opens another."""

    async def test(session: Any, opener: Opener) -> None:
        await session.send_realtime_input(text="What is the weather in Oslo?")
        (call,) = [call for m in await turn(session) if m.tool_call for call in m.tool_call.function_calls]
        assert (call.name, call.args) == ("get_weather", {"city": "Oslo"}) and call.id.startswith("call_")
        response = genai.types.FunctionResponse(id=call.id, name=call.name, response={"output": {"temp": 31}})
        await session.send_tool_response(function_responses=response)
        assert spoken_text(await turn(session)) == "It is 31 degrees."

    with_sdk(test)


def test_an_interruption() -> None:
    """Text while the model speaks: interrupted, the turn's end, then the answer."""

    async def test(session: Any, opener: Opener) -> None:
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

    async def test(session: Any, opener: Opener) -> None:
        await session.send_realtime_input(text="Hello?")
        messages = await turn(session)
        (handle,) = [m.session_resumption_update.new_handle for m in messages if m.session_resumption_update]
        again = {**CONFIG, "session_resumption": {"handle": handle}}
        with pytest.raises(genai.errors.APIError) as refused:
            async with opener.connected(again):
                pass
        assert refused.value.code == 1011 and refused.value.details == "Internal error encountered."
        await session.close()
        async with opener.connected(again) as resumed:
            await resumed.send_realtime_input(text="Back again.")
            assert spoken_text(await turn(resumed)) == "You said: Back again."
        wrong = {"speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Nobody"}}}}
        with pytest.raises(genai.errors.APIError) as refused:
            async with opener.connected(wrong):
                pass
        assert refused.value.code == 1007 and "Nobody" in refused.value.details

    with_sdk(test)


def test_a_wrong_key_is_refused() -> None:
    """An APIError with the service's words; a good key opens."""

    async def run() -> None:
        simulator = Simulator(script=SCRIPT, ears=NoEars(), voice=TonesVoice(), time_scale=0.1, keys=["good"])
        async with serving(simulator) as opener:
            with pytest.raises(genai.errors.APIError) as refused:
                async with opener.connected({}, key="bad"):
                    pass
            assert refused.value.code == 1007 and refused.value.details.startswith("API key not valid")
            with pytest.raises(genai.errors.ClientError) as refused:
                async with opener.client("bad") as client:
                    await client.aio.auth_tokens.create(config={})
            assert refused.value.code == 400
            async with opener.connected({}, key="good") as session:
                assert session.setup_complete is not None

    asyncio.run(run())


def test_a_token_is_created_and_used() -> None:
    """The token of the SDK's own request opens as many sessions as it was asked for, with the setup that it locks."""

    async def run() -> None:
        locked = {
            "response_modalities": ["AUDIO"],
            "system_instruction": "You are the keeper of a lighthouse.",
            "output_audio_transcription": {},
        }
        config = {"uses": 2, "live_connect_constraints": {"model": "gemini-3.8-live", "config": locked}}
        simulator = Simulator(ears=NoEars(), voice=TonesVoice(), time_scale=0.05, keys=["good"], strict=True)
        async with serving(simulator) as opener:
            async with opener.client("good", api_version="v1alpha") as client:
                token = (await client.aio.auth_tokens.create(config=config)).name
            assert token.startswith("auth_tokens/")
            options = {"key": token, "api_version": "v1alpha"}
            for _ in range(2):
                # Whatever the client asks for, the token's setup counts.
                asked = {"system_instruction": "You are a pirate."}
                async with opener.connected(asked, **options) as session:
                    await session.send_realtime_input(text="Who are you?")
                    assert spoken_text(await turn(session)) == "I am the keeper of a lighthouse."
            with pytest.raises(genai.errors.APIError) as refused:
                async with opener.connected({}, **options):
                    pass
            assert "used too many times" in refused.value.details

    asyncio.run(run())


@pytest.mark.parametrize(("fields", "role"), [([], "a pirate"), (["system_instruction"], "the keeper")])
def test_a_token_may_lock_some_fields_only(fields: list[str], role: str) -> None:
    """The SDK's `lock_additional_fields`: the rest of the setup is the client's."""

    async def run() -> None:
        locked = {"temperature": 0.5, "response_modalities": ["AUDIO"]}
        if fields:
            locked["system_instruction"] = "You are the keeper."
        constraints = {"model": "gemini-3.8-live", "config": locked}
        config = {"live_connect_constraints": constraints, "lock_additional_fields": fields}
        simulator = Simulator(ears=NoEars(), voice=TonesVoice(), time_scale=0.05, strict=True)
        async with serving(simulator) as opener:
            async with opener.client("any", api_version="v1alpha") as client:
                token = (await client.aio.auth_tokens.create(config=config)).name
            asked = {"system_instruction": "You are a pirate.", "output_audio_transcription": {}}
            async with opener.connected(asked, key=token, api_version="v1alpha") as session:
                await session.send_realtime_input(text="Who are you?")
                assert spoken_text(await turn(session)) == f"I am {role}."

    asyncio.run(run())

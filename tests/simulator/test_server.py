"""The simulator as a server: what it refuses, what it survives, and that nothing is left behind."""

import asyncio
import json
import logging
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import livegraph.simulator
from livegraph.liveapi import (
    AudioTranscriptionConfig,
    ClientMessage,
    Setup,
    decode_server,
    encode_audio,
    encode_client,
)
from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline.clock import run_virtual
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import Ears, NoEars
from livegraph.simulator.server import DEFAULT_PATH, Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from support.live import calling
from support.speech import recorded

MODEL = "models/gemini-3.8-live"
SETUP = Setup(model="models/m")
SETUP_WITH_WORDS = Setup(model="models/m", output_audio_transcription=AudioTranscriptionConfig())
SETUP_WITH_INPUT = Setup(model="models/m", input_audio_transcription=AudioTranscriptionConfig())
INVALID = "Request contains an invalid argument."
NOT_FIRST = "setup must be the first message and only the first"
ACTIVITY = "Explicit activity control is not supported when automatic activity detection is enabled."


def simulator(**options: Any) -> Simulator:
    """With speech that needs no extra."""
    return Simulator(**{"ears": NoEars(), "voice": TonesVoice(), **options})


async def ended(sim: Simulator, *messages: Any, path: str = DEFAULT_PATH) -> LinkClosed:
    """How a client is closed that sends these: text as it is, everything else as JSON."""
    async with calling(sim.open(path)) as caller:
        for message in messages:
            await caller.link.send(message if isinstance(message, str | bytes) else json.dumps(message))
        return await caller.until_closed(within_s=5)


MINIMAL = {"setup": {"model": "models/m"}}


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        ([{"realtimeInput": {"text": "hi"}}], 1007, NOT_FIRST),
        ([MINIMAL, MINIMAL], 1007, NOT_FIRST),
        ([{**MINIMAL, "realtimeInput": {"text": "hi"}}], 1007, NOT_FIRST),
        ([{}], 1007, NOT_FIRST),
        ([{"setup": {}}], 1007, INVALID),
        (
            [{"setup": {"model": "gemini-3.8-live", "generationConfig": {"responseModalities": ["TEXT"]}}}],
            1007,
            "The requested combination of response modalities (TEXT) is not supported by the model.",
        ),
        (
            [{"setup": {"model": "gemini-3.8-live", "generationConfig": {"response_modalities": "TEXT"}}}],
            1007,
            "The requested combination of response modalities (TEXT) is not supported by the model.",
        ),
        (
            [
                {
                    "setup": {
                        "model": "models/m",
                        "generationConfig": {
                            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "kore"}}}
                        },
                    }
                }
            ],
            1007,
            "Requested voice api_name 'kore' is not available for model models/m",
        ),
        (
            [
                {
                    "setup": {
                        "model": "m",
                        "realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": -1}},
                    }
                }
            ],
            1007,
            INVALID,
        ),
        (
            [{"setup": {"model": "m", "sessionResumption": {"handle": "x"}}}],
            1008,
            "BidiGenerateContent session not found",
        ),
        ([MINIMAL, {"realtimeInput": {"activityStart": {}}}], 1007, ACTIVITY),
        ([MINIMAL, {"realtimeInput": {"activity_end": {}}}], 1007, ACTIVITY),
        (
            [
                MINIMAL,
                {
                    "clientContent": {
                        "turns": [{"role": "user", "parts": [{"functionCall": {"name": "f"}}]}],
                        "turnComplete": True,
                    }
                },
            ],
            1007,
            INVALID,
        ),
        (
            [MINIMAL, {"realtimeInput": {"audio": {"mimeType": "audio/opus", "data": "AAAA"}}}],
            1007,
            INVALID,
        ),
        (
            [MINIMAL, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AAAA"}}}],
            1007,
            INVALID,
        ),
        (
            [MINIMAL, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=3", "data": "AAA="}}}],
            1007,
            INVALID,
        ),
    ],
)
def test_mistakes_end_the_session_with_the_codes_of_the_service(
    messages: list[Any], code: int, reason: str
) -> None:
    """live-api.md 10: a close code and a reason, never a message."""

    async def test() -> None:
        async with simulator() as sim:
            closed = await ended(sim, *messages)
            assert (closed.code, closed.reason) == (code, reason)
            await asyncio.sleep(0)
            assert sim.sessions == 0

    run_virtual(test())


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\xfe", "nonsense", "[]", "null", '{"setup": 3}', "[" * 100_000, "{" * 9]
)
def test_garbage_ends_the_session_cleanly(garbage: str | bytes) -> None:
    """Before setup and after it; the reason fits into a close frame."""

    async def test() -> None:
        async with simulator() as sim:
            for before in ([], [MINIMAL]):
                closed = await ended(sim, *before, garbage)
                assert closed.code == 1007 and closed.reason and len(closed.reason.encode()) <= 123
            assert sim.sessions == 0

    run_virtual(test())


class TestStrict:
    """With `strict` the simulator refuses what the service would."""

    def test_unknown_fields(self) -> None:
        setup = {"setup": {"model": MODEL, "generationConfig": {"nonsense": 1}}}
        reason = (
            "Invalid JSON payload received. Unknown name \"nonsense\" at 'setup.generation_config': "
            "Cannot find field."
        )

        async def test() -> None:
            async with simulator(strict=True) as sim:
                closed = await ended(sim, setup)
                assert (closed.code, closed.reason) == (1007, reason)
            async with simulator(strict=False) as sim, calling(sim.open()) as caller:
                await caller.link.send(json.dumps(setup))
                await caller.until("setupComplete")

        run_virtual(test())

    @pytest.mark.parametrize(
        "field", [{"sessionResumption": {"transparent": True}}, {"explicitVadSignal": True}]
    )
    def test_fields_of_vertex_only(self, field: dict[str, Any]) -> None:
        vertex = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"

        async def test() -> None:
            async with simulator(strict=True) as sim:
                closed = await ended(sim, {"setup": {"model": MODEL, **field}})
                assert closed.code == 1007 and "Unknown name" in closed.reason
                async with calling(sim.open(vertex)) as caller:
                    await caller.link.send(json.dumps({"setup": {"model": MODEL, **field}}))
                    opened = await caller.until("setupComplete")
                    assert opened.message.setup_complete and opened.message.setup_complete.session_id

        run_virtual(test())


def test_vertex_counts_candidates() -> None:
    """The same usage under Vertex AI's names, and a response without id is matched by name."""
    path = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    script = parse_brain("version: 1\nrules:\n - hear: book\n   call: {tool: book}\n")
    tools = [{"functionDeclarations": [{"name": "book"}]}]

    async def test() -> None:
        async with simulator(script=script) as sim, calling(sim.open(path)) as caller:
            await caller.link.send(json.dumps({"setup": {"model": "m", "tools": tools}}))
            await caller.write("book")
            await caller.until("toolCall")
            response = {"functionResponses": [{"name": "book", "response": {"output": "Booked."}}]}
            await caller.link.send(json.dumps({"toolResponse": response}))
            usage = (await caller.until("turnComplete")).message.usage_metadata
            assert usage and usage.candidates_token_count > 0 and usage.response_token_count == 0

    run_virtual(test())


def test_a_client_that_sends_no_setup_is_let_go() -> None:
    """A connection that does nothing does not count for ever."""

    async def test() -> None:
        async with simulator(strict=False) as sim, calling(sim.open()) as caller:
            closed = await caller.until_closed(within_s=61)
            assert closed.code == 1011 and sim.sessions == 0

    run_virtual(test())


def test_a_client_that_stops_reading_is_dropped() -> None:
    """It costs a full queue and 20 s, not the session for ever."""

    async def test() -> None:
        async with simulator() as sim:
            link = sim.open()
            await link.send(encode_client(ClientMessage(setup=SETUP)))
            with pytest.raises(LinkClosed, match="1006"):
                for _ in range(30):
                    await link.send(json.dumps({"realtimeInput": {"text": "Tell me a story."}}))
                    await asyncio.sleep(10)
            assert sim.sessions == 0

    run_virtual(test())


def test_a_client_that_talks_too_fast_waits() -> None:
    """Forty utterances at once: each is heard, the work waits its turn, and the order stays."""
    utterance = recorded("do_something").pcm.tobytes() + bytes(32_000)

    async def test() -> None:
        async with simulator() as sim, calling(sim.open(), SETUP_WITH_INPUT) as caller:
            for _ in range(40):
                await caller.link.send(encode_audio(utterance, 16_000))
            await caller.until("ACTIVITY_END", 40)
            assert len(caller.all("inputTranscription")) == len(caller.all("ACTIVITY_START")) == 40
            await caller.until("audio")
            await caller.until("turnComplete")

    run_virtual(test())


def test_more_sessions_than_allowed_are_refused() -> None:
    """1011 with the words of an exceeded quota; a place that becomes free can be taken."""

    async def test() -> None:
        async with simulator(max_sessions=2) as sim:
            async with calling(sim.open(), SETUP), calling(sim.open(), SETUP):
                closed = await ended(sim, MINIMAL)
                assert closed.code == 1011 and closed.reason.startswith("You exceeded your current quota")
            async with calling(sim.open(), SETUP):
                pass

    run_virtual(test())


def test_a_fault_in_one_session_spares_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """The faulty one ends with 1011, as the service's own faults do; the cause is logged once."""

    class BrokenEars(Ears):
        def transcribe(self, pcm: Any) -> str:
            raise RuntimeError("no ears")

    async def test() -> None:
        async with (
            simulator(ears=BrokenEars()) as sim,
            calling(sim.open(), SETUP) as other,
            calling(sim.open(), SETUP) as caller,
        ):
            await caller.link.send(encode_audio(recorded("go_forward").pcm.tobytes(), 16_000))
            await caller.link.send(encode_audio(bytes(64_000), 16_000))
            closed = await caller.until_closed()
            assert (closed.code, closed.reason) == (1011, "Internal error encountered.")
            await other.write("hello")
            await other.until("turnComplete")

    run_virtual(test())
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
    assert "no ears" in caplog.text


def test_the_path_names_the_script() -> None:
    """Any prefix will do; ``/agents/<name>`` chooses, and a connector does so by name."""
    scripts = {
        name: parse_brain(f"version: 1\nfallback: I am {name.split()[0]}.\n") for name in ("ada", "bob b")
    }

    async def heard(caller_path: str, sim: Simulator) -> str:
        async with calling(sim.open(caller_path), SETUP_WITH_WORDS) as caller:
            await caller.write("xyzzy")
            await caller.until("turnComplete")
            return "".join(each.text for each in caller.heard)

    async def test() -> None:
        async with simulator(scripts=scripts) as sim:
            for path, words in (
                (f"/agents/ada{DEFAULT_PATH}", "I am ada."),
                (f"//agents/bob%20b/{DEFAULT_PATH}", "I am bob."),
                (f"/agents/nobody{DEFAULT_PATH}", "xyzzy"),
                (f"/proxy/{DEFAULT_PATH}?key=abc", "xyzzy"),
                (DEFAULT_PATH + "Constrained", "xyzzy"),
            ):
                assert words in await heard(path, sim), path
            connector = sim.connector("bob b")
            assert connector.label == "local simulator"
            async with calling(await connector.connect(DEFAULT_PATH, {}), SETUP_WITH_WORDS) as caller:
                await caller.write("xyzzy")
                await caller.until("turnComplete")
                assert "".join(each.text for each in caller.heard) == "I am bob."
            with pytest.raises(ValueError, match="BidiGenerateContent"):
                sim.open("/ws/else")

    run_virtual(test())


class TestWebSocket:
    """Real sockets on loopback, on the real clock."""

    def test_a_turn_in_binary_frames_or_in_text_frames(self) -> None:
        """The service sends binary frames; a switch makes them text."""

        async def test(text_frames: bool) -> None:
            async with simulator(time_scale=0.02, text_frames=text_frames) as sim:
                port = await sim.serve()
                async with connect(f"ws://127.0.0.1:{port}/{DEFAULT_PATH}?key=k", proxy=None) as socket:
                    await socket.send(json.dumps(MINIMAL))
                    await socket.send(json.dumps({"realtime_input": {"text": "hello"}}))
                    frames = await until_turn_complete(socket)
                    assert all(isinstance(frame, str if text_frames else bytes) for frame in frames)
                    await (await socket.ping())

        for text_frames in (False, True):
            asyncio.run(test(text_frames))

    def test_other_paths_are_not_found(self) -> None:
        async def test() -> None:
            async with simulator() as sim:
                port = await sim.serve()
                with pytest.raises(InvalidStatus) as refused:
                    await connect(f"ws://127.0.0.1:{port}/ws/nothing", proxy=None)
                assert refused.value.response.status_code == 404

        asyncio.run(test())

    def test_closing_reaches_the_client_with_code_and_reason(self) -> None:
        async def test() -> None:
            async with simulator() as sim:
                port = await sim.serve()
                async with connect(f"ws://127.0.0.1:{port}{DEFAULT_PATH}", proxy=None) as socket:
                    await socket.send("garbage")
                    with pytest.raises(ConnectionClosed):
                        await socket.recv()
                    assert socket.close_code == 1007
                    assert (socket.close_reason or "").startswith("Invalid JSON payload received")

        asyncio.run(test())

    @pytest.mark.leaks
    def test_clients_that_vanish_leave_nothing_behind(self) -> None:
        """Killed in the middle of a turn, fifty times: no task, no descriptor, no thread, and it still answers."""

        async def test() -> None:
            async with simulator(time_scale=0.02) as sim:
                port = await sim.serve()
                async with no_tasks_left():
                    for _ in range(50):
                        async with connect(f"ws://127.0.0.1:{port}{DEFAULT_PATH}", proxy=None) as socket:
                            await socket.send(json.dumps(MINIMAL))
                            await socket.send(json.dumps({"realtimeInput": {"text": "Tell me a story."}}))
                            await socket.recv()
                            socket.transport.abort()
                    async with connect(f"ws://127.0.0.1:{port}{DEFAULT_PATH}", proxy=None) as socket:
                        await socket.send(json.dumps(MINIMAL))
                        await socket.send(json.dumps({"realtimeInput": {"text": "hello"}}))
                        await until_turn_complete(socket)
                async with asyncio.timeout(30):
                    while sim.sessions:
                        await asyncio.sleep(0.01)

        asyncio.run(test())

    @pytest.mark.leaks
    def test_the_end_of_the_simulator_ends_its_sessions(self) -> None:
        """In the middle of a turn, with work in the thread: every client is told 1001."""

        async def test() -> None:
            sim = simulator()
            async with sim:
                port = await sim.serve()
                socket = await connect(f"ws://127.0.0.1:{port}{DEFAULT_PATH}", proxy=None)
                link = sim.open()
                for send in (socket.send, link.send):
                    await send(json.dumps(MINIMAL))
                    await send(json.dumps({"realtimeInput": {"text": "Tell me a story."}}))
                await asyncio.sleep(0.5)
            with pytest.raises(ConnectionClosed):
                while True:
                    await socket.recv()
            assert socket.close_code == 1001
            with pytest.raises(LinkClosed, match="1001"):
                while True:
                    await link.recv()

        asyncio.run(test())

    def test_the_key_is_never_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """Not even with everything at DEBUG."""
        caplog.set_level(logging.DEBUG)

        async def test() -> None:
            async with simulator(time_scale=0) as sim:
                port = await sim.serve()
                headers = {"x-goog-api-key": "secret-in-a-header"}
                url = f"ws://127.0.0.1:{port}{DEFAULT_PATH}?key=secret-in-the-address"
                quiet = logging.getLogger("tests.quiet")
                quiet.setLevel(logging.ERROR)
                async with connect(url, additional_headers=headers, proxy=None, logger=quiet) as socket:
                    await socket.send(json.dumps(MINIMAL))
                    await socket.recv()

        asyncio.run(test())
        assert "secret" not in caplog.text


async def until_turn_complete(socket: ClientConnection) -> list[str | bytes]:
    """All frames up to the end of a turn."""
    frames: list[str | bytes] = []
    async with asyncio.timeout(20):
        while True:
            frames.append(await socket.recv())
            content = decode_server(frames[-1]).server_content
            if content and content.turn_complete:
                return frames


def test_the_package_names_what_a_user_needs() -> None:
    """And loads it when it is first used."""
    assert livegraph.simulator.Simulator is Simulator
    assert set(livegraph.simulator.__all__) <= set(dir(livegraph.simulator))
    for name in livegraph.simulator.__all__:
        assert getattr(livegraph.simulator, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = livegraph.simulator.nothing

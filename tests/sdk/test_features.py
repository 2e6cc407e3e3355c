"""The official SDK, its public options only, uses every feature of the Live API against the simulator over TLS."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from livegraph.audio import to_bytes
from livegraph.liveapi import FunctionCall
from livegraph.processors.gemini_live.capture.video import encode_jpeg
from livegraph.processors.gemini_live.dialogue.pieces import CallPieces
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.certificate import Certificate
from livegraph.simulator.ears import NoEars
from livegraph.simulator.faults import HangUp
from livegraph.simulator.scenario import Close, GoAway, Scenario, Scene, SetOddities, When
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.sdk import Judge
from support.speech import recorded

# The first test may have to install the older version.
pytestmark = pytest.mark.timeout(240)

SECOND = 1_000_000_000
STORY = "Once there was a keeper of a lighthouse. Every evening she climbed the stairs. Every night she lit the lamp."
SCRIPT = parse_brain(f"""
version: 1
rules:
  - hear: story
    say: {STORY}
  - hear: who are you
    say: "{{role|Nobody}}"
  - hear: weather in {{city}}
    call: {{tool: get_weather, args: {{city: "{{city}}"}}}}
    say_result: "It is {{result.temp}} degrees."
fallback: "You said: {{heard}}."
""")
INTERNAL = "Internal error encountered."

Run = Callable[..., Any]


@pytest.fixture
def run(judge: Judge, certificate: Certificate) -> Run:
    """Run a program of the judge's against a simulator with these options; strict, so that every field is known."""

    def run(name: str, /, simulator: dict[str, Any] | None = None, **arguments: Any) -> Any:
        async def main() -> Any:
            options: dict[str, Any] = {"strict": True, "time_scale": 0.1, **(simulator or {})}
            async with Simulator(script=SCRIPT, ears=NoEars(), voice=TonesVoice(), **options) as server:
                port = await server.serve(tls=certificate.context())
                return await judge.run(name, port=port, **arguments)

        return asyncio.run(main())

    return run


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A person's utterance as raw PCM."""
    path: Path = tmp_path_factory.mktemp("voice") / "go_forward.pcm"
    path.write_bytes(to_bytes(recorded("go_forward").pcm))
    return str(path)


def at(second: float, *acts: Any) -> Scenario:
    """Something that happens so long after a connection has begun."""
    return Scenario((Scene(When("time", at_ns=round(second * SECOND)), acts),))


# Sessions ----------------------------------------------------------------------------------------


def test_a_full_configuration(run: Run) -> None:
    """All that the model takes, as objects of the SDK's types, is accepted by a strict server."""
    assert run("full_config") == "You said: Hello."


def test_a_configuration_of_every_generation(run: Run) -> None:
    """What today's default model refuses a lenient server takes."""
    config = {
        "thinking_config": {"include_thoughts": True, "thinking_level": "LOW"},
        "enable_affective_dialog": True,
        "session_resumption": {"handle": ""},
        "history_config": {"initial_history_in_client_content": False},
        "tools": [{"google_search": {}}, {"code_execution": {}}, {"url_context": {}}],
    }
    messages = run("whatever_config", {"strict": False}, config=config)
    parts = [
        part
        for each in messages
        for part in each.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    ]
    assert any(part.get("thought") for part in parts)


def test_an_older_model_answers_in_text(run: Run) -> None:
    messages = run(
        "whatever_config",
        {"strict": False},
        config={"response_modalities": ["TEXT"]},
        model="gemini-live-2.5-flash-preview",
    )
    parts = [
        part["text"]
        for each in messages
        for part in each.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    ]
    assert "".join(parts) == "You said: Hello."


def test_vertex(run: Run) -> None:
    """With an express key: its path, its names in usage, transparent resumption, a session id."""
    told = run("vertex")
    assert told["said"] == "You said: Hello." and len(told["session_id"]) == 36
    assert told["counted"] > 0 and all(isinstance(index, int) for index in told["index"])


# Turns -------------------------------------------------------------------------------------------


def test_a_spoken_turn(run: Run, voice: str) -> None:
    """Audio in and out, both transcripts, voice activity, usage by modality, in the documented order."""
    told = run("spoken_turn", path=voice)
    assert told["heard"].startswith("(speech, ") and told["said"].startswith("You said: ")
    assert told["activity"] == ["ACTIVITY_START", "ACTIVITY_END"]
    assert told["order"] == ["input_transcription", "model_turn", "generation_complete", "turn_complete"]
    usage = told["usage"]
    tokens = round(told["bytes"] / 48_000 * 25)
    assert usage["responseTokenCount"] == tokens
    assert usage["responseTokensDetails"] == [{"modality": "AUDIO", "tokenCount": tokens}]
    assert {each["modality"] for each in usage["promptTokensDetails"]} == {"AUDIO"}


def test_typed_turns(run: Run) -> None:
    """Realtime text; content; content in pieces, of which the last may be empty."""
    assert run("typed_turns") == ["You said: Hello.", "You said: And now.", "You said: My name is Ann."]


def test_history(run: Run) -> None:
    """Turns from before are not answered, and count in the prompt."""
    said, usage = run("history")
    assert said == "You said: And now." and usage["promptTokenCount"] > 4


def test_pictures(run: Run) -> None:
    """Two pictures and a question are one turn; pictures are counted as such."""
    image = encode_jpeg(np.zeros((48, 64, 3), np.uint8), 64)
    said, usage = run("pictures", image=base64.b64encode(image).decode())
    assert said == "You said: What do you see."
    counted = {each["modality"]: each["tokenCount"] for each in usage["promptTokensDetails"]}
    assert counted.get("VIDEO", 0) + counted.get("IMAGE", 0) == 2 * 256, counted


def test_manual_activity(run: Run, voice: str) -> None:
    heard, said, reported = run("manual_activity", path=voice)
    assert heard.startswith("(speech, ") and said.startswith("You said: ") and not reported


def test_the_end_of_the_stream(run: Run, voice: str) -> None:
    heard, said = run("stream_end", path=voice)
    assert heard.startswith("(speech, ") and said.startswith("You said: ")


@pytest.mark.parametrize("how", ["text", "content", "voice"])
def test_an_interruption(run: Run, voice: str, how: str) -> None:
    """``interrupted`` once, no ``generationComplete`` after it, then the answer to what cut it off."""
    told = run("interruption", {"time_scale": 0.3}, how=how, path=voice)
    assert told["interrupted"] == 1
    assert told["said"] != STORY and STORY.startswith(told["said"].strip()[:10])
    assert told["then"].startswith("You said: ")


def test_compression(run: Run, voice: str) -> None:
    """The prompt grows from turn to turn, and shrinks when it is too long."""
    counted = run("compression", {"time_scale": 0.0}, path=voice)
    drops = [after < before for before, after in itertools.pairwise(counted)]
    assert any(drops) and not all(drops), counted


def test_an_interaction_of_several_turns(run: Run, judge: Judge) -> None:
    """SDK 3 gives all turns up to the status IDLE at once; before, each by itself."""
    told = run("extended_thinking")
    assert told["said"] == "It is 31 degrees."
    assert (told["rounds"] == 1) == (judge.major >= 3)


# Tools -------------------------------------------------------------------------------------------


def test_a_blocking_tool(run: Run) -> None:
    """One turn from the question to what is said to the result."""
    told = run("blocking_tool")
    assert told == {"calls": [["get_weather", {"city": "Oslo"}]], "said": "It is 31 degrees.", "turns": 1}


def test_a_call_in_pieces(run: Run) -> None:
    """The SDK reads the simulator's pieces as what they are, and our client joins the same pieces to the call."""
    scenes = Scenario((Scene(When("connect"), (SetOddities({"calls_in_pieces": True}),)),))
    told = run("call_in_pieces", {"scenario": scenes})
    if told is None:
        return
    assert told["said"] == "It is 31 degrees."
    assert [piece.get("will_continue", False) for piece in told["pieces"]] == [True, True, True, False]
    values = [each for piece in told["pieces"] for each in piece.get("partial_args", [])]
    assert [(each["json_path"], each["string_value"]) for each in values] == [
        ("$.city", "Os"),
        ("$.city", "lo"),
    ]
    subject = CallPieces()
    made = [subject.take(msgspec.convert(convert(piece), FunctionCall)) for piece in told["pieces"]]
    assert made[:-1] == [None] * 3 and made[-1] is not None
    assert isinstance(made[-1], FunctionCall) and made[-1].args == {"city": "Oslo"}


def convert(piece: dict[str, Any]) -> dict[str, Any]:
    """What the SDK holds, as it is on the wire."""
    partial = [
        {"jsonPath": each["json_path"], "stringValue": each["string_value"]}
        for each in piece.get("partial_args", [])
    ]
    kept = {name: piece[name] for name in ("id", "name") if name in piece}
    return {**kept, "partialArgs": partial, "willContinue": piece.get("will_continue", False)}


@pytest.mark.parametrize("scheduling", ["WHEN_IDLE", "SILENT", "INTERRUPT"])
def test_a_tool_that_does_not_block(run: Run, scheduling: str) -> None:
    told = run("nonblocking_tool", {"time_scale": 0.3}, scheduling=scheduling)
    assert told["id"].startswith("call_") and told["first"] == ""
    assert told["then"] == ("You said: Are you there." if scheduling == "SILENT" else "It is 31 degrees.")
    assert told["cut"] == (scheduling == "INTERRUPT")


def test_a_tool_that_answers_more_than_once(run: Run) -> None:
    assert run("generator_tool") == ["It is 30 degrees.", "It is 31 degrees."]


def test_a_cancelled_tool(run: Run) -> None:
    """2.x models say that they withdraw a call; 3.8 does not."""
    asked, withdrawn, interrupted = run(
        "cancelled_tool", model="gemini-2.5-flash-native-audio-preview-12-2025"
    )
    assert len(asked) == 1 and withdrawn == asked and interrupted


def test_new_instructions_and_tools(run: Run, judge: Judge) -> None:
    """``contextUpdate``, which came with SDK 3: a tool is there, and gone again."""
    told = run("context_update")
    if judge.major < 3:
        assert told is None
        return
    missing = "You said: What is the weather in Oslo."
    assert told == [missing, ["get_weather"], "It is 31 degrees.", missing]


# Connections -------------------------------------------------------------------------------------


def test_resumption(run: Run) -> None:
    """Refused while the old connection is open; then the call of before is answered, under a new handle."""
    told = run("resumption")
    assert told == {"too_early": [1011, INTERNAL], "said": "It is 31 degrees.", "new": True}


def test_going_away(run: Run) -> None:
    """By the cap of a connection, and because a scenario wants it."""
    over = "Deadline expired before operation could complete."
    by_cap = {"connection_ns": 2 * SECOND, "go_away_ns": 1 * SECOND}
    assert run("go_away", by_cap) == ["1s", 1011, over]
    assert run("go_away", {"scenario": at(0.5, GoAway(SECOND // 2))}) == ["0.500s", 1011, over]


def test_tokens(run: Run) -> None:
    """Made with a key, good for one session of the configuration in it; a wrong key makes none."""
    told = run("tokens", {"keys": ["good"]})
    assert told["name"].startswith("auth_tokens/")
    assert told["said"] == "Bob"
    assert told["again"][0] == 1007 and told["made_up"][0] == 1007
    assert told["bad_key"] == [400, "API key not valid. Please pass a valid API key."]


NATIVE_TEXT = "The requested combination of response modalities (TEXT) is not supported by the model."
NO_ACTIVITY = "Explicit activity control is not supported when automatic activity detection is enabled."
INVALID = "Request contains an invalid argument."
NOBODY = {"voice_config": {"prebuilt_voice_config": {"voice_name": "Nobody"}}}
UNAVAILABLE = "The service is currently unavailable."
QUOTA = "You exceeded your current quota"


@pytest.mark.parametrize(
    ("code", "reason", "simulator", "arguments"),
    [
        (1007, "API key not valid. Please pass a valid API key.", {"keys": ["good"]}, {"key": "bad"}),
        (1008, "models/nobody is not found for API version v1", {}, {"model": "nobody"}),
        (1007, NATIVE_TEXT, {}, {"config": {"response_modalities": ["TEXT"]}}),
        (1007, "Requested voice", {}, {"config": {"speech_config": NOBODY}}),
        (1008, "BidiGenerateContent session not found", {}, {"config": {"session_resumption": {"handle": "none"}}}),
        (1007, INVALID, {}, {"config": {"thinking_config": {"include_thoughts": True}}}),
        (1007, NO_ACTIVITY, {}, {"do": "activity_start"}),
        (1007, INVALID, {}, {"do": "function_response"}),
        (1007, INVALID, {}, {"do": "content", "model": "gemini-3.1-flash-live-preview"}),
        (1011, INTERNAL, {"scenario": at(0.4, Close(1011, INTERNAL))}, {}),
        (1011, UNAVAILABLE, {"scenario": at(0.4, Close(1011, UNAVAILABLE))}, {}),
        (1001, "", {"scenario": at(0.4, Close(1001))}, {}),
        (1000, "", {"scenario": at(0.4, Close(1000))}, {}),
        (1008, "The operation was aborted.", {"session_ns": SECOND}, {}),
        (1011, "Deadline expired before operation could complete.", {"connection_ns": SECOND}, {}),
    ],
)  # fmt: skip
def test_endings(
    run: Run, code: int, reason: str, simulator: dict[str, Any], arguments: dict[str, Any]
) -> None:
    """Each refusal and each end is an ``APIError`` with the close code and reason of the real service."""
    told_code, told_reason = run("ended", simulator, **arguments)
    assert told_code == code and (told_reason or "").startswith(reason), (told_code, told_reason)


def test_too_many_sessions(run: Run) -> None:
    code, reason = run("two_sessions", {"max_sessions": 1})
    assert code == 1011 and reason.startswith(QUOTA)


def test_a_lost_connection(run: Run) -> None:
    """No close frame at all: 1006."""
    for reset in (True, False):
        code, _ = run("ended", {"scenario": at(0.4, HangUp(reset))})
        assert code == 1006

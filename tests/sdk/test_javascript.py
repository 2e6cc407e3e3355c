"""The official SDK for JavaScript uses the Live API against the simulator, strict, with and without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livegraph.audio import to_bytes
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.certificate import Certificate
from livegraph.simulator.ears import NoEars
from livegraph.simulator.scenario import GoAway, Scenario, Scene, When
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.judges import Unavailable
from support.node_sdk import NodeJudge, install_node_sdk
from support.speech import recorded

# The first test may have to install the SDK.
pytestmark = pytest.mark.timeout(300)

SECOND = 1_000_000_000
VERSIONS = ("2.0.0", "latest")
STORY = "Once there was a keeper of a lighthouse. Every evening she climbed the stairs. Every night she lit the lamp."
SCRIPT = parse_brain(f"""
version: 1
rules:
  - hear: story
    say: {STORY}
  - hear: weather in {{city}}
    call: {{tool: get_weather, args: {{city: "{{city}}"}}}}
    say_result: "It is {{result.temp}} degrees."
  - hear: opening hours
    call: {{tool: opening_hours, args: {{}}}}
    say_result: From eight to six.
fallback: "You said: {{heard}}."
""")
MODELS = {
    "2.5": "gemini-2.5-flash-native-audio-preview-12-2025",
    "3.1": "gemini-3.1-flash-live-preview",
    "3.8": "gemini-3.8-live",
}

Run = Callable[..., Any]


@pytest.fixture(scope="session", params=VERSIONS)
def node(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[NodeJudge]:
    """The oldest version that we hold to, and the newest."""
    try:
        folder = install_node_sdk(request.param, request.config.cache.mkdir("node"))
    except Unavailable as why:
        pytest.skip(str(why))
    with NodeJudge(certificate.cert, folder) as process:
        yield process


@pytest.fixture
def run(node: NodeJudge, certificate: Certificate) -> Run:
    """Run a program against a simulator with these options."""

    def run(name: str, /, simulator: dict[str, Any] | None = None, **arguments: Any) -> Any:
        async def main() -> Any:
            options: dict[str, Any] = {"strict": True, "time_scale": 0.1, **(simulator or {})}
            async with Simulator(script=SCRIPT, ears=NoEars(), voice=TonesVoice(), **options) as server:
                port = await server.serve(tls=certificate.context())
                return await node.run(name, port=port, **arguments)

        return asyncio.run(main())

    return run


@pytest.mark.parametrize("secure", [False, True])
def test_a_full_configuration(run: Run, secure: bool) -> None:
    """All that the model takes is accepted by a strict server, by ws and by wss."""
    assert run("full_config", secure=secure) == "You said: Hello."


def test_typed_turns(run: Run) -> None:
    assert run("typed_turns") == ["You said: Hello.", "You said: And now."]


def test_a_spoken_turn(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "go_forward.pcm"
    path.write_bytes(to_bytes(recorded("go_forward").pcm))
    told = run("spoken_turn", path=str(path))
    assert told["heard"].startswith("(speech, ") and told["said"].startswith("You said: ")
    assert told["activity"] == ["ACTIVITY_START", "ACTIVITY_END"]
    assert told["order"] == ["inputTranscription", "modelTurn", "generationComplete", "turnComplete"]
    assert told["usage"] == round(told["bytes"] / 48_000 * 25)


@pytest.mark.parametrize("family", ["2.5", "3.8"])
def test_content_that_ends_with_the_user(run: Run, family: str) -> None:
    """It is answered at once: the SDK has no ``historyConfig`` to say that it is to wait."""
    assert run("history", model=MODELS[family])["said"] == STORY


def test_content_is_refused_by_3_1_without_that(run: Run) -> None:
    assert run("history", model=MODELS["3.1"])["closed"][0] == 1007


@pytest.mark.parametrize("blocking", [True, False])
def test_a_tool_with_arguments(run: Run, blocking: bool) -> None:
    told = run("tool", text="What is the weather in Oslo?", blocking=blocking)
    assert told == {"calls": [["get_weather", {"city": "Oslo"}, 1]], "said": "It is 31 degrees."}


def test_a_tool_without_arguments_has_args_all_the_same(run: Run) -> None:
    """The service sends ``"args": {}``, and programs unpack it."""
    told = run("tool", text="What are your opening hours?", blocking=True)
    assert told == {"calls": [["opening_hours", {}, 0]], "said": "From eight to six."}


def test_speaking_over_it(run: Run) -> None:
    assert run("barge_in") == {"interrupted": 1, "then": "You said: Stop it."}


def test_resumption(run: Run) -> None:
    """A call that waited is answered on the new connection."""
    assert run("resumption") == "It is 31 degrees."


def test_the_end_is_announced(run: Run) -> None:
    scenario = Scenario((Scene(When("time", at_ns=SECOND // 2), (GoAway(SECOND // 2),)),))
    left, code, reason = run("go_away", {"scenario": scenario})
    assert (left, code, reason) == ("0.500s", 1011, "Deadline expired before operation could complete.")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"thinkingConfig": {"thinkingLevel": "LOW"}}, "Request contains an invalid argument."),
        ({"responseModalities": ["TEXT"]}, "The requested combination of response modalities (TEXT)"),
        (
            {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Nobody"}}}},
            "Requested voice api_name 'Nobody' is not available",
        ),
    ],
)
def test_a_setup_that_the_model_does_not_take(run: Run, config: dict[str, Any], reason: str) -> None:
    """The connection closes with 1007 before ``setupComplete``; the SDK's ``connect`` never returns then."""
    code, told = run("refused", config=config)
    assert code == 1007 and told.startswith(reason)


def test_content_without_a_role(run: Run) -> None:
    """It is refused by the 3.x models."""
    turns = [{"parts": [{"text": "Hello?"}]}]
    assert run("refused", turns=turns)[0] == 1007


def test_a_token(run: Run) -> None:
    """A token is made with a key, opens one session, and is then used up."""
    told = run("tokens", {"keys": ["good"]})
    assert told["name"].startswith("auth_tokens/") and told["turns"] > 1
    assert told["again"][0] == 1007

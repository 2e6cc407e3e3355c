"""What a simulator refuses by itself: with known models, all that the service does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from livegraph.liveapi.link import LinkClosed
from livegraph.simulator.authentication import api_of
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.server import Simulator
from support.live import VERTEX_PATH, virtually

_2_5 = "models/gemini-2.5-flash-native-audio-preview-12-2025"
_3_1 = "models/gemini-3.1-flash-live-preview"
_3_8 = "models/gemini-3.8-live"
SCRIPT = parse_brain(
    "version: 1\nuse_tools: false\nrules:\n  - hear: who are you\n    say: '{role|Nobody}'\nfallback: Yes.\n"
)


def exchange(*messages: Any, path: str = "", **options: Any) -> list[Any]:
    """What a raw client gets for what it sends: messages as JSON, and last the code and the reason if it ends."""

    async def test(simulator: Simulator) -> list[Any]:
        link = simulator.open(path) if path else simulator.open()
        got: list[Any] = []
        for message in messages:
            try:
                await link.send(json.dumps(message))
                async with asyncio.timeout(10):
                    while True:
                        got.append(json.loads(await link.recv()))
            except TimeoutError:
                continue
            except LinkClosed as closed:
                return [*got, (closed.code, closed.reason)]
        await link.close()
        return got

    found: list[Any] = virtually(test, script=SCRIPT, **options)
    return found


def ends(*messages: Any, **options: Any) -> tuple[int, str] | None:
    """How the session ends for what is sent; None when it does not."""
    last = exchange(*messages, **options)[-1]
    return last if isinstance(last, tuple) else None


def setup(model: str = _3_8, **fields: Any) -> dict[str, Any]:
    return {"setup": {"model": model, **fields}}


def content(*turns: dict[str, Any], complete: bool = True) -> dict[str, Any]:
    return {"clientContent": {"turns": list(turns), "turnComplete": complete}}


def said(got: list[Any]) -> str:
    """The text of an older model's answer."""
    parts = [
        part
        for each in got
        if isinstance(each, dict)
        for part in each.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    ]
    return "".join(part.get("text", "") for part in parts)


HELLO = {"parts": [{"text": "Hello?"}]}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sistemInstruction": {}}, 'Invalid JSON payload received. Unknown name "sistemInstruction" at \'setup\''),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, "Request contains an invalid argument."),
        ({"systemInstruction": "Be brief."}, "Invalid value at 'setup.system_instruction'"),
        ({"generationConfig": {"responseModalities": ["SOUND"]}}, "Invalid value at 'setup.generation_config.resp"),
        ({"generationConfig": {"temperature": 3}}, "Request contains an invalid argument."),
        ({"generationConfig": {"temperature": "warm"}}, "Invalid value at 'setup.generation_config.temperature'"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "behavior": "LATER"}]}]}, "Invalid value at 'setup.tools["),
        ({"realtimeInputConfig": {"turnCoverage": "ALL"}}, "Invalid value at 'setup.realtime_input_config.turn_cov"),
        (
            {"realtimeInputConfig": {"automaticActivityDetection": {"startOfSpeechSensitivity": "HIGH"}}},
            "Invalid value at 'setup.realtime_input_config.automatic_activity_detection.start_of",
        ),
    ],
)  # fmt: skip
def test_a_known_model_is_held_to_the_letter(fields: dict[str, Any], reason: str) -> None:
    """By default; a lenient simulator, and a model that nobody knows, take it, or what they can read of it."""
    code, told = ends(setup(**fields)) or (0, "")
    assert code == 1007 and told.startswith(reason), told
    if "temperature" not in str(fields.get("generationConfig")) and "SOUND" not in str(fields):
        assert ends(setup(**fields), strict=False) is None
        assert ends(setup("models/something-9", **fields)) is None


def test_unknown_models_are_refused_only_by_a_strict_simulator() -> None:
    assert ends(setup("models/something-9")) is None
    assert (ends(setup("models/something-9"), strict=True) or (0, ""))[0] == 1008


def test_a_model_that_is_no_longer_served_is_for_old_programs() -> None:
    """It answers in text by default; who wants to know that it is gone asks for strictness."""
    text = setup("models/gemini-2.0-flash-live-001", generationConfig={"responseModalities": ["TEXT"]})
    got = exchange(text, content({"role": "user", **HELLO}))
    assert said(got) == "Yes."
    assert (ends(text, strict=True) or (0, ""))[0] == 1008


@pytest.mark.parametrize("model", [_3_1, _3_8])
def test_content_without_a_role_is_refused_by_3_x(model: str) -> None:
    history = {"historyConfig": {"initialHistoryInClientContent": True}}
    assert ends(setup(model, **history), content(HELLO)) == (1007, "Request contains an invalid argument.")
    assert ends(setup(_2_5, **history), content(HELLO)) is None


@pytest.mark.parametrize("role", ["system", "assistant"])
@pytest.mark.parametrize("model", [_2_5, _3_8])
def test_other_roles_are_refused(model: str, role: str) -> None:
    told = ends(setup(model), content({"role": role, **HELLO}))
    assert told == (1007, "Please use a valid role: user, model.")


def test_a_system_turn_replaces_the_instruction_on_vertex() -> None:
    model = "projects/p/locations/l/publishers/google/models/gemini-live-2.5-flash-native-audio"
    assert api_of(VERTEX_PATH).vertex
    first = setup(model, systemInstruction={"parts": [{"text": "You are Bob."}]}, outputAudioTranscription={})
    change = content({"role": "system", "parts": [{"text": "You are Ann."}]}, complete=False)
    ask = content({"role": "user", "parts": [{"text": "Who are you?"}]})
    got = exchange(first, change, ask, path=VERTEX_PATH)
    words = [
        each["serverContent"]["outputTranscription"]["text"]
        for each in got
        if isinstance(each, dict) and "outputTranscription" in each.get("serverContent", {})
    ]
    assert "".join(words) == "Ann"


def test_roles_in_any_case_and_the_instructions_own_are_taken() -> None:
    fields = {"systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]}}
    assert ends(setup(**fields), content({"role": "USER", **HELLO})) is None


def test_a_call_without_arguments_says_so() -> None:
    """``args`` are there, and empty."""
    tools = [{"functionDeclarations": [{"name": "look", "behavior": "BLOCKING"}]}]
    script = parse_brain("version: 1\nrules:\n  - hear: look\n    call: look\n")

    async def test(simulator: Simulator) -> Any:
        link = simulator.open()
        await link.send(json.dumps(setup(tools=tools)))
        while "setupComplete" not in json.loads(await link.recv()):
            pass
        await link.send(json.dumps({"realtimeInput": {"text": "look"}}))
        while "toolCall" not in (message := json.loads(await link.recv())):
            pass
        await link.close()
        return message["toolCall"]["functionCalls"][0]["args"]

    assert virtually(test, script=script) == {}


def test_a_page_may_ask_for_a_token() -> None:
    """A browser asks first whether it may, and then reads the answer only if it is for all origins."""

    async def request(port: int, method: str) -> tuple[str, dict[str, str], str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"{method} /v1alpha/auth_tokens HTTP/1.1\r\nHost: x\r\nOrigin: http://page.example\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        top, _, body = answer.partition("\r\n\r\n")
        first, *lines = top.split("\r\n")
        return (
            first,
            {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)},
            body,
        )

    async def test() -> None:
        async with Simulator() as simulator:
            port = await simulator.serve()
            first, headers, _ = await request(port, "OPTIONS")
            assert " 204 " in first and "x-goog-api-key" in headers["access-control-allow-headers"].lower()
            first, headers, body = await request(port, "POST")
            assert " 200 " in first and headers["access-control-allow-origin"] == "*"
            assert json.loads(body)["name"].startswith("auth_tokens/")

    asyncio.run(test())

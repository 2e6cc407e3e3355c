"""A service that does what none should: the call goes on, or ends with a sentence. On virtual time."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from livegraph.pipeline import SECOND, ProcessorError
from support.live_room import Room, converse, listen
from support.live_server import Connection, Script, audio_message, talk

CUT_SHORT = [(0.0, 1011), (0.0, 1006), (0.3, 1011)]


def content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


ODD: dict[str, list[Any]] = {
    "setup complete again": [{"setupComplete": {}}, {"setupComplete": True}],
    "kinds that nobody knows": [
        {"newKind": {"a": 1}},
        content(newField=[1]),
        {},
        content(),
        {"serverContent": None},
    ],
    "ends of nothing": [content(turnComplete=True)] * 3 + [content(generationComplete=True)],
    "interruptions of nothing": [content(interrupted=True), content(interrupted=True, turnComplete=True)],
    "cancelled calls that never were": [
        {"toolCallCancellation": {"ids": ["x", "", None]}},
        {"toolCallCancellation": {}},
    ],
    "handles that are none": [
        {"sessionResumptionUpdate": {"newHandle": "", "resumable": True}},
        {"sessionResumptionUpdate": {}},
        {"sessionResumptionUpdate": {"newHandle": ["h"], "resumable": "yes"}},
    ],
    "empty parts": [
        content(modelTurn={"parts": parts}) for parts in ([], [{}], [{"text": ""}], [{"inlineData": {}}])
    ],
    "thoughts": [content(modelTurn={"parts": [{"text": "hm", "thought": True}]})],
    "sources": [
        content(
            groundingMetadata={"groundingChunks": [{}], "groundingSupports": [{"groundingChunkIndices": [9]}]}
        ),
        content(urlContextMetadata={"urlMetadata": [{"urlRetrievalStatus": "NEW"}]}),
        content(modelTurn={"parts": [{"executableCode": {"language": "RUST"}}, {"codeExecutionResult": {}}]}),
    ],
    "counts": [
        {"usageMetadata": {}},
        {"usageMetadata": {"totalTokenCount": -5, "newCount": 1}},
        {
            "usageMetadata": {
                "promptTokensDetails": [{"tokenCount": 5}, {"modality": "SMELL", "tokenCount": 7}]
            }
        },
        {"usageMetadata": {"promptTokenCount": "many"}},
    ],
    "states": [
        content(interactionStatus="NEW"),
        {"interactionStatus": "IN_PROGRESS"},
        {"interactionStatus": "IDLE"},
        {"voiceActivity": {"type": "ACTIVITY_END"}},
        {"voiceActivity": {}},
        content(turnComplete=True, turnCompleteReason="NEW_REASON"),
    ],
    "no JSON": ["\0", "", "{", "null", "1e999", "[" * 100_000, '{"a":' * 5_000, b"\xff" * 10],
}


@pytest.mark.parametrize("odd", ODD)
def test_what_makes_no_sense_is_passed_over(odd: str) -> None:
    """The answer that follows is heard, and is in the history, whole."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        for message in ODD[odd]:
            await server.send_raw(message if isinstance(message, str | bytes) else json.dumps(message))
        await talk(server, "All is well here.")
        await server.until(lambda: False)

    room = converse(listen, script)
    assert [one.text for one in room.said("agent")] == ["All is well here."]
    assert room.changes() == ["connected", "closed"]
    assert sum(len(frame.samples) for frame in room.ear.heard) == 4 * 2_400


@pytest.mark.parametrize("left", ["-1s", "", "1h", "0.5s", "0s", "soon", 7, None])
def test_a_connection_that_ends_some_time(left: Any) -> None:
    """Whatever it says of when, the next one is there, and what it says is an utterance of its own."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send({"goAway": {} if left is None else {"timeLeft": left}})
        await talk(server, "All right.")
        await server.until(lambda: False)

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await talk(server, "Back again.")
        await server.until(lambda: False)

    room = converse(listen, first, second)
    assert [one.text for one in room.said("agent")] == ["All right.", "Back again."]
    assert room.changes() == ["connected", "going_away", "resumed", "closed"]


def attempts_until_given_up(script: Script) -> list[int]:
    """When connections were tried before the call ended with a sentence, in nanoseconds."""
    rooms: list[Room] = []

    async def body(room: Room) -> None:
        rooms.append(room)
        await room.call.clock.sleep_until_ns(1_000 * SECOND)

    with pytest.raises(ProcessorError, match="takes connections and ends them at once"):
        converse(body, script)
    return rooms[0].server.attempts_ns


@pytest.mark.parametrize(("after_s", "code"), CUT_SHORT)
def test_connections_that_end_as_soon_as_they_are_made_are_no_storm(after_s: float, code: int) -> None:
    """They are tried less and less often, and for a minute."""

    async def script(server: Connection) -> None:
        await server.accept("h")
        await asyncio.sleep(after_s)
        await server.close(code)

    attempts = attempts_until_given_up(script)
    assert 10 < len(attempts) < 30
    assert 50e9 < attempts[-1] - attempts[0] < 70e9


def test_a_service_that_sends_everybody_away_at_once_is_asked_less_and_less() -> None:
    """It closes nothing, but a connection that is to be left as soon as it is made is as little use."""

    async def script(server: Connection) -> None:
        await server.accept("h")
        await server.send({"goAway": {"timeLeft": "0s"}}, {"goAway": {}})
        await server.until(lambda: server.closed)

    assert 10 < len(attempts_until_given_up(script)) < 30


def test_two_connections_that_were_short_have_to_follow_each_other_to_be_a_storm() -> None:
    """One that lasted, and was left because the server wanted it, lies between them: the call goes on."""
    made = 0

    async def script(server: Connection) -> None:
        nonlocal made
        made += 1
        await server.accept(f"h{made}")
        if made in (1, 3):
            await asyncio.sleep(0.5)
            server.abort()
            return
        if made == 2:
            await asyncio.sleep(100)
            await server.send({"goAway": {"timeLeft": "5s"}})
        else:
            await talk(server, "Here I am.")
        await server.until(lambda: server.closed)

    async def body(room: Room) -> None:
        await room.call.clock.sleep_until_ns(130 * SECOND)
        await listen(room)

    room = converse(body, script)
    assert [one.text for one in room.said("agent")] == ["Here I am."] and made == 4


def test_a_service_that_recovers_within_the_minute_is_talked_to() -> None:
    """And a connection that lasts is none of those that came before it."""
    made = 0

    async def script(server: Connection) -> None:
        nonlocal made
        made += 1
        await server.accept(f"h{made}")
        if made < 5:
            await server.close(1011)
            return
        await talk(server, "Here I am.")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await room.call.clock.sleep_until_ns(20 * SECOND)

    room = converse(body, script)
    assert [one.text for one in room.said("agent")] == ["Here I am."]
    assert room.changes().count("lost") == 4


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_sound_at_any_rate_is_as_long_as_it_is(rate: int) -> None:
    """To the sample, turn after turn: nothing of one is left over for the next."""

    async def script(server: Connection) -> None:
        await server.accept()
        for _ in range(3):
            for piece_ms in (40, 100, 200):
                await server.send(audio_message(piece_ms, rate=rate))
            await server.send(content(generationComplete=True))
            await asyncio.sleep(0.34)
            await server.send(content(turnComplete=True))

    room = converse(listen, script)
    lengths: dict[int, int] = {}
    for frame in room.ear.heard:
        lengths[frame.turn] = lengths.get(frame.turn, 0) + len(frame.samples)
    assert [abs(length - 340 * 24) <= 1 for length in lengths.values()] == [True] * 3


def test_a_minute_in_one_message_can_be_cut_off() -> None:
    """It goes downstream in pieces."""
    pcm = base64.b64encode(bytes(2 * 24_000 * 60)).decode()

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send(
            content(modelTurn={"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": pcm}}]})
        )
        await asyncio.sleep(3)
        await server.send(content(interrupted=True))
        await server.send(content(turnComplete=True))
        await talk(server, "Yes?")

    room = converse(listen, script)
    assert max(len(frame.samples) for frame in room.ear.heard) == 24_000
    assert sum(len(frame.samples) for frame in room.ear.heard if frame.turn == 1) <= 5 * 24_000
    assert [one.text for one in room.said("agent")] == ["Yes?"]

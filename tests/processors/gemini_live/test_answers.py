"""Nobody waits in vain, and nothing is done twice: whole calls on virtual time, against a scripted server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.audio import write_wav
from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline import SECOND, TextFrame, ToolCallFrame
from livegraph.processors.gemini_live.events import AnswerMissing, AnswerStalled
from livegraph.processors.gemini_live.options.groups import AnswerWait
from support.live_room import Room, converse, listen, numbered, numbers
from support.live_server import Connection, audio_message, talk, words

ASKED = {"serverContent": {"inputTranscription": {"text": "When do you open?"}}}
OVER = {"serverContent": {"generationComplete": True}}, {"serverContent": {"turnComplete": True}}


def missing(room: Room) -> list[AnswerMissing]:
    return [event for event in room.events if isinstance(event, AnswerMissing)]


def nudges(server: Connection) -> list[str]:
    """What the model was asked again with."""
    return [
        content.turns[-1].plain_text for content in server.contents if content.turn_complete and content.turns
    ]


async def asks(server: Connection, count: int = 1) -> None:
    """Wait until it was asked again."""
    await server.until(lambda: len(nudges(server)) >= count)


async def stay(room: Room) -> None:
    """Be there for a while, and hang up."""
    await asyncio.sleep(60)
    await listen(room)


def test_a_question_whose_connection_broke_is_answered_on_the_next() -> None:
    """It was transcribed, so the service has it; it only never answers by itself."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(ASKED)
        await asyncio.sleep(0.2)
        server.abort()

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await asks(server)
        await talk(server, "At nine.")
        await server.until(lambda: False)

    room = converse(stay, first, second)
    assert [event.text for event in room.said("agent")] == ["At nine."] and not missing(room)


def test_a_greeting_that_is_lost_is_asked_for_again() -> None:
    async def script(server: Connection) -> None:
        await server.accept("h1")
        await asks(server, 2)
        await talk(server, "Good morning.")
        await server.until(lambda: False)

    room = converse(stay, script, greeting="Good morning.")
    assert [event.text for event in room.said("agent")] == ["Good morning."]


def test_twenty_seven_rejected_turns_in_a_row(tmp_path: Path) -> None:
    """Asked again, in a new session too; then it is told, and the fallback line is heard and in the history."""
    path = tmp_path / "sorry.wav"
    write_wav(path, np.full(24_000, 500, np.int16), 24_000)

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(ASKED)
        for count in range(1, 28):
            await server.send(
                {"serverContent": {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"}}
            )
            await asks(server, count)
        await server.until(lambda: False)

    async def fresh(server: Connection) -> None:
        await server.accept("h2")
        await asks(server, 1)
        await server.send(
            {"serverContent": {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"}}
        )
        await server.until(lambda: False)

    room = converse(stay, script, fresh, answer=AnswerWait(fallback="I am sorry.", sound=path))
    [event] = missing(room)
    assert (event.why, event.reason, event.attempts, event.fallback) == (
        "rejected",
        "RESPONSE_REJECTED",
        3,
        True,
    )
    assert room.changes() == ["connected", "renewed", "closed"]
    assert sum(len(frame.samples) for frame in room.ear.heard) == 24_000
    assert [entry.text for entry in room.live.history.entries] == ["When do you open?", "I am sorry."]


def test_a_turn_that_is_written_is_in_the_history_and_asked_to_be_spoken() -> None:
    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(ASKED)
        await server.send({"serverContent": {"modelTurn": {"parts": [{"text": "At nine."}]}}}, *OVER)
        await asks(server)
        assert "was hear" in nudges(server)[0] or "not hear" in nudges(server)[0]
        await talk(server, "We open at nine.")
        await server.until(lambda: False)

    room = converse(stay, script)
    assert [event.text for event in room.said("agent")] == ["At nine.", "We open at nine."]
    assert not missing(room)


def test_sound_that_stops_is_measured_and_asked_to_go_on() -> None:
    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(ASKED, words("We open at"), audio_message(1000))
        await asks(server)
        assert "We open at" in nudges(server)[0]
        await talk(server, "nine.")
        await server.until(lambda: False)

    room = converse(stay, script)
    [stalled] = [event for event in room.events if isinstance(event, AnswerStalled)]
    assert stalled.length_ns == 6 * SECOND and not stalled.resumed
    assert [event.text for event in room.said("agent")] == ["We open at", "nine."]


def test_of_an_answer_that_broke_off_the_history_has_what_has_sound() -> None:
    """Its words ran ahead by sentences; the model is asked to go on from where the caller heard it to."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(
            ASKED, words("We open at nine. On Sundays we are closed all day."), audio_message(1000)
        )
        await asyncio.sleep(0.2)
        server.abort()

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await asks(server)
        assert 'only up to "We open at nine.' in nudges(server)[0] and "Sundays" not in nudges(server)[0]
        await talk(server, "And on Sundays never.")
        await server.until(lambda: False)

    room = converse(stay, first, second)
    assert [event.text for event in room.said("agent")] == ["We open at nine.", "And on Sundays never."]
    broken, _ = [entry for entry in room.live.history.entries if entry.role == "agent"]
    assert broken.interrupted


def test_what_the_user_writes_stands_behind_what_it_cut() -> None:
    """In the order in which both were heard: a fresh session is told it so, and answers the user."""

    async def interrupts(room: Room) -> None:
        await asyncio.sleep(2)
        await room.mic.send(TextFrame("And on Sundays?"))
        await stay(room)

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(words("We open at nine on all days of the week."), audio_message(9_000), OVER[0])
        await server.until(lambda: server.texts)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await talk(server, "Never.")
        await server.until(lambda: False)

    room = converse(interrupts, script)
    told = [(entry.role, entry.interrupted) for entry in room.live.history.entries]
    assert told == [("agent", True), ("user", False), ("agent", False)]


def test_no_answer_after_a_barge_in() -> None:
    """The service has confirmed it, and then says nothing."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(words("Once upon a time"), audio_message(5000))
        await asyncio.sleep(1)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await asks(server)
        await talk(server, "Yes?")
        await server.until(lambda: False)

    room = converse(stay, script)
    assert [event.text for event in room.said("agent")][-1] == "Yes?"


def test_an_utterance_that_nobody_answered_is_said_again_to_a_fresh_session() -> None:
    """It had arrived, and was heard by nobody who is left."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send({"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0s"}})
        await server.until(lambda: len(server.audio) >= 2 * 16_000)
        await asyncio.sleep(1)
        server.abort()

    async def gone(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(1007, "Request contains an invalid argument.")

    async def fresh(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: len(server.audio) >= 2 * 16_000)
        await talk(server, "I heard you.")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await room.speak(1000)
        await asyncio.sleep(20)
        await listen(room)

    room = converse(body, first, gone, fresh)
    assert numbers(room.server.connections[2].audio)[:16_000] == numbered(16_000)
    assert [event.text for event in room.said("agent")] == ["I heard you."]


def call(id_: str, name: str = "book", **args: Any) -> dict[str, Any]:
    return {"toolCall": {"functionCalls": [{"id": id_, "name": name, "args": args}]}}


def test_what_was_booked_is_not_booked_again_after_a_barge_in() -> None:
    """The model asks under a new id: it gets the first result. A new wish after its answer is another call."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(call("fc_1", day="Friday"), *OVER)
        await server.until(lambda: len(server.tool_responses) == 1)
        await server.send(words("It is"), audio_message(200))
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await server.send(call("fc_2", day="Friday"))
        await server.until(lambda: len(server.tool_responses) == 2)
        await talk(server, "It is booked.")
        await server.send(call("fc_3", day="Friday"))
        await server.until(lambda: len(server.tool_responses) == 3)
        await talk(server, "And again.")
        await server.until(lambda: False)

    room = converse(stay, script, tools={"names": ["book"], "after_ms": 100})
    assert [frame.id for frame in room.tools.seen if hasattr(frame, "id")] == ["fc_1", "fc_3"]
    responses = room.server.connections[0].tool_responses
    assert [response.id for response in responses] == ["fc_1", "fc_2", "fc_3"]
    assert responses[0].response == responses[1].response


def test_a_user_who_asks_for_another_one_gets_two() -> None:
    """The same call with the same arguments, after an answer that was heard, is another wish: it runs again.

    Also where the user says so at once, in the middle of the answer, and the model has answered that before it asks.
    """

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send(call("fc_1", day="Friday"))
        await server.until(lambda: len(server.tool_responses) == 1)
        await talk(server, "It is booked.")
        await server.send({"serverContent": {"inputTranscription": {"text": "Book another one."}}})
        await server.send(call("fc_2", day="Friday"))
        await server.until(lambda: len(server.tool_responses) == 2)
        await server.send(words("That one is"), audio_message(900))
        await asyncio.sleep(0.3)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await server.send({"serverContent": {"inputTranscription": {"text": "And a third."}}})
        await talk(server, "A third one.")
        await server.send(call("fc_3", day="Friday"))
        await server.until(lambda: len(server.tool_responses) == 3)
        await talk(server, "Now there are three.")
        await server.until(lambda: False)

    room = converse(stay, script, tools={"names": ["book"], "after_ms": 100})
    ran = [frame for frame in room.seen if isinstance(frame, ToolCallFrame)]
    assert [frame.id for frame in ran] == ["fc_1", "fc_2", "fc_3"]
    assert len({frame.idempotency_key for frame in ran}) == 3, "each wish has a key of its own"


def test_a_result_that_is_to_be_known_only_stays_so_in_a_fresh_session() -> None:
    """It is in what the session is told, and nothing asks the model to speak of it."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(call("fc_1", "note"), *OVER)
        await asyncio.sleep(0.05)
        server.abort()

    async def gone(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(1008, "BidiGenerateContent session not found")

    async def fresh(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: False)

    room = converse(
        stay, first, gone, fresh, tools={"names": ["note"], "after_ms": 100, "scheduling": "SILENT"}
    )
    last = room.server.connections[-1]
    assert nudges(last)[1:] == [] and last.texts == []
    assert last.tool_responses == []


def test_a_link_that_raises_what_it_should_not_is_a_lost_link() -> None:
    """The call goes on over another."""

    async def first(server: Connection) -> None:
        await server.accept("h1")

        async def broken(message: Any) -> None:
            raise AttributeError("'NoneType' object has no attribute 'call_exception_handler'")

        assert server.peer is not None
        server.peer.send = broken
        await server.until(lambda: False)

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: server.texts)
        await talk(server, "Yes.")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(0.5)
        await room.mic.send(TextFrame("Are you there?"))
        await stay(room)

    room = converse(body, first, second)
    assert room.changes()[:3] == ["connected", "lost", "resumed"]
    assert [event.text for event in room.said("agent")] == ["Yes."]


def test_a_refused_message_is_worth_one_fresh_session() -> None:
    """The first 1007 of a running call; the second ends it."""

    async def refuses(server: Connection) -> None:
        await server.accept("h1")
        await asyncio.sleep(1)
        await server.close(1007, "Request contains an invalid argument.")

    from livegraph.pipeline import ProcessorError

    with pytest.raises(ProcessorError, match="invalid argument"):
        converse(stay, refuses, refuses)
    assert LinkClosed(1007).code == 1007


def test_a_fallback_line_is_spoken_in_the_agents_own_voice() -> None:
    """It was asked for in a session of its own, while the service was well; that is no part of the conversation."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await asyncio.sleep(3)
        await server.send(ASKED)
        await server.until(lambda: False)

    async def line(server: Connection) -> None:
        await server.accept()
        await server.until(lambda: server.contents)
        await talk(server, "I am sorry.", pieces=2, piece_ms=300)
        await server.until(lambda: False)

    async def silent(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: False)

    room = converse(stay, script, line, silent, voice="Kore", answer=AnswerWait(fallback="I am sorry."))
    [event] = missing(room)
    assert event.fallback and event.why == "silent"
    assert sum(len(frame.samples) for frame in room.ear.heard) == 24_000 * 600 // 1000
    asked = room.server.connections[1]
    assert asked.setup.generation_config.speech_config is not None and not asked.setup.tools
    assert [entry.text for entry in room.live.history.entries] == ["When do you open?", "I am sorry."]

"""A session outlives its connections: on virtual time, against a server that ends them in every way it can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline import MS, SECOND, ProcessorError, Secret, ServiceError, TextFrame
from livegraph.pipeline.events import ServiceChanged
from livegraph.processors.gemini_live import call_parts
from livegraph.processors.gemini_live.dialogue.history import History
from livegraph.processors.gemini_live.options.groups import AnswerWait, Resumption
from support.live_room import Room, converse, listen, numbered, numbers
from support.live_server import Connection, ScriptedServer, audio_message, talk, words

CALL = {"toolCall": {"functionCalls": [{"id": "fc_1", "name": "book", "args": {"slot": "3pm"}}]}}


def handles(room: Room) -> list[str]:
    """By which handle each connection was set up."""
    return [connection.setup.session_resumption.handle for connection in room.server.connections]


def turns_of(connection: Connection) -> list[tuple[str, str]]:
    """The history that a connection was told, as role and text."""
    content = connection.messages[1].client_content
    assert content is not None
    return [(turn.role, "|".join(part.text for part in turn.parts)) for turn in content.turns]


async def forever(server: Connection) -> None:
    """Accept and stay."""
    await server.accept("h-last")
    await server.until(lambda: False)


# Lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.abort(),
        lambda server: server.close(1011, "Internal error encountered."),
        lambda server: server.close(1001),
        lambda server: server.close(1008, "The operation was aborted."),
    ],
    ids=["1006", "1011", "1001", "1008"],
)
def test_a_lost_connection_is_resumed_and_no_sample_is_lost_or_repeated(
    end: Callable[[Connection], Any],
) -> None:
    """The user talks on all the time; the caller notices nothing."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.audio) >= 2 * 16_000)
        # All that was sent is read, so what follows is what the client still has.
        await asyncio.sleep(0)
        if (closing := end(server)) is not None:
            await closing

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: len(room_audio()) >= 2 * 64_000)
        await talk(server, "I heard it all.")

    rooms: list[Room] = []

    def room_audio() -> bytes:
        return rooms[0].server.audio

    async def body(room: Room) -> None:
        rooms.append(room)
        await room.speak(4000)
        await listen(room)

    busy = ServiceError("HTTP 503", code=503)
    refused = LinkClosed(1006, "no route to host")
    room = converse(body, first, busy, refused, second)
    assert numbers(room.server.audio) == numbered(64_000)
    assert room.changes() == ["connected", "lost", "resumed", "closed"]
    assert [c.setup.session_resumption.handle for c in room.server.connections] == ["", "h1"]
    assert room.said("agent")[-1].text == "I heard it all."


def test_the_old_connection_is_closed_before_the_new_one_is_opened() -> None:
    """The service refuses to resume a session that it thinks is open."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.close(1011, "Deadline expired before operation could complete.")

    async def second(server: Connection) -> None:
        assert rooms[0].server.connections[0].closed is not None
        await server.accept("h2")

    rooms: list[Room] = []

    async def body(room: Room) -> None:
        rooms.append(room)
        await asyncio.sleep(2)
        await listen(room)

    assert converse(body, first, second).changes() == ["connected", "lost", "resumed", "closed"]


def test_coming_back_is_given_up_after_a_minute() -> None:
    """The call then fails with the last reason, and the attempts had become rarer."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await asyncio.sleep(0.1)
        server.abort()

    with pytest.raises(
        ProcessorError, match=r"could not be made again within 1min: .*Internal error"
    ) as failed:
        converse(lambda room: room.call.finished(), first, LinkClosed(1011, "Internal error encountered."))
    cause = failed.value.__cause__
    assert isinstance(cause, ServiceError) and cause.retryable


def test_going_away_is_told() -> None:
    """As an event with the time that is left."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send({"goAway": {"timeLeft": "50s"}})

    room = converse(listen, script)
    assert [(e.state, e.detail) for e in room.events if isinstance(e, ServiceChanged)][1] == (
        "going_away",
        "50s",
    )


def test_garbage_from_the_server_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """Told once, and the conversation goes on."""

    async def script(server: Connection) -> None:
        await server.accept()
        for raw in (b"\xff\xfe", "{", "[]", b'{"serverContent": 3}'):
            await server.send_raw(raw)
        await talk(server, "Never mind.")

    with caplog.at_level(logging.WARNING):
        room = converse(listen, script)
    assert room.said("agent")[-1].text == "Never mind."
    assert sum("cannot be read" in record.getMessage() for record in caplog.records) == 1


# Half open ---------------------------------------------------------------------------------------


def test_a_connection_that_is_none_is_found_out_and_nothing_said_into_it_is_lost() -> None:
    """No close, no reset, only silence: it is given up after thirty seconds, what was said meanwhile goes out again."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.audio) >= 2 * 16_000)
        server.freeze()
        await server.until(lambda: False)

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: len(rooms[0].server.audio) >= 2 * 720_000)

    rooms: list[Room] = []

    async def body(room: Room) -> None:
        rooms.append(room)
        await room.speak(45_000)
        await listen(room)

    room = converse(body, first, second)
    assert numbers(room.server.audio) == numbered(720_000)
    [lost] = [e for e in room.events if isinstance(e, ServiceChanged) and e.state == "lost"]
    assert "no sign of life for 30s" in lost.detail
    assert 30 * SECOND < lost.time_ns < 33 * SECOND
    assert room.server.connections[0].closed is None, "it was never told"


def test_an_idle_connection_that_is_none_is_found_out_too() -> None:
    """Nobody speaks; still the next word must find a server."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        server.freeze()
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(45)
        assert room.changes() == ["connected", "lost", "resumed"]
        await listen(room)

    converse(body, first, forever)


def test_a_server_that_is_only_slow_to_confirm_is_alive() -> None:
    """It speaks, so it is there: late pongs alone end nothing."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        server.freeze()
        for _ in range(40):
            await server.send(audio_message(20))
            await asyncio.sleep(1)
        await server.send({"serverContent": {"turnComplete": True}})

    async def body(room: Room) -> None:
        await room.speak(30_000)
        assert room.changes() == ["connected"]
        room.call.end("enough")

    converse(body, script)


# Going away --------------------------------------------------------------------------------------


def goes_away(left: str) -> dict[str, Any]:
    return {"goAway": {"timeLeft": left}}


def test_a_connection_that_will_end_is_replaced_in_the_next_pause() -> None:
    """Not while the agent answers and not while the user speaks; the caller hears nothing, no sample is lost."""
    rooms: list[Room] = []

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(goes_away("50s"), {"voiceActivity": {"type": "ACTIVITY_START"}})
        await asyncio.sleep(2)
        await server.send({"serverContent": {"inputTranscription": {"text": "Are you there?"}}})
        await server.send({"voiceActivity": {"type": "ACTIVITY_END"}})
        await talk(server, "Yes, I am here.", pieces=4, piece_ms=1000)
        await server.until(lambda: False)

    async def second(server: Connection) -> None:
        assert rooms[0].server.connections[0].closed is not None, "the old one was closed before"
        await server.accept("h2")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        rooms.append(room)
        await room.speak(10_000)
        await listen(room)

    room = converse(body, first, second)
    assert numbers(room.server.audio) == numbered(160_000)
    assert handles(room) == ["", "h1"]
    assert room.changes() == ["connected", "going_away", "resumed", "closed"]
    closed = room.server.connections[0].closed
    assert closed is not None and closed.code == 1000
    [at_ns] = [e.time_ns for e in room.events if isinstance(e, ServiceChanged) and e.state == "resumed"]
    assert 6 * SECOND < at_ns < 7 * SECOND, "right after the turn was complete"
    assert room.said("agent")[-1].text == "Yes, I am here."


def test_the_deadline_is_watched_by_a_timer() -> None:
    """Somebody speaks all the time and nothing more comes from the server: it is replaced before the server ends it."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send({"voiceActivity": {"type": "ACTIVITY_START"}}, goes_away("20s"))
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await room.speak(18_000)
        assert room.changes() == ["connected", "going_away", "resumed"]
        await listen(room)

    room = converse(body, first, forever)
    [at_ns] = [e.time_ns for e in room.events if isinstance(e, ServiceChanged) and e.state == "resumed"]
    assert 14 * SECOND < at_ns < 16 * SECOND
    assert numbers(room.server.audio) == numbered(18 * 16_000)


def test_a_handle_that_is_not_resumable_yet_is_waited_for() -> None:
    """While the server says that coming back would lose something, the pause is not used."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send({"sessionResumptionUpdate": {}}, goes_away("50s"))
        await asyncio.sleep(5)
        await server.send({"sessionResumptionUpdate": {"newHandle": "h2", "resumable": True}})
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(4)
        assert room.changes() == ["connected", "going_away"]
        await asyncio.sleep(2)
        await listen(room)

    assert handles(converse(body, first, forever)) == ["", "h2"]


def test_connections_are_replaced_before_they_are_too_old() -> None:
    """Without a word from the server, in a pause; and never where there is no handle to come back by."""

    async def silent(server: Connection) -> None:
        await server.accept()
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(1200)
        await listen(room)

    room = converse(body, forever)
    assert room.changes() == ["connected", "resumed", "resumed", "closed"]
    at_s = [e.time_ns // SECOND for e in room.events if isinstance(e, ServiceChanged)]
    first_s, second_s = at_s[1], at_s[2] - at_s[1]
    assert 433 <= first_s <= 511 and 433 <= second_s <= 511, "calls that began together do not renew together"
    assert converse(body, silent).changes() == ["connected", "closed"]


def test_new_connections_keep_no_call_from_ending() -> None:
    """They are no conversation, however often they are made."""

    async def body(room: Room) -> None:
        await room.speak(500)
        await listen(room)

    room = converse(body, forever, renew_after=500 * MS)
    assert room.changes().count("resumed") > 2 and room.call.reason == "completed"
    assert room.events[-1].time_ns < 4 * SECOND


def test_without_resumption_a_new_session_takes_over_in_a_pause() -> None:
    """It is all there is; it is told what was said."""

    async def first(server: Connection) -> None:
        await server.accept()
        await server.send(goes_away("50s"), {"serverContent": {"inputTranscription": {"text": "Hello."}}})
        await talk(server, "Good day.")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(4)
        await listen(room)

    room = converse(body, first, forever, session_resumption=False)
    assert room.changes() == ["connected", "going_away", "renewed", "closed"]
    assert turns_of(room.server.connections[1]) == [("user", "Hello."), ("model", "Good day.")]


def test_a_server_that_still_holds_the_old_connection_is_asked_again() -> None:
    """1011 on each attempt, until it lets go: the session is the same."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(goes_away("50s"))
        await server.until(lambda: False)

    async def held(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(1011, "Internal error encountered.")

    async def body(room: Room) -> None:
        await room.speak(10_000)
        await listen(room)

    room = converse(body, first, held, held, held, forever)
    assert handles(room) == ["", "h1", "h1", "h1", "h1"]
    assert room.changes() == ["connected", "going_away", "resumed", "closed"]
    assert numbers(room.server.audio) == numbered(160_000)


# Transparent -------------------------------------------------------------------------------------


def test_the_server_says_which_messages_it_has_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vertex, transparent: messages are numbered from 1 on each connection, the others are sent again in order."""

    async def first(server: Connection) -> None:
        await server.accept()
        await server.until(lambda: len(server.messages) == 51)
        update = {"newHandle": "h1", "resumable": True, "lastConsumedClientMessageIndex": "20"}
        await server.send({"sessionResumptionUpdate": update})
        await asyncio.sleep(3)
        server.abort()

    async def body(room: Room) -> None:
        await room.speak(6000)
        await listen(room)

    monkeypatch.setattr(call_parts, "_websocket_connector", lambda url, label: ScriptedServer.current)
    room = converse(
        body,
        first,
        forever,
        session_resumption=Resumption(transparent=True),
        endpoint="vertex",
        token=Secret("t"),
        project="p",
    )
    one, two = room.server.connections
    assert numbers(one.audio)[: 20 * 320] + numbers(two.audio) == numbered(96_000)
    assert handles(room) == ["", "h1"] and two.setup.session_resumption.transparent


# A new session -----------------------------------------------------------------------------------


async def forgets(server: Connection) -> None:
    """Not to know the handle."""
    await server.until(lambda: server.messages)
    await server.close(1008, "BidiGenerateContent session not found")


def test_a_new_session_is_told_what_was_heard_and_does_not_answer_it() -> None:
    """Cut turns are cut, functions are told in words, and what is being said is part of it."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send({"serverContent": {"inputTranscription": {"text": "Book 3pm."}}}, CALL)
        await server.until(lambda: server.tool_responses)
        for word in ("It", " is", " booked", " for", " you"):
            await server.send(words(word), audio_message(500))
        await asyncio.sleep(1.2)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await server.send({"serverContent": {"inputTranscription": {"text": "And what"}}})
        await asyncio.sleep(0.5)
        server.abort()

    async def body(room: Room) -> None:
        while len(room.server.connections) < 3:
            await asyncio.sleep(0.1)
        await room.mic.send(TextFrame("Hello?"))
        await asyncio.sleep(1)
        room.call.end("enough")

    room = converse(body, first, forgets, forever, tools={"names": ["book"]})
    assert handles(room) == ["", "h1", ""]
    assert room.changes() == ["connected", "lost", "renewed", "closed"]
    fresh = room.server.connections[2]
    assert fresh.setup.history_config.initial_history_in_client_content is True
    result = 'The function book was called with {"slot": "3pm"} and returned {"output": {"done": true}}.'
    assert turns_of(fresh) == [
        ("user", f"Book 3pm.|[{result}]"),
        ("model", "It is booked"),
        ("user", "And what"),
    ]
    assert fresh.contents[0].turn_complete, "the last of the history"
    assert fresh.texts == ["Hello?"]
    assert room.server.connections[1].setup.history_config is None


def test_where_history_would_be_answered_it_is_not_completed() -> None:
    """Models without historyConfig wait for more; and some want the user's turn at the end."""

    async def body(room: Room) -> None:
        await asyncio.sleep(0.1)
        room.call.end("enough")

    told = [
        {"role": "agent", "text": "Good day."},
        {"role": "user", "text": "Hi."},
        {"role": "agent", "text": "So?"},
    ]
    room = converse(
        body, forever, history=History.from_list(told).entries, model="gemini-live-2.5-flash-native-audio"
    )
    [fresh] = room.server.connections
    assert fresh.setup.history_config is None and not fresh.contents[0].turn_complete
    assert turns_of(fresh) == [
        ("user", "[The call begins.]"),
        ("model", "Good day."),
        ("user", "Hi."),
        ("model", "So?"),
        ("user", "[The call goes on.]"),
    ]


def test_a_call_starts_from_an_earlier_one(tmp_path: Path) -> None:
    """What one call writes down the next begins with, before its greeting; the file is whole at the end."""
    path = tmp_path / "talk.jsonl"

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.send({"serverContent": {"inputTranscription": {"text": "I am Ada."}}})
        await talk(server, "Hello, Ada.")
        await server.until(lambda: False)

    converse(listen, script, save_history=path)
    told = History.from_json_lines(path.read_text("utf-8"))
    assert [(entry.role, entry.text) for entry in told.entries] == [
        ("user", "I am Ada."),
        ("agent", "Hello, Ada."),
    ]

    async def body(room: Room) -> None:
        await asyncio.sleep(1)
        assert len(room.live.history) == 2
        room.call.end("enough")

    room = converse(body, forever, history=path, greeting="Welcome back.")
    contents = room.server.connections[0].contents
    assert [content.turns[-1].plain_text for content in contents] == [
        "Hello, Ada.",
        'Greet the caller now. Say exactly: "Welcome back."',
    ]


@pytest.mark.parametrize("told", ["queued", "late"])
def test_results_reach_a_session_that_never_asked(told: str) -> None:
    """In words, once, and it is to speak of them: whether they came in the gap or long after."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(CALL)
        await asyncio.sleep(0.1)
        server.abort()

    async def body(room: Room) -> None:
        await asyncio.sleep(8)
        room.call.end("enough")

    busy = [LinkClosed(1006, "no route")] * 2
    after_ms = 300 if told == "queued" else 5000
    room = converse(
        body, first, *busy, forgets, forever, tools={"names": ["book"], "after_ms": after_ms, "times": 2}
    )
    fresh = room.server.connections[-1]
    assert fresh.tool_responses == [] and len(room.tools.seen) == 1
    said = [*fresh.texts, *(content.turns[-1].plain_text for content in fresh.contents[1:])]
    # Nobody answers it here, so it is asked for.
    assert said[0] == '[The function book, called before, has now returned {"output": {"done": true}}.]'
    assert not any("book" in text for text in said[1:])
    waiting = "has not answered yet" in turns_of(fresh)[0][1]
    assert waiting is (told == "late")


def test_a_handle_that_is_refused_again_and_again_is_given_up() -> None:
    """The server may hold on to a connection for a quarter of an hour: nobody waits that long."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await asyncio.sleep(0.1)
        server.abort()

    async def held(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(1011, "Internal error encountered.")

    async def body(room: Room) -> None:
        await asyncio.sleep(30)
        await listen(room)

    room = converse(body, first, *[held] * 6, forever)
    assert handles(room) == ["", *["h1"] * 6, ""]
    assert room.changes() == ["connected", "lost", "renewed", "closed"]
    [at_ns] = [e.time_ns for e in room.events if isinstance(e, ServiceChanged) and e.state == "renewed"]
    assert at_ns < 20 * SECOND


def test_an_earlier_session_is_taken_up_and_begun_anew_when_it_is_gone() -> None:
    """By the handle that the options give."""

    async def body(room: Room) -> None:
        await asyncio.sleep(1)
        await listen(room)

    assert handles(converse(body, forever, session_resumption=Resumption(handle="old"))) == ["old"]
    room = converse(body, forgets, forever, session_resumption=Resumption(handle="old"))
    assert handles(room) == ["old", ""] and room.changes() == ["connected", "closed"]


# Messages in the gap -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", [lambda server: server.abort(), lambda server: server.freeze()], ids=["1006", "silence"]
)
def test_text_and_results_in_flight_arrive_once_and_in_order(end: Callable[[Connection], Any]) -> None:
    """Sent into a connection that no longer carries them: the next one does, where they belong between the sounds."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(CALL)
        await asyncio.sleep(1)
        server.freeze()
        await asyncio.sleep(2)
        end(server)
        await server.until(lambda: False)

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: server.texts and server.tool_responses)
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        after = await room.speak(2000)
        await room.mic.send(TextFrame("Are you there?"))
        await room.speak(38_000, first=after)
        room.call.end("enough")

    patient = AnswerWait(patience=None)
    room = converse(body, first, second, tools={"names": ["book"], "after_ms": 1500}, answer=patient)
    one, two = room.server.connections
    assert numbers(room.server.audio)[:240_000] == numbered(240_000)
    assert (one.texts, one.tool_responses) == ([], [])
    assert two.texts == ["Are you there?"] and [r.id for r in two.tool_responses] == ["fc_1"]
    kinds = [kind for message in two.messages[1:] for kind in message.kinds]
    result = kinds.index("tool_response")
    text = next(i for i, m in enumerate(two.messages) if m.realtime_input and m.realtime_input.text) - 1
    heard = [
        m.realtime_input.audio.data for m in two.messages[1:] if m.realtime_input and m.realtime_input.audio
    ]
    del heard
    assert result < text


def test_what_was_answered_is_not_sent_again() -> None:
    """Nothing else tells that it arrived: the answer does."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: server.texts)
        await asyncio.sleep(0.4)
        await server.send(audio_message(200))
        server.abort()

    async def body(room: Room) -> None:
        await room.mic.send(TextFrame("Hello?"))
        await asyncio.sleep(2)
        room.call.end("enough")

    room = converse(body, first, forever)
    assert [connection.texts for connection in room.server.connections] == [["Hello?"], []]

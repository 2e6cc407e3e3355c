"""The whole box in a running call, on virtual time, against a server that plays a script."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline import (
    MS,
    SECOND,
    ProcessorError,
    StartError,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    run_virtual,
)
from livegraph.pipeline.events import Transcript, Usage
from livegraph.processors.gemini_live import LiveConnector
from livegraph.processors.gemini_live.options.groups import AnswerWait
from livegraph.testing import no_tasks_left
from support.live_room import Room, converse, graph, listen, numbered, numbers
from support.live_server import Connection, Script, ScriptedServer, audio_message, talk, words

# Conversation ------------------------------------------------------------------------------------


def test_a_question_and_its_answer() -> None:
    """Audio goes up whole and in order; the answer comes down framed; both transcripts and usage are told."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.audio) >= 2 * 16_000)
        await server.send({"serverContent": {"inputTranscription": {"text": "Are you there?"}}})
        await talk(server, "Yes, I am.")

    async def body(room: Room) -> None:
        await room.speak(1000)
        await listen(room)

    room = converse(body, script)
    assert numbers(room.server.audio) == numbered(16_000)
    assert room.ear.markers == ["TurnStartFrame 1", "TurnEndFrame 1"]
    assert sum(len(frame.samples) for frame in room.ear.heard) == 3 * 2400
    assert all(frame.turn == 1 and frame.rate == 24_000 for frame in room.ear.heard)
    assert [frame.time_ns for frame in room.ear.heard] == sorted({frame.time_ns for frame in room.ear.heard})
    assert [(t.role, t.text) for t in room.log.transcripts if t.final] == [
        ("user", "Are you there?"),
        ("agent", "Yes, I am."),
    ]
    assert "".join(t.text for t in room.log.transcripts if t.role == "agent" and not t.final) == "Yes, I am."
    assert [event.turn for event in room.said("agent")] == [1]
    assert [usage.total_tokens for usage in room.log.usages] == [40]
    assert [e.node for e in room.events if isinstance(e, Usage)] == ["live"]
    assert room.changes() == ["connected", "closed"]
    assert room.call.reason == "completed"


def test_words_are_told_when_their_sound_is_heard() -> None:
    """The server sends all at once; the transcript follows the loudspeaker."""
    at: dict[str, int] = {}

    async def script(server: Connection) -> None:
        await server.accept()
        await talk(server, "one two three", pieces=3, piece_ms=400)

    async def body(room: Room) -> None:
        room.call.events.subscribe(Transcript, lambda event: at.setdefault(event.text, event.time_ns))
        await listen(room)

    converse(body, script)
    began = at["one"]
    assert abs(at["one two"] - began - 400 * MS) < 30 * MS
    assert abs(at["one two three"] - began - 800 * MS) < 30 * MS


def test_interrupted_while_downstream_is_blocked() -> None:
    """The loudspeaker hangs on one frame; the interruption frees it at once, and nothing of the turn follows."""
    times: list[int] = []

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send(words("A long story"))
        for _ in range(40):
            await server.send(audio_message(2000))
        await asyncio.sleep(1)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await talk(server, "Sorry.", pieces=1)

    async def body(room: Room) -> None:
        while not room.ear.interrupts:
            await asyncio.sleep(0.01)
        times.append(room.call.clock.now_ns())
        await listen(room)

    room = converse(body, script, stuck=True)
    assert times[0] < 1100 * MS
    assert [frame.turn for frame in room.ear.heard] == [2], "80 s of turn 1 were on their way"
    assert room.ear.interrupts == [1]
    assert [(e.text, e.interrupted, e.turn) for e in room.said("agent")] == [("Sorry.", False, 2)]


def test_an_interrupted_utterance_holds_what_was_heard() -> None:
    """And its frame is not lost for belonging to a void turn."""

    async def script(server: Connection) -> None:
        await server.accept()
        for word in ("one", " two", " three", " four"):
            await server.send(words(word), audio_message(500))
        await asyncio.sleep(0.75)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})

    room = converse(listen, script, answer=AnswerWait(patience=None))
    finals = [t for t in room.log.transcripts if t.final]
    assert [(t.text, t.interrupted) for t in finals] == [("one two", True)]
    assert [(e.text, e.interrupted) for e in room.said("agent")] == [("one two", True)]


def test_late_words_of_a_cut_turn_are_none_of_the_next() -> None:
    """They come when that one sounds already. A first word has no space in front of it, and joins no other."""

    async def script(server: Connection) -> None:
        await server.accept()
        for word in ("One", " two", " three", " four"):
            await server.send(words(word), audio_message(500))
        await asyncio.sleep(0.75)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await asyncio.sleep(0.1)
        await server.send(audio_message(600), words(" five"), audio_message(600), words(" six."))
        for word in ("Seven", " eight", " nine."):
            await server.send(words(word), audio_message(600))
        await server.send({"serverContent": {"generationComplete": True}})
        await asyncio.sleep(3)
        await server.send({"serverContent": {"turnComplete": True}})

    room = converse(listen, script, answer=AnswerWait(patience=None))
    told = [(e.text, e.interrupted) for e in room.said("agent")]
    assert told == [("One two", True), ("Seven eight nine.", False)]


@pytest.mark.parametrize("pieces", [("Yes.", "No."), (" Yes.", "No."), (" Yes", "terday.")])
def test_words_of_one_turn_are_kept_however_they_are_cut(pieces: tuple[str, ...]) -> None:
    """Where no turn was cut before, a missing space says nothing."""

    async def script(server: Connection) -> None:
        await server.accept()
        await talk(server, "Before.")
        for piece in pieces:
            await server.send(audio_message(600), words(piece))
        await server.send(
            {"serverContent": {"generationComplete": True}}, {"serverContent": {"turnComplete": True}}
        )

    room = converse(listen, script)
    assert room.said("agent")[-1].text in ("Yes. No.", "Yesterday.")


def test_text_is_sent_and_told_and_waited_for() -> None:
    """What the user writes is an utterance; the call ends only after the answer, however long it takes."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.until(lambda: server.texts)
        await asyncio.sleep(20)
        await talk(server, "Hello to you.")

    async def body(room: Room) -> None:
        await room.mic.send(TextFrame("  Hello!  "))
        await room.mic.send(TextFrame("   "))
        await listen(room)

    room = converse(body, script, answer=AnswerWait(patience=30 * SECOND))
    assert room.server.connections[0].texts == ["Hello!"]
    assert [(t.role, t.text) for t in room.log.transcripts if t.final] == [
        ("user", "Hello!"),
        ("agent", "Hello to you."),
    ]


def test_the_greeting_is_asked_for_once() -> None:
    """As the first thing, and not again on a later connection."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.messages) > 1)
        await talk(server, "Good morning!")
        server.abort()

    async def second(server: Connection) -> None:
        await server.accept("h2")

    room = converse(listen, first, second, greeting="Good morning!")
    greeting = room.server.connections[0].messages[1].client_content
    assert greeting is not None and greeting.turn_complete
    assert greeting.turns[0].role == "user"
    assert greeting.turns[0].plain_text == 'Greet the caller now. Say exactly: "Good morning!"'
    assert room.said("agent")[0].text == "Good morning!"
    assert all(message.client_content is None for message in room.server.connections[1].messages)


def test_an_answer_that_never_comes_is_not_waited_for_longer_than_allowed() -> None:
    """The call ends after answer_timeout, and says so."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await room.mic.send(TextFrame("Hello?"))
        await listen(room)

    room = converse(body, script, answer_timeout=5 * SECOND)
    assert 5 * SECOND <= room.events[-1].time_ns < 6 * SECOND


def test_a_microphone_that_falls_silent_is_closed_for_the_service() -> None:
    """After a second without audio, once; and at the end of the input only if it is open."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await room.speak(500)
        await asyncio.sleep(0.9)
        assert room.server.connections[0].stream_ends == 0
        await asyncio.sleep(5)
        assert room.server.connections[0].stream_ends == 1
        await room.speak(500)
        await listen(room)

    room = converse(body, script)
    assert room.server.connections[0].stream_ends == 2


# Speech ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("detector", "expected"), [(False, True), (True, False)])
def test_the_servers_ears_count_where_there_are_no_others(detector: bool, expected: bool) -> None:
    """With a detector of ours, its word is the only one."""
    heard: list[bool] = []

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send({"voiceActivity": {"type": "ACTIVITY_START"}})
        await asyncio.sleep(1)
        await server.send({"voiceActivity": {"type": "ACTIVITY_END"}})

    async def body(room: Room) -> None:
        await asyncio.sleep(0.5)
        heard.append(room.ear.call.conversation.user_speaking)
        await asyncio.sleep(1)
        heard.append(room.ear.call.conversation.user_speaking)
        await listen(room)

    converse(body, script, speech=detector)
    assert heard == [expected, False]


def test_what_nobody_ends_is_told_in_pieces() -> None:
    """A service that only writes down may never say that an utterance is over: it ends with a sentence."""

    async def script(server: Connection) -> None:
        await server.accept()
        for number in range(300):
            await server.send(
                {"serverContent": {"inputTranscription": {"text": f"Sentence {number} of it. "}}}
            )
        await server.send({"serverContent": {"inputTranscription": {"text": "and " * 1200}}})

    room = converse(listen, script, answer_timeout=1 * SECOND)
    told = [t.text for t in room.log.transcripts if t.final]
    assert len(told) == 3 and all(len(text) > 1990 for text in told)
    assert " ".join(told).split() == [
        *" ".join(f"Sentence {n} of it." for n in range(300)).split(),
        *["and"] * 1200,
    ]


def test_a_history_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the option; the conversation was whole."""

    async def script(server: Connection) -> None:
        await server.accept()

    with pytest.raises(ProcessorError, match="option save_history"):
        converse(listen, script, save_history="/proc/nowhere/talk.jsonl")


# Tools -------------------------------------------------------------------------------------------

CALL = {"toolCall": {"functionCalls": [{"id": "fc_1", "name": "book", "args": {"slot": "3pm"}}]}}


def test_a_tool_is_declared_called_and_answered_once() -> None:
    """The router says its result twice; the server hears it once."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send(CALL)
        await server.until(lambda: server.tool_responses)
        await talk(server, "Booked.")

    room = converse(listen, script, tools={"names": ["book"], "times": 2})
    declared = room.server.connections[0].setup.tools[0].function_declarations
    assert [(f.name, f.description) for f in declared] == [("book", "does book")]
    responses = room.server.connections[0].tool_responses
    assert [(r.id, r.name, r.response) for r in responses] == [("fc_1", "book", {"output": {"done": True}})]
    assert room.said("agent")[-1].text == "Booked."


def test_a_result_is_delivered_exactly_once_over_a_reconnect() -> None:
    """The connection breaks while the tool works; its result goes to the next one."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(CALL)
        await asyncio.sleep(0.1)
        server.abort()

    async def second(server: Connection) -> None:
        await server.accept("h2")
        await server.until(lambda: server.tool_responses)
        await talk(server, "Booked.")

    room = converse(listen, first, second, tools={"names": ["book"], "after_ms": 3000, "times": 2})
    assert [len(connection.tool_responses) for connection in room.server.connections] == [0, 1]


def test_a_cancelled_call_is_withdrawn_and_not_answered() -> None:
    """Whatever the tool says later."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send(CALL)
        await asyncio.sleep(0.1)
        await server.send({"toolCallCancellation": {"ids": ["fc_1"]}})
        await asyncio.sleep(2)

    room = converse(listen, script, tools={"names": ["book"]})
    assert [type(frame) for frame in room.tools.seen] == [ToolCallFrame, ToolCancelFrame]
    assert room.server.connections[0].tool_responses == []


def test_a_function_that_nobody_has_is_answered_with_an_error() -> None:
    """At once, with no box asked."""

    async def script(server: Connection) -> None:
        await server.accept()
        await server.send({"toolCall": {"functionCalls": [{"id": "x", "name": "fly", "args": {}}]}})
        await server.until(lambda: server.tool_responses)

    room = converse(listen, script, tools={"names": ["book"]})
    assert room.tools.seen == []
    assert room.server.connections[0].tool_responses[0].response == {"error": "there is no function 'fly'"}


# Refusals ----------------------------------------------------------------------------------------


def refusing(code: int, reason: str) -> Script:
    async def script(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(code, reason)

    return script


def test_a_first_connection_that_fails_in_passing_is_tried_again() -> None:
    """The call starts as if nothing had been."""

    async def script(server: Connection) -> None:
        await server.accept()

    room = converse(
        listen,
        LinkClosed(1006, "connection refused"),
        refusing(1011, "The service is currently unavailable."),
        script,
    )
    assert room.changes() == ["connected", "closed"]
    assert len(room.server.attempts_ns) == 3


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (1007, "API key not valid. Please pass a valid API key.", "option api_key"),
        (
            1008,
            "models/x is not found for API version v1beta, or is not supported for bidiGenerateContent.",
            "model",
        ),
        (
            1007,
            "Invalid JSON payload received. Unknown name \"top_k\" at 'setup.generation_config': Cannot find field.",
            "top_k",
        ),
        (
            1007,
            "Invalid JSON payload received. Unknown name \"new_thing\" at 'setup': Cannot find field.",
            "extra",
        ),
        (1007, "Cannot extract voices from a non-audio request.", "option answers"),
        (1007, "The requested combination of response modalities (TEXT) is not supported.", "option answers"),
        (
            1007,
            "Explicit activity control is not supported when automatic activity detection is enabled.",
            "option activity",
        ),
        (1007, "Request contains an invalid argument.", "options"),
        (1008, "Requested entity was not found.", "not found"),
    ],
)
def test_a_refused_setup_fails_the_start_at_once(code: int, reason: str, said: str) -> None:
    """Nothing is tried twice, and the option at fault is named with a remedy."""
    servers: list[ScriptedServer] = []

    async def main() -> None:
        plan = graph({}, tools=None, stuck=False, speech=False).plan()
        async with no_tasks_left(), ScriptedServer(refusing(code, reason)) as server:
            servers.append(server)
            await plan.call(resources={LiveConnector: server}).run()

    with pytest.raises(StartError) as failed:
        run_virtual(main())
    assert reason[:60] in str(failed.value) and said in str(failed.value)
    assert len(servers[0].attempts_ns) == 1


def test_a_server_that_never_answers_fails_the_start_in_time() -> None:
    """Ten seconds, then the call is told."""

    async def silent(server: Connection) -> None:
        await server.until(lambda: False)

    async def main() -> float:
        plan = graph({}, tools=None, stuck=False, speech=False).plan()
        async with no_tasks_left(), ScriptedServer(silent) as server:
            with pytest.raises(StartError, match="no answer in time"):
                await plan.call(resources={LiveConnector: server}).run()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) < 13


def test_a_fatal_close_in_the_middle_ends_the_call() -> None:
    """With the service's words and a remedy, and without another attempt."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await asyncio.sleep(1)
        await server.close(1007, "Request contains an invalid argument.")

    with pytest.raises(ProcessorError, match="invalid argument") as failed:
        converse(lambda room: room.call.finished(), script)
    assert failed.value.node == "live" and "context_compression" in failed.value.remedy


def test_hanging_up_in_the_middle_closes_the_connection() -> None:
    """Within the call's own deadlines, in whatever state it is."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        for _ in range(100):
            await server.send(audio_message(500))

    async def body(room: Room) -> None:
        await room.speak(500)
        room.call.end("hung up")

    room = converse(body, script, stuck=True)
    closed = room.server.connections[0].closed
    assert closed is not None and closed.code == 1000


def test_a_key_is_in_no_log_event_or_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the server repeats it."""
    from livegraph.pipeline import Secret

    key = "AIza-very-secret-key-0123456789"
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-from-the-environment-01234")
    sent: list[dict[str, str]] = []

    async def script(server: Connection) -> None:
        sent.append(server.headers)
        await server.accept("h1")
        await asyncio.sleep(1)
        await server.close(1007, f"API key {key} not valid.")

    with caplog.at_level(logging.DEBUG), pytest.raises(ProcessorError) as failed:
        converse(lambda room: room.call.finished(), script, api_key=Secret(key))
    assert sent == [{"x-goog-api-key": key}]
    assert key not in caplog.text and key not in str(failed.value) and key not in repr(failed.value.__cause__)
    assert "AIza" not in caplog.text and "***" in str(failed.value)

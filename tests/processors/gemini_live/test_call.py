"""The whole box in a running call, on virtual time, against a server that plays a script."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Graph,
    In,
    InterruptFrame,
    Out,
    Processor,
    ProcessorError,
    ServiceError,
    StartError,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    TurnEndFrame,
    UsageFrame,
    run_virtual,
)
from livegraph.pipeline.call import Call
from livegraph.pipeline.events import Event, ServiceChanged, Transcript, Usage
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.processors.gemini_live.wire.link import LinkClosed
from livegraph.processors.tool_catalog import FunctionSpec, ToolCatalog
from support.leaks import no_tasks_left
from support.live_server import Connection, Script, ScriptedServer, audio_message, talk, words

CHUNK = 320


class Ear(Processor):
    """A loudspeaker that plays in real time and tells the conversation what was heard."""

    kind = "sink"
    sound: In[AudioFrame] = In(rate=24_000, channels=1)

    def __init__(self, *, stuck: bool = False) -> None:
        self.heard: list[AudioFrame] = []
        self.markers: list[str] = []
        self.interrupts: list[int] = []
        self._stuck = stuck
        self._void = 0
        self._position: dict[int, int] = {}

    async def start(self) -> None:
        self.call.turns.attach(self)

    def pause(self) -> None:
        """It goes on: what matters here is the flush."""

    def resume(self) -> None:
        """Nothing was paused."""

    def flush(self, turn: int) -> None:
        self._void = turn

    async def on_sound(self, frame: AudioFrame) -> None:
        if self._stuck:
            await asyncio.sleep(5)
        self.heard.append(frame)
        self.call.turns.played(frame.turn, self._position.get(frame.turn, 0))
        await asyncio.sleep(frame.duration_ns / SECOND)
        if frame.turn > self._void:
            position = self._position[frame.turn] = self._position.get(frame.turn, 0) + frame.duration_ns
            self.call.turns.played(frame.turn, position)

    def on_marker(self, port: str, frame: Any) -> None:
        self.markers.append(f"{type(frame).__name__} {frame.turn}")
        if isinstance(frame, TurnEndFrame):
            self.call.turns.played_out(frame.turn)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self.interrupts.append(frame.turn)


class Tools(Processor):
    """Answers every call after a while; what it is told of is kept."""

    calls: In[ToolCallFrame | ToolCancelFrame] = In()
    results: Out[ToolResultFrame] = Out()

    def __init__(self, *, names: list[str], after_ms: int = 500, times: int = 1) -> None:
        self._names, self._after_ms, self._times = names, after_ms, times
        self.seen: list[ToolCallFrame | ToolCancelFrame] = []

    async def start(self) -> None:
        self.calls.advertised = ToolCatalog(tuple(FunctionSpec(name, f"does {name}") for name in self._names))

    async def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> None:
        self.seen.append(frame)
        if isinstance(frame, ToolCallFrame):
            await asyncio.sleep(self._after_ms / 1000)
            for _ in range(self._times):
                self.results.emit(ToolResultFrame(frame.id, frame.name, {"output": {"done": True}}))


class Log(Processor):
    """Keeps what comes."""

    kind = "sink"
    transcript: In[TranscriptFrame] = In(required=False)
    usage: In[UsageFrame] = In(required=False)

    def __init__(self) -> None:
        self.transcripts: list[TranscriptFrame] = []
        self.usages: list[UsageFrame] = []

    def on_transcript(self, frame: TranscriptFrame) -> None:
        self.transcripts.append(frame)

    def on_usage(self, frame: UsageFrame) -> None:
        self.usages.append(frame)


class Room:
    """A running call with its boxes, its server and all that happened."""

    def __init__(self, call: Call, server: ScriptedServer, events: list[Event]) -> None:
        self.call, self.server, self.events = call, server, events

    @property
    def mic(self) -> AppIn:
        return self.call.processor("mic", AppIn)

    @property
    def ear(self) -> Ear:
        return self.call.processor("ear", Ear)

    @property
    def tools(self) -> Tools:
        return self.call.processor("tools", Tools)

    @property
    def log(self) -> Log:
        return self.call.processor("log", Log)

    async def speak(self, length_ms: int, *, first: int = 0) -> int:
        """Say numbered samples in real time; returns the number after the last."""
        for index in range(length_ms // 20):
            samples = (np.arange(CHUNK) + first + index * CHUNK).astype(np.int16)
            await self.mic.send(AudioFrame(samples, 16_000, time_ns=self.call.clock.now_ns()))
            await asyncio.sleep(0.02)
        return first + length_ms // 20 * CHUNK

    def changes(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, ServiceChanged)]

    def said(self, role: str) -> list[Transcript]:
        return [e for e in self.events if isinstance(e, Transcript) and e.role == role and e.final]


def graph(options: Mapping[str, Any], *, tools: Mapping[str, Any] | None, stuck: bool, speech: bool) -> Graph:
    made = Graph()
    made.add("mic", AppIn)
    made.add("live", GeminiLive, **options)
    made.add("ear", Ear, stuck=stuck)
    made.add("log", Log)
    made.connect("mic.audio", "live.audio")
    made.connect("mic.frames", "live.text")
    if speech:
        made.connect("mic.frames", "live.speech")
    made.connect("live.out", "ear")
    made.connect("live.transcript", "log.transcript")
    made.connect("live.usage", "log.usage")
    if tools is not None:
        made.add("tools", Tools, **tools)
        made.connect("live.tool_calls", "tools")
        made.connect("tools", "live.tool_results")
    return made


def converse(
    body: Callable[[Room], Any],
    *scripts: Script | Exception,
    tools: Mapping[str, Any] | None = None,
    stuck: bool = False,
    speech: bool = False,
    **options: Any,
) -> Room:
    """Run ``body`` in a call, to the end of the call; nothing may be left behind."""

    async def main() -> Room:
        plan = graph(options, tools=tools, stuck=stuck, speech=speech).plan()
        events: list[Event] = []
        async with no_tasks_left(), ScriptedServer(*scripts) as server:
            call = plan.call(resources={LiveConnector: server}, call_id="call-test")
            call.events.subscribe(Event, events.append)
            room = Room(call, server, events)
            async with call:
                await body(room)
            assert server.connections[-1].closed is not None, "the last connection was closed"
        return room

    return run_virtual(main())


async def listen(room: Room) -> None:
    room.mic.end()
    await room.call.finished()


def numbers(pcm: bytes) -> list[int]:
    return np.frombuffer(pcm, "<i2").tolist()


def numbered(count: int) -> list[int]:
    return np.arange(count).astype(np.int16).tolist()


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
    """The loudspeaker hangs on one frame; the interruption is acted on at once, and nothing of the turn follows."""
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
    assert [frame.turn for frame in room.ear.heard] == [1, 2], "80 s of turn 1 were on their way"
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

    room = converse(listen, script)
    finals = [t for t in room.log.transcripts if t.final]
    assert [(t.text, t.interrupted) for t in finals] == [("one two", True)]
    assert [(e.text, e.interrupted) for e in room.said("agent")] == [("one two", True)]


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

    room = converse(body, script)
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
        heard.append(room.ear.call.turns.user_speaking)
        await asyncio.sleep(1)
        heard.append(room.ear.call.turns.user_speaking)
        await listen(room)

    converse(body, script, speech=detector)
    assert heard == [expected, False]


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


# Connections -------------------------------------------------------------------------------------


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


def test_a_handle_that_has_expired_is_dropped() -> None:
    """A session begins anew, the calls of the old one are withdrawn, and it is said that the model has forgotten."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.send(CALL)
        await asyncio.sleep(0.1)
        server.abort()

    async def gone(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(1008, "BidiGenerateContent session not found")

    async def fresh(server: Connection) -> None:
        await server.accept("h3")

    room = converse(listen, first, gone, fresh, tools={"names": ["book"], "after_ms": 60_000})
    assert [c.setup.session_resumption.handle for c in room.server.connections] == ["", "h1", ""]
    assert room.changes() == ["connected", "lost", "renewed", "closed"]
    assert room.server.connections[2].tool_responses == []


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

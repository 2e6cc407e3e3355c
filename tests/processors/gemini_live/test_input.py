"""What else goes up in a call: turns that we mark, pictures, context, new instructions; on virtual time."""

from __future__ import annotations

import asyncio
import logging

import numpy as np
import pytest

from livegraph.pipeline import MS, SpeechEndFrame, SpeechStartFrame, StartError, VideoFrame
from livegraph.pipeline.events import Event, Usage
from livegraph.processors.gemini_live import events
from livegraph.processors.gemini_live.frames import ContextFrame, UpdateFrame
from livegraph.processors.tools.catalog import FunctionSpec
from support.live_room import Room, converse, listen, numbers
from support.live_server import Connection, audio_message, talk


async def forever(server: Connection) -> None:
    await server.accept("h1")
    await server.until(lambda: False)


async def hear(room: Room, speaking: bool, *, since_ms: int = 0) -> None:
    """As a voice activity detector tells it."""
    now_ns = room.call.clock.now_ns()
    conversation = room.live.call.conversation
    (conversation.user_started if speaking else conversation.user_stopped)()
    kind = SpeechStartFrame if speaking else SpeechEndFrame
    await room.mic.send(kind(time_ns=now_ns - since_ms * MS))


# Marked turns ------------------------------------------------------------------------------------


def test_turns_are_marked_and_nothing_else_goes_up() -> None:
    """With their pre-roll; the service's detector is off, and no end of the stream is told."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: "activity_end" in server.realtime)
        await talk(server, "Yes.")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        first = await room.speak(1000)
        await hear(room, True, since_ms=100)
        first = await room.speak(500, first=first)
        await hear(room, False)
        await room.speak(2000, first=first)
        await asyncio.sleep(3)
        await listen(room)

    room = converse(body, script, speech=True, activity="manual", pre_roll=200 * MS)
    [server] = room.server.connections
    assert server.setup.realtime_input_config.automatic_activity_detection.disabled is True
    assert server.realtime == ["activity_start", "audio", "activity_end"]
    heard = numbers(server.audio)
    assert heard[-1] == 1500 * 16 - 1 and heard[0] == 700 * 16
    assert room.said("agent")[-1].text == "Yes."


def test_a_turn_that_is_open_at_the_end_is_closed() -> None:
    """The user hangs up in the middle of a word."""

    async def body(room: Room) -> None:
        await hear(room, True)
        await room.speak(500)
        await listen(room)

    room = converse(body, forever, speech=True, activity="manual", answer_timeout=1_000 * MS)
    assert room.server.connections[0].realtime == ["activity_start", "audio", "activity_end"]


@pytest.mark.parametrize(("length_ms", "turns"), [(100, 0), (600, 1)])
def test_only_an_interruption_cuts_the_agent_off(length_ms: int, turns: int) -> None:
    """A cough is never told: the start of a turn would end the answer for good."""

    async def script(server: Connection) -> None:
        await server.accept("h1")
        for _ in range(20):
            await server.send(audio_message(500))
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(1)
        await hear(room, True)
        first = await room.speak(length_ms)
        await hear(room, False)
        await room.speak(1500, first=first)
        room.call.end("enough")

    room = converse(body, script, speech=True, activity="manual")
    [server] = room.server.connections
    assert server.realtime.count("activity_start") == turns == server.realtime.count("activity_end")
    assert room.ear.interrupts == [1] * turns
    if turns:
        assert numbers(server.audio)[: length_ms * 16] == list(range(length_ms * 16)), (
            "from its first sample on"
        )


def test_a_turn_goes_on_over_a_lost_connection() -> None:
    """It is opened again on the next one, whose detector is off as well."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.audio) >= 2 * 8000)
        # What was read so far is known to have arrived.
        await asyncio.sleep(0)
        server.abort()

    async def body(room: Room) -> None:
        await hear(room, True)
        await room.speak(1000)
        await hear(room, False)
        await asyncio.sleep(1)
        room.call.end("enough")

    room = converse(body, first, forever, speech=True, activity="manual")
    one, two = room.server.connections
    assert one.realtime == ["activity_start", "audio"]
    assert two.realtime == ["activity_start", "audio", "activity_end"]
    assert numbers(room.server.audio) == list(range(16_000))


def test_marked_turns_need_somebody_who_marks_them() -> None:
    """Said before anything is connected, with the option."""
    with pytest.raises(StartError, match=r"option activity.*vad_gate"):
        converse(listen, forever, activity="manual")


# Pictures ----------------------------------------------------------------------------------------


def test_pictures_go_up_once_a_second() -> None:
    """The newest, as JPEG; also over a lost connection, and old ones never again."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.pictures) == 2)
        server.abort()

    async def body(room: Room) -> None:
        for number in range(40):
            await room.mic.send(VideoFrame(np.full((24, 32, 3), number, np.uint8)))
            await asyncio.sleep(0.1)
        await listen(room)

    room = converse(body, first, forever)
    one, two = room.server.connections
    assert (len(one.pictures), len(two.pictures)) == (2, 3), "at 0, 1, 2, 3 and 4 s"
    assert all(picture.startswith(b"\xff\xd8") for picture in one.pictures + two.pictures)
    assert len({*one.pictures, *two.pictures}) == 5


# Context and instructions ------------------------------------------------------------------------


def test_the_model_is_told_something_without_answering_it() -> None:
    """In the order of everything else; and it is part of the history, as context."""

    async def body(room: Room) -> None:
        await room.mic.send(ContextFrame("The caller is called Ada."))
        room.live.add_context("  Say goodbye now. ", reply=True)
        room.live.add_context("   ")
        await asyncio.sleep(0.1)
        room.call.end("enough")

    room = converse(body, forever)
    contents = room.server.connections[0].contents
    assert [(c.turns[0].plain_text, c.turn_complete) for c in contents] == [
        ("The caller is called Ada.", False),
        ("Say goodbye now.", True),
    ]
    assert [(entry.role, entry.text) for entry in room.live.history.entries] == [
        ("context", "The caller is called Ada."),
        ("context", "Say goodbye now."),
    ]


def test_a_model_that_answers_every_text_is_told_later(caplog: pytest.LogCaptureFixture) -> None:
    """3.1 takes context only at the beginning of a session; what wants an answer goes as text."""

    async def body(room: Room) -> None:
        room.live.add_context("The caller is called Ada.")
        room.live.add_context("Say goodbye now.", reply=True)
        await asyncio.sleep(0.1)
        room.call.end("enough")

    with caplog.at_level(logging.WARNING):
        room = converse(body, forever, model="gemini-3.1-flash-live-preview", greeting="Hello!")
    assert "takes no text without answering it" in caplog.text
    [server] = room.server.connections
    assert server.contents == []
    assert server.texts == ['Greet the caller now. Say exactly: "Hello!"', "Say goodbye now."]


FUNCTION = FunctionSpec("pay", "Pay", {"type": "object", "properties": {"sum": {"type": "number"}}})


def test_new_instructions_count_at_once_and_on_every_later_connection() -> None:
    """As an update, and in the setup of what follows; so do new functions, which can be called."""

    async def first(server: Connection) -> None:
        await server.accept("h1")
        await server.until(lambda: len(server.updates) == 2)
        for name in ("pay", "book"):
            call = {"id": name, "name": name, "args": {}}
            await server.send({"toolCall": {"functionCalls": [call]}})
        await server.until(lambda: server.tool_responses)
        server.abort()

    async def body(room: Room) -> None:
        room.live.update(instructions="Be brief.")
        await room.mic.send(UpdateFrame(functions=(FUNCTION,)))
        await asyncio.sleep(2)
        room.call.end("enough")

    room = converse(
        body, first, forever, tools={"names": ["book"]}, instructions="Be kind.", google_search=True
    )
    one, two = room.server.connections
    assert one.setup.system_instruction.plain_text == "Be kind."
    assert one.updates[0].system_instruction.plain_text == "Be brief." and one.updates[0].tools is None
    assert one.updates[1].system_instruction is None
    for tools in (one.updates[1].tools.tools, two.setup.tools):
        assert [f.name for f in tools[0].function_declarations] == ["pay"]
        assert tools[1].google_search is not None
    assert two.setup.system_instruction.plain_text == "Be brief."
    assert one.tool_responses[0].response == {"error": "there is no function 'book'"}


def test_a_model_that_takes_no_updates_gets_a_new_connection() -> None:
    """In the next pause, to the same session: a new setup may change everything but the model."""

    async def body(room: Room) -> None:
        await asyncio.sleep(1)
        room.live.update(instructions="Be brief.")
        await asyncio.sleep(2)
        await listen(room)

    room = converse(body, forever, model="gemini-live-2.5-flash-native-audio", instructions="Be kind.")
    assert room.changes() == ["connected", "resumed", "closed"]
    setups = [connection.setup for connection in room.server.connections]
    assert [setup.system_instruction.plain_text for setup in setups] == ["Be kind.", "Be brief."]
    assert [setup.session_resumption.handle for setup in setups] == ["", "h1"]
    assert all(connection.updates == [] for connection in room.server.connections)


# What comes down beside the conversation ---------------------------------------------------------


def test_everything_that_the_service_says_is_an_event() -> None:
    """Typed, once each; thoughts and code are in no transcript."""
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAEC"}}
    parts = [
        {"text": "Hm.", "thought": True},
        {"text": "**Aside**"},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        picture,
    ]
    web = {"web": {"uri": "https://example.org", "title": "Example"}}

    async def script(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.send({"setupComplete": {"sessionId": "s1"}})
        await server.send({"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "1.5s"}})
        heard = {"text": "Hi.", "languageCode": "en-US", "speakerLabel": "A", "words": [{"word": "Hi."}]}
        await server.send({"serverContent": {"interimInputTranscription": {"text": "H"}}})
        await server.send({"serverContent": {"inputTranscription": heard}})
        await server.send({"serverContent": {"modelTurn": {"parts": parts}}})
        await server.send(
            {
                "serverContent": {
                    "groundingMetadata": {"groundingChunks": [web]},
                    "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "u"}]},
                    "generationComplete": True,
                }
            }
        )
        usage = {
            "promptTokenCount": 1000,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1000}],
            "responseTokenCount": 100,
            "thoughtsTokenCount": 10,
        }
        over = {"turnComplete": True, "turnCompleteReason": "NEED_MORE_INPUT", "interactionStatus": "IDLE"}
        await server.send({"serverContent": over, "usageMetadata": usage}, {"usageMetadata": usage})

    room = converse(listen, script)
    told = {type(event): event for event in room.events if isinstance(event, events.LiveEvent | Usage)}
    ours = {events.LiveEvent, events.AnswerMissing, events.AnswerStalled}
    assert set(told) == {getattr(events, name) for name in events.__all__} - ours | {Usage}

    def of(kind: type[Event]) -> object:
        return told[kind]

    assert of(events.LiveOpened).session_id == "s1"  # type: ignore[attr-defined]
    assert of(events.LiveThought).text == "Hm."  # type: ignore[attr-defined]
    assert of(events.LiveMedia).data == b"\x00\x01\x02"  # type: ignore[attr-defined]
    assert of(events.LiveGrounding).sources == [("Example", "https://example.org")]  # type: ignore[attr-defined]
    assert of(events.LiveTurnEnded).reason == "NEED_MORE_INPUT"  # type: ignore[attr-defined]
    assert of(events.LiveVoiceActivity).offset_ns == 1500 * MS  # type: ignore[attr-defined]
    heard = [event for event in room.events if isinstance(event, events.LiveTranscription)]
    assert [(event.text, event.interim, event.language, event.speaker) for event in heard] == [
        ("H", True, "", ""),
        ("Hi.", False, "en-US", "A"),
    ]
    costs = [event for event in room.events if isinstance(event, Usage)]
    each = (1000 * 3.0 + 100 * 4.5 + 10 * 4.5) / 1e6
    assert [event.cost_usd for event in costs] == [pytest.approx(each)] * 2
    assert [event.call_cost_usd for event in costs] == [pytest.approx(each), pytest.approx(2 * each)]
    assert [usage.thought_tokens for usage in room.log.usages] == [10, 10]
    assert [t.text for t in room.log.transcripts if t.final] == ["Hi."]

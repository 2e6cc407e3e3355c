"""Colleagues in one call, on virtual time: what goes along, what the caller hears, and that nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from livegraph.pipeline import ConversationPolicy
from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.events import PersonaChanged, ToolFinished, TransferAsked
from livegraph.pipeline.turns.conversation_policy import Ending
from livegraph.processors.gemini_live.colleagues.persona import HandOverRule, Persona, Transfer
from livegraph.processors.gemini_live.frames import HandOverFrame
from support.live_room import Room, converse, listen
from support.live_server import Connection, talk

Part = Callable[[Connection], Awaitable[None]]


def asks_for(name: str, call_id: str = "c1", **args: Any) -> dict[str, Any]:
    return {"toolCall": {"functionCalls": [{"id": call_id, "name": name, "args": args}]}}


def instructions(server: Connection) -> str:
    given = server.setup.system_instruction
    return "" if given is None else str(given.plain_text)


def voice(server: Connection) -> str:
    return str(server.setup.generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name)


def functions(server: Connection) -> list[str]:
    return [one.name for tool in server.setup.tools for one in tool.function_declarations]


def _split(server: Connection) -> int:
    """How many of its contents are history."""
    return 1 if server.setup.history_config is not None else 0


def seeded(server: Connection) -> str:
    """All that it was told at its beginning, before it was asked for anything."""
    first = server.contents[: _split(server)]
    return "\n".join(turn.plain_text for content in first for turn in content.turns)


def asked(server: Connection) -> list[str]:
    """What it was told, and is to answer."""
    return [content.turns[-1].plain_text for content in server.contents[_split(server) :]]


def house(
    parts: dict[str, Part],
) -> tuple[Callable[[Connection], Awaitable[None]], dict[str, list[Connection]]]:
    """A server that plays the part whose name stands in the instructions; a line is spoken at once."""
    met: dict[str, list[Connection]] = {}

    async def script(server: Connection) -> None:
        await server.until(lambda: server.messages)
        who = next((name for name in parts if f"You are {name}" in instructions(server)), "line")
        met.setdefault(who, []).append(server)
        await server.accept()
        if who == "line":
            await server.until(lambda: asked(server) or server.texts)
            await talk(server, "One moment, please.", piece_ms=150)
            await server.until(lambda: False)
        await parts[who](server)

    return script, met


async def stay(room: Room) -> None:
    await asyncio.sleep(12)
    await listen(room)


AGENTS = {
    "desk": Persona(
        instructions="You are desk.",
        voice="Kore",
        hand_over=["billing", "human"],
        description="the front desk",
    ),
    "billing": Persona(
        instructions="You are billing.", voice="Charon", greeting="Billing, good day.", returns_to="desk"
    ),
    "human": Persona(transfer=Transfer(number="+44 20 7946 0000")),
}


def test_another_voice_takes_over_and_knows_what_was_said() -> None:
    """Its session has its own instructions, voice and functions, the history, and begins with its greeting."""

    async def desk(server: Connection) -> None:
        await server.send({"serverContent": {"inputTranscription": {"text": "My invoice is wrong."}}})
        await talk(server, "I see.", piece_ms=100)
        await asyncio.sleep(2)
        await server.send(asks_for("hand_over_to_billing", reason="a wrong invoice"))
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: asked(server))
        await talk(server, "Billing, good day.", piece_ms=125)
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": billing})
    room = converse(stay, script, agents=AGENTS)
    first, second = met["desk"][0], met["billing"][0]
    assert (voice(first), voice(second)) == ("Kore", "Charon")
    assert functions(first) == ["hand_over_to_billing", "transfer_to_human"]
    assert functions(second) == ["hand_back_to_desk"]
    assert "My invoice is wrong." in seeded(second) and "I see." in seeded(second)
    assert 'Say exactly: "Billing, good day."' in asked(second)[0] and "a wrong invoice" in asked(second)[0]
    changes = [(e.before, e.persona, e.reason) for e in room.events if isinstance(e, PersonaChanged)]
    assert changes == [("", "desk", ""), ("desk", "billing", "a wrong invoice")]
    assert first.closed is not None and not first.tool_responses
    said = [event.text for event in room.said("agent")]
    assert said == ["I see.", "One moment, please.", "Billing, good day."]
    numbers = [event.utterance for event in room.said("agent")]
    assert len(set(numbers)) == 3, "no utterance takes the place of another on the page"


def test_the_caller_hears_a_phrase_and_no_gap_while_a_session_takes_its_time() -> None:
    """From the end of the phrase to the new voice there is less silence than the session took to come up."""

    async def desk(server: Connection) -> None:
        await talk(server, "Good day.", piece_ms=100)
        await asyncio.sleep(2)
        await server.send(asks_for("hand_over_to_billing", reason="x"))
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: asked(server))
        await talk(server, "Billing.", piece_ms=125)
        await server.until(lambda: False)

    script, _met = house({"desk": desk, "billing": billing})

    async def slow(server: Connection) -> None:
        await server.until(lambda: server.messages)
        if "You are billing" in instructions(server):
            await asyncio.sleep(0.5)
        await script(server)

    room = converse(stay, slow, agents=AGENTS)
    starts = [event.time_ns for event in room.events if isinstance(event, ToolFinished)]
    assert len(starts) == 1
    frames = [(frame.turn, frame.time_ns, frame.duration_ns) for frame in room.ear.heard]
    turns = list(dict.fromkeys(turn for turn, _, _ in frames))
    assert len(turns) == 3, "what it said, the phrase, the colleague"
    phrase = [frame for frame in frames if frame[0] == turns[1]]
    after = next(frame for frame in frames if frame[0] == turns[2])
    gap_ms = (after[1] - (phrase[0][1] + sum(length for _, _, length in phrase))) / 1e6
    assert gap_ms < 100


def test_what_the_caller_says_meanwhile_reaches_the_colleague() -> None:
    async def desk(server: Connection) -> None:
        await server.send(asks_for("hand_over_to_billing", reason="x"))
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": billing})

    async def slow(server: Connection) -> None:
        await server.until(lambda: server.messages)
        if "You are billing" in instructions(server):
            await asyncio.sleep(1)
        await script(server)

    async def body(room: Room) -> None:
        await room.speak(2_000)
        await asyncio.sleep(2)
        await listen(room)

    converse(body, slow, agents=AGENTS)
    heard = np.frombuffer(met["desk"][0].audio + met["billing"][0].audio, "<i2")
    assert heard.tolist() == np.arange(32_000).astype(np.int16).tolist()


def test_without_another_voice_the_session_goes_on_as_another() -> None:
    """The model takes other instructions while it runs: nothing is connected anew, and its context is whole."""
    agents = {
        "desk": Persona(instructions="You are desk.", hand_over=["billing"]),
        "billing": Persona(instructions="You are billing.", returns_to="desk"),
    }

    async def desk(server: Connection) -> None:
        await server.send(asks_for("hand_over_to_billing", reason="an invoice"))
        await server.until(lambda: server.updates and server.tool_responses)
        await talk(server, "Billing here.")
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": desk})
    room = converse(stay, script, agents=agents)
    (server,) = met["desk"]
    assert "billing" not in met
    update = server.updates[0]
    assert update.system_instruction.plain_text == "You are billing."
    assert [one.name for tool in update.tools.tools for one in tool.function_declarations] == [
        "hand_back_to_desk"
    ]
    assert "an invoice" in server.tool_responses[0].response["output"]
    assert room.live.persona == "billing"


def test_who_takes_over_in_the_same_session_can_still_end_the_call() -> None:
    """The functions of the call itself are everybody's: a hand-over, and one back, leave them there."""
    agents = {
        "desk": Persona(instructions="You are desk.", hand_over=["billing"]),
        "billing": Persona(instructions="You are billing.", returns_to="desk"),
    }

    async def desk(server: Connection) -> None:
        await server.send(asks_for("hand_over_to_billing", "c1"))
        await server.until(lambda: len(server.updates) == 1 and len(server.tool_responses) == 1)
        await talk(server, "Billing here.")
        await server.send(asks_for("hand_back_to_desk", "c2"))
        await server.until(lambda: len(server.updates) == 2 and len(server.tool_responses) == 2)
        await talk(server, "The desk again.")
        await server.send(asks_for("end_call", "c3"))
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": desk})
    policy = ConversationPolicy(ending=Ending(say=""))
    room = converse(stay, script, agents=agents, conversation=policy)
    (server,) = met["desk"]
    for update in server.updates:
        assert "end_call" in [one.name for tool in update.tools.tools for one in tool.function_declarations]
    assert room.call.reason == EndReason.GOODBYE


def test_a_colleague_who_cannot_be_reached_leaves_the_caller_with_whoever_speaks() -> None:
    async def desk(server: Connection) -> None:
        await server.send(asks_for("hand_over_to_billing", reason="x"))
        await server.until(lambda: server.tool_responses)
        await talk(server, "I will help you myself.")
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": desk})

    async def refusing(server: Connection) -> None:
        await server.until(lambda: server.messages)
        if "You are billing" in instructions(server):
            await server.close(1008, "no such voice")
            return
        await script(server)

    room = converse(stay, refusing, agents=AGENTS)
    assert "cannot be reached" in met["desk"][0].tool_responses[0].response["error"]
    assert room.said("agent")[-1].text == "I will help you myself."
    assert room.live.persona == "desk"


def test_a_rule_hands_over_in_the_middle_of_a_sentence() -> None:
    """The words are in the transcript: whoever would answer them is not asked to."""
    agents = {
        "desk": Persona(
            instructions="You are desk.",
            voice="Kore",
            hand_over=[HandOverRule("billing", r"\b(invoice|bill)\b")],
        ),
        "billing": Persona(instructions="You are billing.", voice="Charon", greeting="Billing."),
    }

    async def desk(server: Connection) -> None:
        await asyncio.sleep(1)
        await server.send({"serverContent": {"inputTranscription": {"text": "It is about"}}})
        await server.send({"serverContent": {"inputTranscription": {"text": " my invoice"}}})
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: asked(server))
        await talk(server, "Billing.")
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": billing})
    room = converse(stay, script, agents=agents)
    assert "It is about my invoice" in seeded(met["billing"][0])
    assert room.said("agent")[-1].text == "Billing."
    assert functions(met["desk"][0]) == [], "by a rule only"


def test_a_human_is_asked_for_by_an_event_with_address_and_summary() -> None:
    async def desk(server: Connection) -> None:
        await server.send(asks_for("transfer_to_human", reason="angry", summary="Wants a refund."))
        await server.until(lambda: server.tool_responses)
        await talk(server, "Please hold on.")
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": desk})
    room = converse(stay, script, agents=AGENTS)
    (asked_for,) = [event for event in room.events if isinstance(event, TransferAsked)]
    assert (asked_for.to, asked_for.number, asked_for.sip) == ("human", "+44 20 7946 0000", "")
    assert (asked_for.reason, asked_for.summary) == ("angry", "Wants a refund.")
    assert "passed on" in met["desk"][0].tool_responses[0].response["output"]
    assert room.live.persona == "desk"


def test_an_agent_that_need_not_stay_hangs_up_when_its_goodbye_was_heard() -> None:
    agents = {
        "desk": Persona(instructions="You are desk.", hand_over=[HandOverRule("human", "emergency")]),
        "human": Persona(transfer=Transfer(sip="sip:desk@example.org", then="end")),
    }

    async def desk(server: Connection) -> None:
        await server.send({"serverContent": {"inputTranscription": {"text": "It is an emergency!"}}})
        await server.until(lambda: asked(server))
        await asyncio.sleep(0.5)
        await talk(server, "Goodbye.", pieces=1, piece_ms=1_000)
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await room.call.finished()

    script, met = house({"desk": desk})
    room = converse(body, script, agents=agents)
    assert "say goodbye" in asked(met["desk"][0])[0]
    assert room.call.reason == "transferred"
    assert [event.text for event in room.said("agent")] == ["Goodbye."]
    assert sum(frame.duration_ns for frame in room.ear.heard) == 1_000_000_000


def test_a_function_that_was_asked_for_before_is_told_to_the_colleague() -> None:
    """The booking goes on while the voice changes; its result is not lost with the session that asked."""

    async def desk(server: Connection) -> None:
        await server.send(asks_for("book", "c0"), asks_for("hand_over_to_billing", "c1", reason="x"))
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: any("book" in text and "done" in text for text in asked(server)))
        await talk(server, "It is booked.")
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": billing})
    room = converse(stay, script, tools={"names": ["book"], "after_ms": 2_000}, agents=AGENTS)
    assert room.said("agent")[-1].text == "It is booked."
    assert functions(met["billing"][0]) == ["book", "hand_back_to_desk"]
    (call,) = room.seen
    assert getattr(call, "agent", "") == "desk"


def test_there_and_back_again() -> None:
    """Three sessions, one conversation: the desk knows what billing settled."""
    visits = itertools.count(1)

    async def desk(server: Connection) -> None:
        if next(visits) == 1:
            await server.send(asks_for("hand_over_to_billing", reason="x"))
        else:
            await server.until(lambda: asked(server))
            await talk(server, "Welcome back.")
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: asked(server))
        await talk(server, "All settled.", piece_ms=100)
        await asyncio.sleep(2)
        await server.send(asks_for("hand_back_to_desk", "c2", reason="settled"))
        await server.until(lambda: False)

    script, met = house({"desk": desk, "billing": billing})
    room = converse(stay, script, agents=AGENTS)
    assert [e.persona for e in room.events if isinstance(e, PersonaChanged)] == ["desk", "billing", "desk"]
    assert "All settled." in seeded(met["desk"][1])
    assert room.said("agent")[-1].text == "Welcome back."


def test_a_frame_of_any_box_hands_over() -> None:
    async def part(server: Connection) -> None:
        if "You are billing" in instructions(server):
            await server.until(lambda: asked(server))
            await talk(server, "Billing.")
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        await asyncio.sleep(1)
        await room.mic.send(HandOverFrame(to="billing", reason="by hand"))
        await asyncio.sleep(4)
        assert room.live.hand_over("nobody") != ""
        await listen(room)

    script, _ = house({"desk": part, "billing": part})
    room = converse(body, script, agents=AGENTS)
    assert room.live.persona == "billing"


def test_an_interruption_while_the_phrase_is_heard_ends_the_phrase() -> None:
    async def desk(server: Connection) -> None:
        await talk(server, "Good day.", piece_ms=100)
        await asyncio.sleep(2)
        await server.send(asks_for("hand_over_to_billing", reason="x"))
        await server.until(lambda: False)

    async def billing(server: Connection) -> None:
        await server.until(lambda: False)

    async def body(room: Room) -> None:
        while len(room.ear.heard) < 4:
            await asyncio.sleep(0.02)
        while not any(e.text.startswith("One") for e in room.events if hasattr(e, "utterance")):
            await asyncio.sleep(0.02)
        room.call.processor("live").call.conversation.interrupted(room.live.call.conversation.turn)
        await asyncio.sleep(3)
        await listen(room)

    script, _ = house({"desk": desk, "billing": billing})
    room = converse(body, script, agents=AGENTS)
    last = room.said("agent")[-1]
    assert last.interrupted and "One moment, please.".startswith(last.text)

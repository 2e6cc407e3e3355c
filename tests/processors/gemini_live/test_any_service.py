"""A service that does whatever it likes, by a seed: nobody waits in vain, and nothing is done twice. On virtual time.

It speaks the wire and knows nothing of the client, nor of the simulator: what it does after each message that asks for
an answer is drawn from all that services are reported to do, also several of it in one turn, and out of order.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from livegraph.pipeline import SECOND, TextFrame, ToolCallFrame
from livegraph.processors.gemini_live.events import AnswerMissing
from support.live_room import Room, converse, listen
from support.live_server import Connection, audio_message, words

QUESTIONS = 6
EVERY_S = 150
"""What is wrong with one question is over by the next: three attempts, a new session, and coming back for a minute."""
REASONS = (
    "",
    "Request contains an invalid argument.",
    "Invalid JSON payload received.",
    "Precondition check failed.",
    "BidiGenerateContent session not found",
    "the api key of somebody else was mentioned",
    "voice",
    "\u00fc" * 60,
)
HARMLESS = (1000, 1001, 1005, 1011, 1012, 1013, 1014, 3000, 4000, 4999)
REFUSING = (1007, 1008, 1009)
TURN_REASONS = ("RESPONSE_REJECTED", "MALFORMED_FUNCTION_CALL", "SOMETHING_NEW", "IMAGE_SAFETY")


def content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


OVER = [content(generationComplete=True), content(turnComplete=True)]
CUT = [content(interrupted=True), content(turnComplete=True)]


class Service:
    """What all connections of a call share: the last question, what was called, and what may still go wrong."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.question = 0
        self.handles = itertools.count(1)
        self.ids = itertools.count(1)
        self.said = itertools.count(1)
        self.refusals = 1
        """A second refusal in a running call ends it, and may."""
        self.answered = 0
        """The last question that was answered in full."""
        self.called = 0
        """Calls of this connection."""
        self.done: list[str] = []

    async def __call__(self, server: Connection) -> None:
        """One connection, to its end."""
        dice = self.dice
        if next(self.handles) > 1 and dice.random() < 0.25:
            await server.until(lambda: server.messages)
            resumes = server.setup.session_resumption is not None and server.setup.session_resumption.handle
            code = dice.choice((1007, 1008, 1011, 1011) if resumes else (1011,))
            self.done.append(f"refused {code}")
            await server.close(code, dice.choice(REASONS[:5]) if resumes else "Internal error encountered.")
            return
        await server.accept(f"h{next(self.handles)}")
        heard = self.called = 0
        while True:
            await server.until(lambda heard=heard: asked(server) > heard)
            heard = asked(server)
            for text in server.texts:
                if (found := re.fullmatch(r"Question (\d+)", text)) is not None:
                    self.question = max(self.question, int(found[1]))
            acts = ACTS if dice.random() < 0.6 else (answers,)
            act = dice.choice(acts)
            waits = self.called > len(server.tool_responses)
            undisturbed = waits or server.messages[-1].tool_response is not None
            if act in (calls, calls_again) and (undisturbed or self.answered == self.question):
                # Who asks for the same again undisturbed, or after a whole answer, wants another.
                act = answers
            self.done.append(act.__name__)
            if not await act(self, server):
                return


Act = Callable[[Service, Connection], Awaitable[bool]]


def asked(server: Connection) -> int:
    """How often an answer was asked for on this connection."""
    contents = sum(bool(each.turn_complete) for each in server.contents)
    return len(server.texts) + contents + len(server.tool_responses)


def spoken(service: Service) -> str:
    """A sentence that is like no other."""
    return f"This is sentence number {next(service.said)}."


async def answers(service: Service, server: Connection) -> bool:
    """As it should."""
    await server.send(audio_message(400), words(spoken(service)), audio_message(400), OVER[0])
    service.answered = service.question
    await asyncio.sleep(0.8)
    await server.send(OVER[1])
    return True


async def says_nothing(service: Service, server: Connection) -> bool:
    """Not even that its turn is over."""
    return True


async def empty_turns(service: Service, server: Connection) -> bool:
    """Before and behind everything, one or several."""
    for _ in range(service.dice.randint(1, 3)):
        await server.send(
            *service.dice.choice(
                [OVER[1:], OVER, [content()], [content(turnComplete=True, generationComplete=True)]]
            )
        )
    return True


async def rejects(service: Service, server: Connection) -> bool:
    reason = service.dice.choice(TURN_REASONS)
    await server.send(content(turnComplete=True, turnCompleteReason=reason))
    return True


async def writes(service: Service, server: Connection) -> bool:
    """Text only, in pieces, perhaps with a thought and white space around it."""
    for text in (" ", "It is", " written.", "\n"):
        await server.send(content(modelTurn={"parts": [{"text": text}]}))
    await server.send(content(modelTurn={"parts": [{"text": "hm", "thought": True}]}), *OVER)
    return True


async def calls(service: Service, server: Connection) -> bool:
    """A function; what comes of its result is another draw. It may write, or end its turn, around it."""
    dice = service.dice
    for message in dice.sample([content(modelTurn={"parts": [{"text": "Wait."}]}), OVER[1], content()], 2):
        if dice.random() < 0.4:
            await server.send(message)
    await server.send(call(service, dice.choice([{}, {"note": None}, {"n": float(service.question)}])))
    if dice.random() < 0.3:
        await server.send(*(CUT if dice.random() < 0.5 else OVER[1:]))
    return True


async def calls_again(service: Service, server: Connection) -> bool:
    """The same after it was cut, under a new id, with other forms of the same arguments, or under the same one."""
    first = call(service, {})
    await server.send(first)
    if first["toolCall"]["functionCalls"][0]["id"] and service.dice.random() < 0.5:
        await server.send(first)
    await server.send(CUT[0], call(service, {"n": float(service.question)}), CUT[1])
    return True


async def cut_in_pieces(service: Service, server: Connection) -> bool:
    """Half a sample, an interruption, the other half, words of both sides late: then the answer."""
    odd = base64.b64encode(b"\x01\x00" * 2400 + b"\x07").decode()
    blob = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": odd}}
    late = [
        content(modelTurn={"parts": [blob]}),
        words(spoken(service)),
        content(inputTranscription={"text": "late "}),
    ]
    await server.send(content(modelTurn={"parts": [blob]}))
    service.dice.shuffle(late)
    await server.send(CUT[0], *late[:2], CUT[1], late[2])
    return await answers(service, server)


async def stops_speaking(service: Service, server: Connection) -> bool:
    await server.send(words(spoken(service)), audio_message(300))
    return True


async def goes_away(service: Service, server: Connection) -> bool:
    """With any time left, again and again, or without a time."""
    for _ in range(service.dice.randint(1, 3)):
        left = service.dice.choice(["0s", "0.001s", "5s", "50s", "300s", None, "soon", "-1s"])
        await server.send({"goAway": {} if left is None else {"timeLeft": left}})
    return await service.dice.choice([answers, says_nothing])(service, server)


async def closes(service: Service, server: Connection) -> bool:
    dice = service.dice
    refuses = service.refusals and dice.random() < 0.3
    service.refusals -= bool(refuses)
    code = dice.choice(REFUSING if refuses else HARMLESS)
    if dice.random() < 0.3:
        await server.send(words(spoken(service)), audio_message(200))
    service.done[-1] += f" {code}"
    await server.close(code, dice.choice(REASONS[:4] if refuses else REASONS))
    return False


async def dies(service: Service, server: Connection) -> bool:
    await asyncio.sleep(service.dice.choice((0, 0.3)))
    server.abort()
    return False


async def falls_silent(service: Service, server: Connection) -> bool:
    server.freeze()
    return False


def call(service: Service, more: dict[str, Any]) -> dict[str, Any]:
    service.called += 1
    args = {"n": service.question, **more}
    id_ = service.dice.choice([f"call-{next(service.ids)}", ""])
    return {"toolCall": {"functionCalls": [{"id": id_, "name": "work", "args": args}]}}


ACTS: tuple[Act, ...] = (
    says_nothing,
    empty_turns,
    rejects,
    writes,
    calls,
    calls,
    calls_again,
    cut_in_pieces,
    stops_speaking,
    goes_away,
    closes,
    dies,
    falls_silent,
)


def talk_to(service: Service) -> tuple[Room, list[int]]:
    """Ask, each time after what came of the question before is over; when each was asked."""
    asked_ns: list[int] = []

    async def body(room: Room) -> None:
        for number in range(1, QUESTIONS + 1):
            asked_ns.append(room.call.clock.now_ns())
            await room.mic.send(TextFrame(f"Question {number}"))
            await asyncio.sleep(EVERY_S)
        await listen(room)

    return converse(body, service, tools={"names": ["work"], "after_ms": 700}), asked_ns


@pytest.mark.parametrize("seed", range(1, 17))
def test_nobody_waits_in_vain_and_nothing_is_done_twice(seed: int) -> None:
    """Each question is answered aloud or its absence told; a function runs once for it; words stand once, in order."""
    service = Service(seed)
    room, asked_ns = talk_to(service)
    did = " ".join(service.done)
    heard_ns = [frame.time_ns for frame in room.ear.heard]
    missing_ns = [event.time_ns for event in room.events if isinstance(event, AnswerMissing)]
    for number, (begin_ns, end_ns) in enumerate(
        itertools.pairwise([*asked_ns, asked_ns[-1] + EVERY_S * SECOND]), 1
    ):
        told = [at for at in (*heard_ns, *missing_ns) if begin_ns <= at < end_ns]
        assert told, f"question {number}: {did}"
    ran = Counter(int(frame.args["n"]) for frame in room.seen if isinstance(frame, ToolCallFrame))
    assert all(times == 1 for times in ran.values()), f"{ran}: {did}"
    entries = room.live.history.entries
    asked_texts = [
        entry.text for entry in entries if entry.role == "user" and entry.text.startswith("Question")
    ]
    assert asked_texts == [f"Question {number}" for number in range(1, QUESTIONS + 1)], did
    said = [
        int(n) for entry in entries if entry.role == "agent" for n in re.findall(r"number (\d+)", entry.text)
    ]
    assert said == sorted(set(said)), f"{said}: {did}"

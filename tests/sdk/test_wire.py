"""The official SDK judges what both sides write, on the wire of whole conversations of our client with the simulator.

What the client writes, the SDK's types take, and the SDK writes the same for the same call. What the simulator writes,
the SDK reads without loss.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from livegraph.liveapi import ClientMessage, decode_client, decode_server, encode_server
from livegraph.pipeline import (
    Frame,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    VideoFrame,
    run_virtual,
)
from livegraph.processors.gemini_live.frames import ContextFrame, UpdateFrame
from livegraph.processors.gemini_live.options.groups import Thinking
from livegraph.processors.tools.catalog import FunctionSpec
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.scenario_file import parse_scenario
from livegraph.simulator.voice import TonesVoice
from support.conversation import FRAME, RATE, Conversation, Wire, converse, plan_of
from support.sdk import Judge
from support.speech import recorded

pytestmark = pytest.mark.timeout(240)

OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"
THINKING = "gemini-3.8-live-extended-thinking"
SCRIPT = parse_brain("""
version: 1
rules:
  - hear: story
    say: Once there was a keeper of a lighthouse. Every evening she climbed the stairs. Every night she lit the lamp.
  - hear: work
    call: {tool: work, args: {text: now}}
    say_result: "That was number {result.number}."
  - hear: long
    call: {tool: long, args: {text: slow}}
    say_result: "At last, number {result.number}."
fallback: "You said: {heard}."
""")
FUNCTIONS = {"work": 0.5, "long": 6.0}
ODD = """
version: 1
scenes:
  - when: {turn: 1}
    do:
      - think: I think.
      - ground: {queries: [lighthouses], sources: [{uri: "https://example.org/a", title: A page}]}
      - say: It stands by the sea.
  - when: {turn: 2}
    do: [{set: {chunk_bytes: [2, 1920], pretty: true}}, {say: In small pieces.}]
  - when: {turn: 3}
    do: [{set: {unknown_fields: true, separate_usage: true}}, {say: With fields of the future.}]
"""


class Call:
    """A user's part in a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation

    async def put(self, frame: Frame) -> None:
        await self.conversation.mic.send(frame)

    async def write(self, text: str, seconds: float) -> None:
        await self.put(TextFrame(text))
        await self.conversation.speak(np.zeros(round(seconds * RATE) // FRAME * FRAME, np.int16))

    async def say(self, seconds: float) -> None:
        voice = recorded("go_forward").pcm
        await self.conversation.speak(
            np.concatenate((voice, np.zeros(round(seconds * RATE) // FRAME * FRAME, np.int16)))
        )

    async def pause(self, seconds: float) -> None:
        """With the microphone off."""
        await asyncio.sleep(seconds)


Story = Callable[[Call], Any]


def recording(
    story: Story,
    options: Mapping[str, Any],
    *,
    inputs: tuple[str, ...] = ("text", "context", "video"),
    scheduling: str = "",
    **simulator: Any,
) -> Wire:
    """The wire of a conversation."""

    async def body(conversation: Conversation) -> None:
        await story(Call(conversation))
        await conversation.finish()

    plan = plan_of(options, FUNCTIONS, inputs=inputs, scheduling=scheduling, keeps=False)
    given = {"script": SCRIPT, "ears": NoEars(), "voice": TonesVoice(), "strict": True, **simulator}
    return run_virtual(converse(body, plan, simulator=given)).wire


async def everything(call: Call) -> None:
    """Words, sound, pictures, remarks, functions, an interruption, a closed microphone, other instructions."""
    await call.say(4)
    await call.write("Tell me a story.", 1.5)
    await call.write("Stop it.", 4)
    await call.put(VideoFrame(np.zeros((48, 64, 3), np.uint8)))
    await call.write("What do you see?", 4)
    await call.put(ContextFrame("The caller has paid."))
    await call.put(ContextFrame("Say goodbye to the caller.", reply=True))
    await call.pause(6)
    await call.write("Do your work.", 6)
    await call.write("Now the long one.", 12)
    await call.put(UpdateFrame("Be brief.", (FunctionSpec("work", "does work"),)))
    await call.put(UpdateFrame(functions=()))
    await call.say(4)
    await call.pause(3)


async def by_hand(call: Call) -> None:
    """The user's turns are marked by a detector of ours."""
    voice = recorded("go_forward").pcm
    for _ in range(2):
        await call.conversation.speak(np.zeros(FRAME * 25, np.int16))
        await call.put(SpeechStartFrame(time_ns=call.conversation.call.clock.now_ns()))
        await call.conversation.speak(voice)
        await call.put(SpeechEndFrame(time_ns=call.conversation.call.clock.now_ns()))
        await call.conversation.speak(np.zeros(FRAME * 200, np.int16))


async def interrupted_work(call: Call) -> None:
    """A function is withdrawn, another one answers."""
    await call.write("Now the long one.", 2)
    await call.say(6)
    await call.write("Do your work.", 8)


async def three_turns(call: Call) -> None:
    for text in ("One.", "Two.", "Three."):
        await call.write(text, 5)


FULL: dict[str, Any] = {
    "voice": "Kore",
    "instructions": "You are terse.",
    "greeting": "Good morning!",
    "language": "en-US",
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 40,
    "max_output_tokens": 1024,
    "seed": 7,
    "media_resolution": "low",
    "google_search": True,
}


@functools.cache
def recordings() -> dict[str, Wire]:
    """Conversations that together say everything that there is to say."""
    lost = parse_scenario(
        "version: 1\nscenes:\n"
        "  - when: {time: 9s, connection: 1}\n    do: [{close: {code: 1011, reason: Internal error encountered.}}]\n"
        "  - when: {time: 9s, connection: 2}\n    do: [forget_session, reset]\n"
    )
    warned = parse_scenario(
        "version: 1\nscenes:\n  - when: {time: 12s, connection: 1}\n    do: [{go_away: {left: 4s}}]\n"
    )
    return {
        "everything": recording(everything, FULL, scenario=warned),
        "connections that end": recording(
            everything, {**FULL, "greeting": ""}, scenario=lost, scheduling="WHEN_IDLE"
        ),
        "turns by hand": recording(by_hand, {"activity": "manual"}, inputs=("speech",)),
        "2.5": recording(interrupted_work, {"model": OLDER}),
        "extended thinking": recording(interrupted_work, {"model": THINKING}),
        "oddities": recording(
            three_turns,
            {"model": THINKING, "thinking": Thinking("low", include_thoughts=True)},
            scenario=parse_scenario(ODD),
            strict=False,
        ),
    }


def kinds(tree: Mapping[str, Any], depth: int = 2) -> set[str]:
    """The names of the fields that are set, of the message and of what is directly in it."""
    found = set(tree)
    if depth > 1:
        for value in tree.values():
            found |= kinds(value, depth - 1) if isinstance(value, dict) else set()
    return found


# What the simulator writes -----------------------------------------------------------------------


def test_what_the_simulator_writes_is_read_without_loss(
    judge: Judge, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each message, read by the SDK and told by it as JSON, is the same message.

    But for fields that this version does not have at all, and for those that no client has yet.
    """
    known, dropped, seen, count = set(judge.ask("names")), Counter[str](), set[str](), 0
    for wire in recordings().values():
        messages = [data.decode() for _, data in wire.server]
        for data, told in zip(messages, judge.ask("read", messages=messages), strict=True):
            message = decode_server(data)
            tree = _pruned(json.loads(encode_server(message)), known, dropped)
            assert decode_server(json.dumps(_as_on_the_wire(told))) == decode_server(json.dumps(tree)), data
            seen |= kinds(tree)
            count += 1
    with capsys.disabled():
        print(
            f"\ngoogle-genai {judge.version} reads {count} messages; it does not know {dict(dropped)}", end=""
        )
    wanted = {
        *("setupComplete", "sessionResumptionUpdate", "voiceActivity", "goAway", "usageMetadata"),
        *("toolCall", "toolCallCancellation", "modelTurn", "inputTranscription", "outputTranscription"),
        *("interrupted", "generationComplete", "turnComplete", "groundingMetadata"),
    }
    assert wanted <= seen, wanted - seen
    if judge.major >= 3:
        assert set(dropped) <= {"interactionStatus"}, "at the root, where no version of the SDK looks for it"


def _pruned(tree: Any, known: set[str], dropped: Counter[str], *, root: bool = True) -> Any:
    """Without the fields that the SDK does not know. What a function is given or returns is the user's own."""
    if isinstance(tree, list):
        return [_pruned(each, known, dropped, root=False) for each in tree]
    if not isinstance(tree, dict):
        return tree
    found = {}
    for name, value in tree.items():
        if name in ("args", "response"):
            found[name] = value
        elif name == "type" or (name in known and not (root and name == "interactionStatus")):
            found[name] = _pruned(value, known, dropped, root=False)
        else:
            dropped[name] += 1
    return found


def _as_on_the_wire(told: dict[str, Any]) -> dict[str, Any]:
    """The SDK has its own name for one field."""
    if "voiceActivity" in told:
        activity = dict(told["voiceActivity"])
        told = {**told, "voiceActivity": {"type": activity.pop("voiceActivityType", ""), **activity}}
    return told


# What our client writes --------------------------------------------------------------------------


def client_messages() -> list[bytes]:
    """All that the client has written in all conversations; of its sound a part."""
    found: list[bytes] = []
    for wire in recordings().values():
        sound = [raw for raw in wire.raw if b'"audio":' in raw]
        found += [raw for raw in wire.raw if b'"audio":' not in raw] + sound[:: max(1, len(sound) // 20)]
    return found


def test_what_the_client_writes_the_sdk_writes_for_the_same_call(
    judge: Judge, capsys: pytest.CaptureFixture[str]
) -> None:
    """Field by field, by a reader that knows every field and refuses others; casing and base64 are the writer's."""
    messages = client_messages()
    if judge.major < 3:
        messages = [raw for raw in messages if b'"contextUpdate"' not in raw]
    texts = [raw.decode() for raw in messages]
    seen: Counter[str] = Counter()
    for raw, theirs in zip(texts, judge.ask("write", messages=texts), strict=True):
        ours, other = decode_client(raw, strict=True), decode_client(theirs, strict=True)
        assert _settled(ours) == _settled(other), (raw[:2_000], theirs[:2_000])
        seen.update(kinds(json.loads(raw)))
    with capsys.disabled():
        print(f"\ngoogle-genai {judge.version} writes the same {len(texts)} messages", end="")
    wanted = {
        *("setup", "clientContent", "realtimeInput", "toolResponse", "audio", "video", "text"),
        *("audioStreamEnd", "activityStart", "activityEnd", "tools", "sessionResumption"),
    }
    wanted |= {"contextUpdate"} if judge.major >= 3 else set()
    assert wanted <= set(seen), wanted - set(seen)


def test_what_the_client_writes_the_sdks_types_take(judge: Judge) -> None:
    """Its own type for client messages refuses unknown names, and gives back what it was given."""
    texts = [raw.decode() for raw in client_messages()]
    if judge.major < 3:
        texts = [raw for raw in texts if '"contextUpdate"' not in raw]
    for raw, told in zip(texts, judge.ask("parse", messages=texts), strict=True):
        if isinstance(told, str):
            # The type has forgotten one of the fields that the SDK itself sends; the test above covers it.
            assert "realtimeInputConfig" in told and told.count("Extra inputs") == 1, (told, raw)
            continue
        ours, other = decode_client(raw, strict=True), decode_client(json.dumps(told), strict=True)
        assert _settled(ours) == _settled(other), (raw[:2_000], told)


def _settled(message: ClientMessage) -> ClientMessage:
    """With the two things made equal in which writers differ and that mean nothing to the server.

    The role of a system instruction, and how declarations are spread over tools.
    """
    setup, update = message.setup, message.context_update
    if setup is not None:
        setup = msgspec.structs.replace(
            setup, system_instruction=_no_role(setup.system_instruction), tools=_merged(setup.tools)
        )
    if update is not None:
        tools = update.tools
        if tools is not None:
            tools = msgspec.structs.replace(tools, tools=_merged(tools.tools))
        update = msgspec.structs.replace(
            update, system_instruction=_no_role(update.system_instruction), tools=tools
        )
    return msgspec.structs.replace(message, setup=setup, context_update=update)


def _no_role(content: Any) -> Any:
    return None if content is None else msgspec.structs.replace(content, role="")


def _merged(tools: list[Any]) -> list[Any]:
    """Tools that are built in, then one with all functions."""
    functions = [function for tool in tools for function in tool.function_declarations]
    rest = [tool for tool in tools if not tool.function_declarations]
    if not functions:
        return rest
    [first, *_] = [tool for tool in tools if tool.function_declarations]
    return [*rest, msgspec.structs.replace(first, function_declarations=functions)]

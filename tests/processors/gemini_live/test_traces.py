"""Recorded exchanges with the service, played to the box in a whole call: what it sends, and what comes of it.

A trace is JSON Lines: a head with the options; what the ``server`` sends and what the ``user`` does, each at its
time in ms (the server's from the setup of its ``connection``); and last what is ``expected``.
"""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.liveapi import ClientMessage
from livegraph.pipeline import SpeechEndFrame, SpeechStartFrame, TextFrame, ToolCallFrame, VideoFrame
from livegraph.pipeline.convert import convert_options
from livegraph.processors.gemini_live import GeminiLive, events
from support.live_room import Room, converse, listen
from support.live_server import Connection, Script

TRACES = sorted((Path(__file__).parents[2] / "data" / "live_traces").glob("*.jsonl"))
ASIDE = (events.LiveOpened, events.LiveTranscription, events.LiveVoiceActivity)


def load(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Head, steps, and what is expected."""
    head, *steps, last = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return head, steps, last["expected"]


def sounding(value: Any) -> Any:
    """With sound where the trace has only its length."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), dict):
            pcm = np.full(24 * value["data"]["ms"], 1000, "<i2").tobytes()
            return {**value, "data": base64.b64encode(pcm).decode()}
        return {key: sounding(inner) for key, inner in value.items()}
    return [sounding(inner) for inner in value] if isinstance(value, list) else value


def scripts_of(steps: list[dict[str, Any]]) -> list[Script]:
    """What the server does on each connection."""
    timelines: list[list[dict[str, Any]]] = [[]]
    for step in steps:
        if "connection" in step:
            timelines.append([])
        elif "server" in step or "closes" in step:
            timelines[-1].append(step)
    return [script_of(timeline) for timeline in timelines]


def script_of(timeline: list[dict[str, Any]]) -> Script:
    async def script(server: Connection) -> None:
        await server.until(lambda: server.messages)
        began = asyncio.get_running_loop().time()
        for step in timeline:
            await asyncio.sleep(began + step["ms"] / 1000 - asyncio.get_running_loop().time())
            if "server" in step:
                await server.send(sounding(step["server"]))
            elif step["closes"][0] == 1006:
                server.abort()
            else:
                await server.close(*step["closes"])
        await server.until(lambda: False)

    return script


async def act(room: Room, steps: list[dict[str, Any]]) -> None:
    """Do what the user does."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    speaking: list[asyncio.Task[int]] = []
    for step in steps:
        if "user" not in step:
            continue
        await asyncio.sleep(max(0.0, began + step["ms"] / 1000 - loop.time()))
        match step["user"]:
            case {"speaks_ms": length}:
                speaking.append(asyncio.create_task(room.speak(length)))
            case {"text": text}:
                await room.mic.send(TextFrame(text))
            case {"context": text, "reply": reply}:
                room.live.add_context(text, reply=reply)
            case {"speech": on}:
                kind = SpeechStartFrame if on else SpeechEndFrame
                await room.mic.send(kind(time_ns=room.call.clock.now_ns()))
            case {"pictures": count}:
                for number in range(count):
                    await room.mic.send(VideoFrame(np.full((16, 16, 3), number, np.uint8)))
                    await asyncio.sleep(1)
            case other:
                raise AssertionError(f"a trace has an unknown step: {other}")
    await asyncio.gather(*speaking)
    await listen(room)


def sent(messages: list[ClientMessage]) -> list[str]:
    """What the client sent on one connection, in words; runs of the same once."""
    found: list[str] = []
    for message in messages:
        if message.setup is not None:
            resumption = message.setup.session_resumption
            handle = resumption.handle if resumption else ""
            history = " history first" if message.setup.history_config else ""
            found.append(f"setup {handle}".strip() + history)
        elif message.client_content is not None:
            turns = " / ".join(f"{turn.role}: {turn.plain_text}" for turn in message.client_content.turns)
            found.append(f"content {turns}{' .' if message.client_content.turn_complete else ''}")
        elif message.tool_response is not None:
            for r in message.tool_response.function_responses:
                more = f" {r.scheduling}".rstrip() + (
                    "" if r.will_continue is None else f" more={r.will_continue}"
                )
                found.append(f"result {r.id} {r.name} {json.dumps(r.response)}{more}")
        elif message.realtime_input is not None:
            given = message.realtime_input
            kind = f"text {given.text}" if given.text is not None else ""
            for name in ("audio", "video", "activity_start", "activity_end", "audio_stream_end"):
                kind = name if getattr(given, name) not in (None, False) else kind
            if found[-1:] != [kind]:
                found.append(kind)
    return found


def outcome(room: Room) -> dict[str, Any]:
    """All that came of it, in words."""
    heard: dict[str, int] = {}
    for frame in room.ear.heard:
        heard[str(frame.turn)] = heard.get(str(frame.turn), 0) + len(frame.samples) // 24
    calls = [
        f"call {frame.id} {frame.name} {json.dumps(frame.args)}"
        if isinstance(frame, ToolCallFrame)
        else f"cancel {' '.join(frame.ids)}"
        for frame in room.seen
    ]
    return {
        "sent": [sent(connection.messages) for connection in room.server.connections],
        "heard_ms": heard,
        "markers": room.ear.markers,
        "interrupted": room.ear.interrupts,
        "said": [
            f"{t.role}{' (cut)' if t.interrupted else ''}: {t.text}" for t in room.log.transcripts if t.final
        ],
        "calls": calls,
        "tokens": [
            [usage.input_tokens, usage.output_tokens, usage.total_tokens] for usage in room.log.usages
        ],
        "service": room.changes(),
        "events": [
            type(event).__name__
            for event in room.events
            if isinstance(event, events.LiveEvent) and not isinstance(event, ASIDE)
        ],
    }


def play(path: Path) -> tuple[Room, dict[str, Any]]:
    head, steps, expected = load(path)
    options, problems = convert_options(GeminiLive, head.get("options", {}), from_yaml=True)
    assert problems == []
    room = converse(
        lambda room: act(room, steps),
        *scripts_of(steps),
        tools=head.get("tools"),
        speech=head.get("speech", False),
        **options,
    )
    return room, expected


@pytest.mark.parametrize("path", TRACES, ids=[path.stem for path in TRACES])
def test_a_recorded_exchange(path: Path) -> None:
    """Everything that was sent, heard, said, called, counted and told is as it should be."""
    room, expected = play(path)
    assert outcome(room) == expected


def test_every_trace_is_here() -> None:
    """All of the reference's that are exchanges; its refusals are tested with the closings."""
    assert {path.stem[:5] for path in TRACES} == {f"16_{number:02}" for number in range(1, 11)}

"""A recorded call again: today's client against what the service said then, and what is different.

The caller's sound and texts come from the recording, at their times; functions are answered as they were answered then,
after the same time.
What the service waited for (a setup, a text, a result) it waits for again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ..liveapi import ClientMessage, Setup, decode_client
from ..pipeline.clock import clock_of_loop
from ..pipeline.events import Event
from ..pipeline.frames import (
    AudioFrame,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    TranscriptFrame,
)
from ..pipeline.graph.graph import Graph
from ..pipeline.units import MS, SECOND
from ..processors.app import AppIn, AppOut
from ..processors.gemini_live import GeminiLive, LiveConnector
from ..processors.gemini_live.link_tap import LinkTap
from ..simulator.recording import WireEvent
from .replay_differences import differences, rate_of
from .replay_tools import RecordedAnswer, RecordedTools, recorded_answers
from .wire import Line, RecordedServer, read_recording
from .wire_recorder import WireRecorder

__all__ = ["Replay", "replay"]

_BEHIND_NS = SECOND // 2
"""How long the call goes on behind the end of the recording."""
_AGAIN_NS = 2 * SECOND
"""How long after a connection was made what the one before had not delivered is sent again."""
_GAP_NS = 300 * MS
"""A pause in the caller's sound that is longer was one of the connection."""
_BURST_NS = 100 * MS
"""What waited goes out within that."""
_ELSEWHERE = (
    *("endpoint", "url", "api_version", "api_key", "token", "project", "location", "quota_project"),
    *("credentials", "save_history", "handle", "load_history"),
)
"""Options that say where the service is and where things are kept: here both are another."""


@dataclass(slots=True)
class Replay:
    """What came of it."""

    differences: list[str] = field(default_factory=list)
    """One line each: what the client of today does not do as the client of then."""
    words: list[str] = field(default_factory=list)
    """The conversation, ``user: ...`` and ``agent: ...``."""
    calls: list[str] = field(default_factory=list)
    """Functions that were asked for."""
    events: Counter[str] = field(default_factory=Counter)
    """How often each kind of event was published."""
    reason: str = ""
    """Why the call ended."""


async def replay(file: Path) -> Replay:
    """Play a recording to the client. Runs on the loop's clock; on a virtual one in no time.

    Raises ``RecordingFault`` for a file that cannot be played, ``OSError`` for one that cannot be read.
    """
    lines = read_recording(file, sound=True)
    then = [(line, decode_client(line.message)) for line in lines if line.sender == "client" and line.message]
    setup = next((message.setup for _, message in then if message.setup is not None), Setup())
    told = _told_options(file)
    made = Replay()
    now: list[WireEvent] = []
    loop_clock = clock_of_loop()
    async with asyncio.TaskGroup() as group:
        server = RecordedServer(lines, loop_clock, group)
        resources: dict[type, Any] = {
            LiveConnector: server,
            LinkTap: WireRecorder(now.append, loop_clock),
        }
        # The client's own recorder, which tells the options, has one clock for all connections; they may overlap.
        offsets = {} if told else _offsets(then)
        graph = _graph(told or _options(setup), setup, recorded_answers(_all_in_one_time(lines, offsets)))
        call = graph.plan().call(resources=resources, call_id="replay")
        call.events.subscribe(Event, lambda event: made.events.update([type(event).__name__]))
        async with call:
            watching = group.create_task(_watch(call.processor("words", AppOut), made), name="replay words")
            tools: RecordedTools = call.processor("tools", RecordedTools)
            # Where the options are told the box says by itself what it said by itself then.
            began_ns = loop_clock.now_ns()
            await _speak(call, then, offsets, own=told)
            last_ns = max(line.time_ns for line in lines)
            await loop_clock.sleep_until_ns(max(loop_clock.now_ns(), began_ns + last_ns) + _BEHIND_NS)
            call.end("the recording is over")
            made.calls = tools.asked
        watching.cancel()
        server.end()
        made.reason = call.reason or ""
    made.differences = [*differences(then, now, hung_up=_hung_up(file))]
    return made


def _hung_up(file: Path) -> bool:
    """Whether the recording goes to where the client hung up: its caller had no more to say then."""
    lines = [text for text in file.read_bytes().splitlines() if text.strip()]
    told = msgspec.json.decode(lines[-1])
    return told.get("from") == "client" and "close" in told


def _told_options(file: Path) -> dict[str, Any]:
    """The options of the box that was recorded, where they are told."""
    with file.open("rb") as lines:
        for text in lines:
            told = msgspec.json.decode(text) if text.strip() else {}
            if isinstance(found := told.get("options"), dict):
                kept = {name: value for name, value in found.items() if name not in _ELSEWHERE}
                return {**kept, "endpoint": "local"}
            if "message" in told:
                break
    return {}


def _options(setup: Setup) -> dict[str, Any]:
    """What a setup says of the options of whoever sent it."""
    others = [tool for tool in setup.tools if not tool.function_declarations]
    rest = msgspec.structs.replace(setup, model="", tools=[], session_resumption=None, history_config=None)
    realtime = setup.realtime_input_config
    detection = realtime.automatic_activity_detection if realtime else None
    options: dict[str, Any] = {
        "endpoint": "local",
        "model": setup.model,
        "extra": msgspec.to_builtins(rest) or None,
        "more_tools": [msgspec.to_builtins(tool) for tool in others],
        "activity": "manual" if detection is not None and detection.disabled else "auto",
    }
    return {name: value for name, value in options.items() if value}


def _graph(options: dict[str, Any], setup: Setup, answers: Iterable[RecordedAnswer]) -> Graph:
    """The box that is tried, with the caller, the tools and a listener around it."""
    declared = [function for tool in setup.tools for function in tool.function_declarations]
    graph = Graph("replay")
    graph.add("caller", AppIn, rate=16_000)
    graph.add("texts", AppIn, rate=16_000)
    graph.add("marks", AppIn, rate=16_000)
    graph.add("live", GeminiLive, **options)
    graph.add("tools", RecordedTools, declared=declared, answers=[*answers])
    graph.add("words", AppOut)
    graph.connect("caller.audio", "live.audio")
    graph.connect("texts.frames", "live.text")
    graph.connect("marks.frames", "live.speech")
    graph.connect("live.tool_calls", "tools.calls")
    graph.connect("tools.results", "live.tool_results")
    graph.connect("live.transcript", "words")
    return graph


async def _speak(
    call: Any,
    then: Sequence[tuple[Line, ClientMessage]],
    offsets: Mapping[int, int],
    *,
    own: Mapping[str, Any],
) -> None:
    """Do what the caller did then, each thing at its time. ``own``: the options by which the box says things itself."""
    clock = clock_of_loop()
    typed = {id(message) for message in _typed(then, own)}
    caller, writer, marks = (call.processor(name, AppIn) for name in ("caller", "texts", "marks"))
    began_ns = clock.now_ns()
    for at_ns, message in _as_spoken(_in_one_time(then, offsets)):
        given = message.realtime_input
        if given is None:
            continue
        await clock.sleep_until_ns(began_ns + at_ns)
        if given.audio_blob is not None and given.audio_blob.data:
            samples = np.frombuffer(given.audio_blob.data[: len(given.audio_blob.data) // 2 * 2], "<i2")
            rate = rate_of(given.audio_blob.mime_type)
            if rate == 16_000 and len(samples):
                await caller.send(AudioFrame(samples=samples.astype(np.int16), rate=rate))
        elif given.text is not None and id(message) in typed:
            await writer.send(TextFrame(given.text))
        elif given.activity_start is not None:
            await marks.send(SpeechStartFrame(time_ns=clock.now_ns()))
        elif given.activity_end is not None:
            await marks.send(SpeechEndFrame(time_ns=clock.now_ns()))


def _typed(then: Sequence[tuple[Line, ClientMessage]], own: Mapping[str, Any]) -> Iterator[ClientMessage]:
    """The texts of the caller's: neither what the box says by itself, nor what it sent again on a new connection."""
    before: list[str] = []
    ours: list[str] = []
    began_ns: dict[int, int] = {}
    connection = 1
    for line, message in then:
        began_ns.setdefault(line.connection, line.time_ns)
        if line.connection != connection:
            connection, before, ours = line.connection, ours, []
        text = message.realtime_input.text if message.realtime_input is not None else None
        if text is None:
            continue
        ours.append(text)
        if own and (text.startswith("[") or (own.get("greeting") and str(own["greeting"]) in text)):
            continue
        if text in before and line.time_ns - began_ns[line.connection] < _AGAIN_NS:
            before.remove(text)
            continue
        yield message


def _offsets(then: Sequence[tuple[Line, ClientMessage]]) -> dict[int, int]:
    """By connection: what to add to its times, where each connection's begin at nothing."""
    found, offset_ns = {}, 0
    for (before, _), (line, _) in pairwise([(Line(0, 1, "client"), ClientMessage()), *then]):
        if line.connection != before.connection and line.time_ns < before.time_ns:
            offset_ns += before.time_ns
        found[line.connection] = offset_ns
    return found


def _in_one_time(
    then: Sequence[tuple[Line, ClientMessage]], offsets: Mapping[int, int]
) -> list[tuple[int, ClientMessage]]:
    """The client's messages with times since the first of all, in order."""
    said = [(offsets.get(line.connection, 0) + line.time_ns, message) for line, message in then]
    return sorted(said, key=lambda each: each[0])


def _as_spoken(timed: list[tuple[int, ClientMessage]]) -> list[tuple[int, ClientMessage]]:
    """What waited for a connection went out in one go: the sound in it was said in the time before."""
    made = [*timed]
    ended_ns: int | None = None
    burst_ns = said_ns = 0
    for index, (at_ns, message) in enumerate(timed):
        length_ns = _sound_ns(message)
        if not length_ns:
            continue
        if ended_ns is not None and at_ns - ended_ns > _GAP_NS:
            waited_ns = sum(_sound_ns(each) for when_ns, each in timed[index:] if when_ns < at_ns + _BURST_NS)
            burst_ns, said_ns = at_ns + _BURST_NS, max(ended_ns, at_ns - waited_ns)
        if at_ns < burst_ns:
            made[index] = (min(at_ns, said_ns), message)
            said_ns += length_ns
        ended_ns = at_ns + length_ns
    return sorted(made, key=lambda each: each[0])


def _sound_ns(message: ClientMessage) -> int:
    """How long the sound in a message of the caller's is."""
    blob = message.realtime_input.audio_blob if message.realtime_input is not None else None
    return 0 if blob is None else len(blob.data) // 2 * SECOND // rate_of(blob.mime_type)


def _all_in_one_time(lines: Sequence[Line], offsets: Mapping[int, int]) -> list[tuple[int, str, str]]:
    """What both sides said, with times since the first message of all, in order."""
    said = [
        (offsets.get(line.connection, 0) + line.time_ns, line.sender, line.message)
        for line in lines
        if line.message
    ]
    return sorted(said, key=lambda each: each[0])


async def _watch(words: Any, made: Replay) -> None:
    async for frame in words:
        if isinstance(frame, TranscriptFrame) and frame.final:
            made.words.append(f"{frame.role}: {frame.text}")

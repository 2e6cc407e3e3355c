"""A call around the Live box, on virtual time: a microphone, a loudspeaker, tools, and a server that plays a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from livegraph.pipeline import (
    SECOND,
    AudioFrame,
    ConversationPolicy,
    Graph,
    In,
    InterruptFrame,
    Out,
    Processor,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    TurnEndFrame,
    UsageFrame,
    run_virtual,
)
from livegraph.pipeline.events import Event, ServiceChanged, Transcript
from livegraph.pipeline.running.call import Call
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.processors.tools.catalog import FunctionSpec, ToolCatalog
from livegraph.testing import no_tasks_left
from support.live_server import Script, ScriptedServer

__all__ = ["Ear", "Log", "Room", "Tools", "converse", "graph", "listen", "numbered", "numbers"]

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
        self.call.conversation.attach(self)

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
        self.call.conversation.played(frame.turn, self._position.get(frame.turn, 0))
        await asyncio.sleep(frame.duration_ns / SECOND)
        if frame.turn > self._void:
            position = self._position[frame.turn] = self._position.get(frame.turn, 0) + frame.duration_ns
            self.call.conversation.played(frame.turn, position)

    def on_marker(self, port: str, frame: Any) -> None:
        self.markers.append(f"{type(frame).__name__} {frame.turn}")
        if isinstance(frame, TurnEndFrame):
            self.call.conversation.played_out(frame.turn)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self.interrupts.append(frame.turn)


class Tools(Processor):
    """Answers every call after a while; what it is told of is kept."""

    calls: In[ToolCallFrame | ToolCancelFrame] = In()
    results: Out[ToolResultFrame] = Out()

    def __init__(
        self, *, names: list[str], after_ms: int = 500, times: int = 1, scheduling: str = "", steps: int = 1
    ) -> None:
        self._names, self._after_ms, self._times = names, after_ms, times
        self._scheduling, self._steps = scheduling, steps
        self.seen: list[ToolCallFrame | ToolCancelFrame] = []

    async def start(self) -> None:
        self.calls.advertised = ToolCatalog(tuple(FunctionSpec(name, f"does {name}") for name in self._names))

    async def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> None:
        self.seen.append(frame)
        if not isinstance(frame, ToolCallFrame):
            return
        for step in range(self._steps):
            await asyncio.sleep(self._after_ms / 1000)
            last = step == self._steps - 1
            for _ in range(self._times):
                self.results.emit(
                    ToolResultFrame(
                        frame.id,
                        frame.name,
                        {"output": {"done": True} if self._steps == 1 else step + 1},
                        scheduling=self._scheduling,
                        will_continue=not last,
                    )
                )


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
    def live(self) -> GeminiLive:
        return self.call.processor("live", GeminiLive)

    @property
    def seen(self) -> list[ToolCallFrame | ToolCancelFrame]:
        """What the tools were told, if there are any."""
        try:
            return self.tools.seen
        except KeyError:
            return []

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
    for port in ("text", "context", "video"):
        made.connect("mic.frames", f"live.{port}")
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
    conversation: ConversationPolicy | None = None,
    **options: Any,
) -> Room:
    """Run ``body`` in a call, to the end of the call; nothing may be left behind."""

    async def main() -> Room:
        plan = graph(options, tools=tools, stuck=stuck, speech=speech).plan(conversation=conversation)
        events: list[Event] = []
        async with no_tasks_left(), ScriptedServer(*scripts) as server:
            call = plan.call(resources={LiveConnector: server}, call_id="call-test")
            call.events.subscribe(Event, events.append)
            room = Room(call, server, events)
            async with call:
                await body(room)
            last = server.connections[-1]
            assert last.closed is not None or last.frozen, "the last connection was closed"
        return room

    return run_virtual(main())


async def listen(room: Room) -> None:
    room.mic.end()
    await room.call.finished()


def numbers(pcm: bytes) -> list[int]:
    return [int(sample) for sample in np.frombuffer(pcm, "<i2")]


def numbered(count: int) -> list[int]:
    return np.arange(count).astype(np.int16).tolist()

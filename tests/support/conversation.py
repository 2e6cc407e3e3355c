"""Long conversations on virtual time: a caller whose microphone runs, the real Live box, the real simulator.

Everything that the simulator receives and sends is taken down, and everything that the caller hears.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from livegraph.liveapi import ClientMessage, ServerMessage, decode_client, decode_server
from livegraph.pipeline import (
    SECOND,
    AudioFrame,
    Graph,
    In,
    InterruptFrame,
    Out,
    Plan,
    Processor,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TurnEndFrame,
)
from livegraph.pipeline.events import Event, ServiceChanged, Transcript
from livegraph.pipeline.running.call import Call
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.processors.tools.catalog import FunctionSpec, ToolCatalog
from livegraph.simulator.recording import WireEvent
from livegraph.simulator.server import Simulator

__all__ = [
    "FRAME",
    "Conversation",
    "Loudspeaker",
    "Played",
    "Tools",
    "Wire",
    "converse",
    "graph_of",
    "plan_of",
]

Pcm = npt.NDArray[np.int16]

RATE = 16_000
FRAME = 320
"""Samples of 20 ms, the microphone's frames."""


@dataclass(frozen=True, slots=True)
class Played:
    """A piece of sound as it was heard."""

    turn: int
    at_ns: int
    samples: Pcm


class Loudspeaker(Processor):
    """Plays in real time, reports what was heard, and keeps it when asked to."""

    kind = "sink"
    sound: In[AudioFrame] = In(rate=24_000, channels=1)

    def __init__(self, *, keeps: bool = True) -> None:
        self.played: list[Played] = []
        self.heard_ns = 0
        self.turns = 0
        self._keeps = keeps
        self._void = 0
        self._turn = 0
        self._position_ns = 0
        self._until_ns = 0

    async def start(self) -> None:
        self.call.conversation.attach(self)

    def pause(self) -> None:
        """It goes on: what matters here is the flush."""

    def resume(self) -> None:
        """Nothing was paused."""

    def flush(self, turn: int) -> None:
        self._void = turn

    async def on_sound(self, frame: AudioFrame) -> None:
        clock = self.call.clock
        if frame.turn != self._turn:
            self._turn, self._position_ns = frame.turn, 0
            self.turns += 1
        began_ns = max(clock.now_ns(), self._until_ns)
        self._until_ns = began_ns + frame.duration_ns
        if self._keeps:
            self.played.append(Played(frame.turn, began_ns, frame.samples))
        self.call.conversation.played(frame.turn, self._position_ns)
        # A loudspeaker takes the next piece a little before it has played the last.
        await clock.sleep_until_ns(self._until_ns - frame.duration_ns // 8)
        if frame.turn > self._void:
            self._position_ns += frame.duration_ns
            self.heard_ns += frame.duration_ns
            self.call.conversation.played(frame.turn, self._position_ns)
        else:
            self._until_ns = min(self._until_ns, clock.now_ns())

    def on_marker(self, port: str, frame: Any) -> None:
        if isinstance(frame, TurnEndFrame):
            self.call.conversation.played_out(frame.turn)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self._until_ns = min(self._until_ns, self.call.clock.now_ns())

    def gaps_ns(self) -> list[int]:
        """Silences within turns: how long the loudspeaker had nothing to play in the middle of one."""
        found = []
        for before, after in zip(self.played, self.played[1:], strict=False):
            silent_ns = after.at_ns - before.at_ns - len(before.samples) * SECOND // 24_000
            if before.turn == after.turn and silent_ns > 0:
                found.append(silent_ns)
        return found


class Tools(Processor):
    """Functions that take their time, side by side; how often each call was made and answered is counted."""

    calls: In[ToolCallFrame | ToolCancelFrame] = In()
    results: Out[ToolResultFrame] = Out()

    def __init__(self, *, functions: Mapping[str, float], scheduling: str = "") -> None:
        self._scheduling = scheduling
        self.called: list[str] = []
        """The ids of the calls that were made."""
        self.wishes: list[tuple[str, Any]] = []
        """The same by name and what is asked for in ``text``."""
        self.cancelled: list[str] = []
        self._functions = functions
        self._waiting: asyncio.Queue[tuple[int, ToolCallFrame]] = asyncio.Queue()

    async def start(self) -> None:
        text = {"type": "object", "properties": {"text": {"type": "string"}}}
        specs = (FunctionSpec(name, f"does {name}", text) for name in self._functions)
        self.calls.advertised = ToolCatalog(tuple(specs))

    def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> None:
        if isinstance(frame, ToolCancelFrame):
            self.cancelled += frame.ids
            return
        self.called.append(frame.id)
        self.wishes.append((frame.name, frame.args.get("text")))
        asyncio.get_running_loop().call_later(
            self._functions[frame.name], self._done, frame, len(self.called)
        )

    def _done(self, frame: ToolCallFrame, number: int) -> None:
        body = {"output": {"number": number}}
        self.results.emit(ToolResultFrame(frame.id, frame.name, body, scheduling=self._scheduling))


@dataclass(slots=True)
class Wire:
    """What passed, as the simulator saw it: give its ``note`` to it as ``record``.

    Args:
        keeps: whether messages are kept; otherwise they are only counted.
    """

    keeps: bool = True
    client: list[tuple[int, ClientMessage]] = field(default_factory=list)
    """Messages that the simulator's session took in, with the number of their connection."""
    raw: list[bytes] = field(default_factory=list)
    """The same as they came."""
    server: list[tuple[int, bytes]] = field(default_factory=list)
    """Messages that it sent."""
    ends: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, event: WireEvent) -> None:
        """Take it down."""
        self.counts[f"{event.kind} {event.direction}"] += 1
        if event.kind == "close":
            self.ends.append(f"{event.direction} {event.data!s}")
        elif event.kind == "fault":
            self.faults.append(str(event.data))
        elif event.kind == "message" and self.keeps:
            data = event.data if isinstance(event.data, bytes) else event.data.encode()
            if event.direction == "in":
                self.client.append((event.connection, decode_client(data, strict=True)))
                self.raw.append(data)
            else:
                self.server.append((event.connection, data))

    @property
    def connections(self) -> int:
        """How many there were."""
        return self.counts["open in"]

    def audio(self) -> Pcm:
        """All that the simulator heard, over all connections."""
        blobs = [each.realtime_input.audio for _, each in self.client if each.realtime_input]
        return np.frombuffer(b"".join(blob.data for blob in blobs if blob), "<i2")

    def results(self) -> list[tuple[str, Any]]:
        """The functions' results: id and content."""
        return [
            (response.id, response.response)
            for _, message in self.client
            if message.tool_response
            for response in message.tool_response.function_responses
        ]

    def calls(self) -> list[str]:
        """The ids of the calls that were asked for."""
        found = []
        for message in self.said():
            found += [call.id for call in message.tool_call.function_calls] if message.tool_call else []
        return found

    def said(self) -> list[ServerMessage]:
        """The server's messages, read."""
        return [decode_server(data) for _, data in self.server]


@dataclass(slots=True)
class Conversation:
    """A call under way, or one that is over."""

    call: Call
    wire: Wire
    events: list[Event] = field(default_factory=list)
    fed: list[Pcm] = field(default_factory=list)

    @property
    def speaker(self) -> Loudspeaker:
        return self.call.processor("speaker", Loudspeaker)

    @property
    def tools(self) -> Tools:
        return self.call.processor("tools", Tools)

    @property
    def live(self) -> GeminiLive:
        return self.call.processor("live", GeminiLive)

    @property
    def mic(self) -> AppIn:
        return self.call.processor("mic", AppIn)

    def changes(self) -> Counter[str]:
        """What became of connections."""
        return Counter(each.state for each in self.events if isinstance(each, ServiceChanged))

    def said(self, role: str) -> list[str]:
        """What a side said, an utterance each."""
        return [e.text for e in self.events if isinstance(e, Transcript) and e.role == role and e.final]

    async def speak(self, pcm: Pcm, *, chunk: int = FRAME, keep: bool = True) -> None:
        """Feed the microphone in real time, in frames of ``chunk`` samples."""
        clock = self.call.clock
        began_ns = clock.now_ns()
        for at in range(0, len(pcm), chunk):
            piece = pcm[at : at + chunk]
            await self.mic.send(AudioFrame(piece, RATE, time_ns=clock.now_ns()))
            await clock.sleep_until_ns(began_ns + (at + len(piece)) * SECOND // RATE)
        if keep:
            self.fed.append(pcm)

    async def finish(self) -> None:
        """Hang up when all is answered."""
        self.mic.end()
        await self.call.finished()


def graph_of(
    options: Mapping[str, Any],
    functions: Mapping[str, float],
    *,
    keeps: bool = True,
    scheduling: str = "",
    inputs: Iterable[str] = ("text",),
    speaker: type[Loudspeaker] = Loudspeaker,
) -> Graph:
    """Microphone, Live box, loudspeaker, and functions with the seconds that they take."""
    graph = Graph()
    graph.add("mic", AppIn)
    graph.add("live", GeminiLive, **options)
    graph.add("speaker", speaker, keeps=keeps)
    graph.connect("mic.audio", "live.audio")
    for name in inputs:
        graph.connect("mic.frames", f"live.{name}")
    graph.connect("live.out", "speaker")
    if functions:
        graph.add("tools", Tools, functions=functions, scheduling=scheduling)
        graph.connect("live.tool_calls", "tools")
        graph.connect("tools", "live.tool_results")
    return graph


def plan_of(options: Mapping[str, Any], functions: Mapping[str, float], **more: Any) -> Plan:
    """The same, checked."""
    return graph_of(options, functions, **more).plan()


async def converse(
    body: Callable[[Conversation], Any],
    plan: Plan,
    *,
    simulator: Mapping[str, Any],
    wire: Wire | None = None,
    connector: Callable[[Any], Any] = lambda connector: connector,
    watched: Iterable[type[Event]] = (ServiceChanged, Transcript),
    resources: Mapping[type[Any], Any] | None = None,
    subscribers: Mapping[type[Event], Callable[[Any], None]] | None = None,
) -> Conversation:
    """Run ``body`` in a call of ``plan`` with a simulator of these options."""
    wire = wire or Wire()
    async with Simulator(record=wire.note, **simulator) as server:
        brought: dict[type[Any], Any] = {LiveConnector: connector(server.connector()), **(resources or {})}
        call = plan.call(resources=brought, call_id="call-test")
        conversation = Conversation(call, wire)
        for kind in watched:
            call.events.subscribe(kind, conversation.events.append)
        for kind, told in (subscribers or {}).items():
            call.events.subscribe(kind, told)
        async with call:
            await body(conversation)
    return conversation

"""What every processor must survive: a graph is built around it from its ports, and it is put through its life.

``HARNESSES`` says what a box needs beyond its ports: options, files, something to talk to.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livegraph.pipeline import (
    MS,
    AudioFrame,
    Frame,
    Graph,
    In,
    MessageFrame,
    Out,
    Plan,
    Processor,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    TurnEndFrame,
    TurnStartFrame,
    UsageFrame,
    VideoFrame,
)
from livegraph.pipeline.ports import PortSpec
from livegraph.pipeline.processor import ports_of
from livegraph.processors.gemini_live.frames import ContextFrame, UpdateFrame
from support.speech import recorded, write_wav

__all__ = ["HARNESSES", "Feeder", "Harness", "plan_around"]


@asynccontextmanager
async def _nothing() -> AsyncIterator[Mapping[type, Any]]:
    yield {}


@dataclass(frozen=True, slots=True)
class Harness:
    """What one box needs to live in a test."""

    options: Callable[[Path], dict[str, Any]] = lambda folder: {}
    resources: Callable[[], AbstractAsyncContextManager[Mapping[type, Any]]] = _nothing
    elsewhere: str = ""
    """Where its life is tested when it cannot be here."""
    endless: bool = False
    """Whether it goes on when all that feeds it has ended, as a source of its own does."""


def _recording(folder: Path) -> dict[str, Any]:
    path = folder / "question.wav"
    if not path.exists():
        write_wav(path, recorded("go_forward").pcm)
    return {"path": path}


async def _tool(seconds: float = 0.05) -> str:
    """Take a moment."""
    await asyncio.sleep(seconds)
    return "done"


_tool.__name__ = "work"


@asynccontextmanager
async def _service() -> AsyncIterator[Mapping[type, Any]]:
    # Here, so that whatever is wrong with one box is the fault of its own tests alone.
    from livegraph.processors.gemini_live import LiveConnector
    from support.live_server import Connection, ScriptedServer, talk

    async def script(server: Connection) -> None:
        await server.accept("handle")
        for _ in range(3):
            await talk(server, "one two three four")
            await asyncio.sleep(0.3)

    async with ScriptedServer(script) as server:
        yield {LiveConnector: server}


_PEER = "it needs a browser or its like: tests/transports/test_webrtc_boxes.py"

HARNESSES: dict[str, Harness] = {
    "app_in": Harness(endless=True),
    "file_in": Harness(options=_recording),
    "file_out": Harness(options=lambda folder: {"path": folder / "answer.wav"}),
    "gemini_live": Harness(resources=_service),
    "tool_router": Harness(options=lambda folder: {"tools": [_tool]}),
    "transcript_log": Harness(options=lambda folder: {"path": folder / "transcript.jsonl"}),
    "webrtc_in": Harness(elsewhere=_PEER),
    "webrtc_out": Harness(elsewhere=_PEER),
}


def sample(kind: type[Frame], number: int, rate: int, now_ns: int) -> Frame:
    """A frame of ``kind`` as a neighbour might send it."""
    turn = number // 10 + 1
    match kind.__name__:
        case "AudioFrame" | "Frame":
            samples = np.full(rate // 50, 1_000, np.int16)
            return AudioFrame(samples, rate, time_ns=now_ns, turn=turn)
        case "TextFrame":
            return TextFrame(f"word {number}", time_ns=now_ns)
        case "TranscriptFrame":
            return TranscriptFrame("user", f"word {number}", final=number % 2 == 0, time_ns=now_ns)
        case "ToolCallFrame":
            return ToolCallFrame(f"call-{number}", "work", {}, time_ns=now_ns)
        case "ToolCancelFrame":
            return ToolCancelFrame((f"call-{number}",), time_ns=now_ns)
        case "ToolResultFrame":
            return ToolResultFrame(f"call-{number}", "work", {"output": number}, time_ns=now_ns)
        case "SpeechStartFrame":
            return SpeechStartFrame(time_ns=now_ns)
        case "SpeechEndFrame":
            return SpeechEndFrame(time_ns=now_ns)
        case "MessageFrame":
            return MessageFrame("test", number, time_ns=now_ns)
        case "UsageFrame":
            return UsageFrame(total_tokens=number, time_ns=now_ns)
        case "VideoFrame":
            return VideoFrame(np.full((48, 64, 3), number % 256, np.uint8), time_ns=now_ns)
        case "ContextFrame":
            return ContextFrame(f"fact {number}", time_ns=now_ns)
        case "UpdateFrame":
            return UpdateFrame(instructions=f"Be brief, {number}.", time_ns=now_ns)
    raise LookupError(f"conformance has no sample of a {kind.__name__}: add one")


class Feeder(Processor):
    """Sends samples of what a port takes, one each 20 ms, in turns of ten; ends when told to."""

    out: Out[Frame]

    def __init__(self, *, kinds: list[type], rate: int) -> None:
        self.kinds, self.rate = kinds, rate
        self.over = False

    async def run(self) -> None:
        number = 0
        while not self.over:
            now_ns = self.call.clock.now_ns()
            if number % 10 == 0:
                await self.out.send(TurnStartFrame(turn=number // 10 + 1, time_ns=now_ns))
            await self.out.send(sample(self.kinds[number % len(self.kinds)], number, self.rate, now_ns))
            if number % 10 == 9:
                await self.out.send(TurnEndFrame(turn=number // 10 + 1, time_ns=now_ns))
            number += 1
            await self.call.clock.sleep_until_ns(now_ns + 20 * MS)


class Sink(Processor):
    """Takes everything."""

    frames: In[Frame]

    def __init__(self) -> None:
        self.count = 0

    def on_frames(self, frame: Frame) -> None:
        self.count += 1


def plan_around(processor: type[Processor], options: dict[str, Any]) -> Plan:
    """A graph in which every input of the box ``box`` is fed and every output heard."""
    graph = Graph("conformance")
    graph.add("box", processor, **options)
    for port in ports_of(processor).values():
        if port.direction == "in":
            graph.add(f"feed_{port.name}", Feeder, kinds=list(port.types), rate=_rate_of(port, options))
            graph.connect(f"feed_{port.name}.out", f"box.{port.name}")
        else:
            graph.add(f"hear_{port.name}", Sink)
            graph.connect(f"box.{port.name}", f"hear_{port.name}.frames")
    return graph.plan()


def _rate_of(port: PortSpec, options: Mapping[str, Any]) -> int:
    # What nobody decides is settled at 48 kHz.
    return (port.rates(options) or (48_000,))[0]

"""What our boxes need beyond their ports to live in the conformance suite: options, files, something to talk to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegraph.pipeline import Frame, ToolCallFrame, ToolCancelFrame, ToolResultFrame
from livegraph.processors.gemini_live.frames import UpdateFrame
from support.speech import recorded, write_wav

__all__ = ["HARNESSES", "SAMPLES", "Harness"]

SAMPLES: dict[type[Frame], Callable[[int, int], Frame]] = {
    ToolCallFrame: lambda n, now_ns: ToolCallFrame(f"call-{n}", "work", {}, time_ns=now_ns),
    ToolCancelFrame: lambda n, now_ns: ToolCancelFrame((f"call-{n - 1}",), time_ns=now_ns),
    ToolResultFrame: lambda n, now_ns: ToolResultFrame(f"call-{n}", "work", {"output": n}, time_ns=now_ns),
    UpdateFrame: lambda n, now_ns: UpdateFrame(instructions=f"Be brief, {n}.", time_ns=now_ns),
}
"""Frames that say more than the types of their fields do."""


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


def _background(folder: Path) -> dict[str, Any]:
    return {"file": _recording(folder)["path"]}


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
_LINE = "it needs a caller at a telephone: tests/server/telephone/test_conversations.py"

HARNESSES: dict[str, Harness] = {
    "app_in": Harness(endless=True),
    "file_in": Harness(options=_recording),
    "file_out": Harness(options=lambda folder: {"path": folder / "answer.wav"}),
    "background_sound": Harness(options=_background),
    "language_switch": Harness(
        options=lambda folder: {"languages": {"de": None, "en": None}, "tool": "work"}
    ),
    "memory": Harness(
        options=lambda folder: {"key": "ada", "store": folder / "memory.sqlite", "summary": "none"}
    ),
    "text_rules": Harness(options=lambda folder: {"rules": [{"match": "text", "replace": "word"}]}),
    "gemini_live": Harness(resources=_service),
    "tool_router": Harness(options=lambda folder: {"tools": [_tool]}),
    "recorder": Harness(
        options=lambda folder: {"path": folder / "{{call.id}}.flac"},
        elsewhere="a call of nothing but a recorder is over at once: tests/transports/record",
    ),
    "transcript_log": Harness(options=lambda folder: {"path": folder / "transcript.jsonl"}),
    "telephone_in": Harness(elsewhere=_LINE),
    "telephone_out": Harness(elsewhere=_LINE),
    "webrtc_in": Harness(elsewhere=_PEER),
    "webrtc_out": Harness(elsewhere=_PEER),
}

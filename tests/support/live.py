"""A Live client for tests: it sends and notes what comes, and takes no decision of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from livegraph.liveapi import (
    ClientContent,
    ClientMessage,
    Content,
    Empty,
    FunctionResponse,
    RealtimeInput,
    ServerMessage,
    Setup,
    ToolResponse,
    decode_server,
    encode_audio,
    encode_client,
)
from livegraph.liveapi.link import Link, LinkClosed
from livegraph.pipeline.clock import run_virtual
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice

__all__ = ["VERTEX_PATH", "Caller", "Heard", "calling", "kinds_of", "virtually"]

VERTEX_PATH = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
"""Vertex AI's path of the Live method."""

Pcm = npt.NDArray[np.int16]
RATE = 16_000
CHUNK_MS = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message from the server, when it came, and its bytes."""

    at_ms: float
    message: ServerMessage
    data: str | bytes

    @property
    def kinds(self) -> list[str]:
        """What it says, one word for each field that is set."""
        return kinds_of(self.message)

    @property
    def audio_ms(self) -> float:
        """The duration of the sound in it."""
        return len(self.audio) / 48

    @property
    def audio(self) -> bytes:
        """The sound in it."""
        content = self.message.server_content
        parts = content.model_turn.parts if content and content.model_turn else []
        return b"".join(part.inline_data.data for part in parts if part.inline_data)

    @property
    def text(self) -> str:
        """The transcript in it."""
        content = self.message.server_content
        found = (content.input_transcription or content.output_transcription) if content else None
        return found.text if found else ""

    def calls(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The tool calls in it: id, name and arguments."""
        call = self.message.tool_call
        return [(each.id, each.name, each.args) for each in call.function_calls] if call else []


class Caller:
    """The client's end of a link, with a set microphone."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.heard: list[Heard] = []
        self.closed: LinkClosed | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    @property
    def now_ms(self) -> float:
        """The loop's time."""
        return self._loop.time() * 1_000

    @property
    def kinds(self) -> list[str]:
        """Everything heard, in order, a run of the same kinds once, and sound with its words as ``speech``."""
        found: list[str] = []
        for heard in self.heard:
            for kind in heard.kinds:
                kind = "speech" if kind in ("audio", "outputTranscription") else kind
                if not found or kind != found[-1]:
                    found.append(kind)
        return found

    def all(self, kind: str) -> list[Heard]:
        """The messages of a kind."""
        return [heard for heard in self.heard if kind in heard.kinds]

    def forget(self) -> None:
        """Start anew with `heard`."""
        self.heard.clear()

    async def send(self, message: ClientMessage) -> None:
        """Send any message."""
        await self.link.send(encode_client(message))

    async def open(self, setup: Setup) -> None:
        """Send `setup` and wait for the answer, or for the end."""
        await self.send(ClientMessage(setup=setup))
        await self.until("setupComplete")

    async def say(self, pcm: Pcm, *, chunk_ms: int = CHUNK_MS) -> float:
        """Speak in real time; returns when the last chunk was sent, in ms."""
        size = RATE * chunk_ms // 1_000
        for at in range(0, len(pcm), size):
            await self.link.send(encode_audio(pcm[at : at + size].tobytes(), RATE))
            await asyncio.sleep(chunk_ms / 1_000)
        return self.now_ms

    async def pause(self, seconds: float) -> None:
        """Send silence in real time."""
        await self.say(np.zeros(round(seconds * RATE), np.int16))

    async def write(self, text: str) -> None:
        """Send text as realtime input."""
        await self.send(ClientMessage(realtime_input=RealtimeInput(text=text)))

    async def tell(self, *turns: tuple[str, str], complete: bool = True) -> None:
        """Send client content: pairs of role and text."""
        contents = [Content.of_text(text, role) for role, text in turns]
        await self.send(ClientMessage(client_content=ClientContent(contents, complete)))

    async def answer(self, id_: str, response: dict[str, Any], **more: Any) -> None:
        """Respond to a tool call."""
        given = FunctionResponse(id=id_, response=response, **more)
        await self.send(ClientMessage(tool_response=ToolResponse([given])))

    async def words(self, text: str) -> str:
        """Write, and wait for what the model says to it, up to the end of its turn."""
        first = len(self.heard)
        await self.write(text)
        await self.turn_after(first)
        return "".join(heard.text for heard in self.heard[first:] if "outputTranscription" in heard.kinds)

    async def turn_after(self, first: int) -> Heard:
        """Wait for the end of a turn among the messages from `first` on."""
        return await self.until_that(
            lambda: [heard for heard in self.heard[first:] if "turnComplete" in heard.kinds], "turnComplete"
        )

    async def signal(self, name: str) -> None:
        """Send activity_start, activity_end or audio_stream_end."""
        value: Any = True if name == "audio_stream_end" else Empty()
        await self.send(ClientMessage(realtime_input=RealtimeInput(**{name: value})))

    async def until(self, kind: str, count: int = 1, *, within_s: float = 30.0) -> Heard:
        """Wait for the `count`-th message of a kind; the silence of a muted microphone goes on meanwhile."""
        return await self.until_that(lambda: self.all(kind)[count - 1 : count], kind, within_s)

    async def until_that(self, found: Callable[[], list[Heard]], what: str, within_s: float = 30.0) -> Heard:
        """Wait until `found` finds something."""
        try:
            async with asyncio.timeout(within_s):
                while not (matches := found()):
                    if self.closed is not None:
                        raise AssertionError(f"closed while waiting for {what}: {self.closed}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} within {within_s} s; heard {self.kinds}") from None
        return matches[0]

    async def until_closed(self, within_s: float = 30.0) -> LinkClosed:
        """Wait for the end of the link."""
        async with asyncio.timeout(within_s):
            while self.closed is None:
                self._news.clear()
                await self._news.wait()
        return self.closed

    async def read(self) -> None:
        """Note everything that comes."""
        try:
            while True:
                data = await self.link.recv()
                self.heard.append(Heard(self.now_ms, decode_server(data), data))
                self._news.set()
        except LinkClosed as closed:
            self.closed = closed
            self._news.set()


@asynccontextmanager
async def calling(link: Link, setup: Setup | None = None) -> AsyncIterator[Caller]:
    """A caller at the end of `link`, with the session open when a `setup` is given."""
    caller = Caller(link)
    reader = asyncio.create_task(caller.read())
    try:
        if setup is not None:
            await caller.open(setup)
        yield caller
    finally:
        await link.close()
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


def virtually(test: Callable[[Simulator], Awaitable[T]], **options: Any) -> T:
    """Run a test with a simulator on the virtual clock; with built-in speech and no ears unless it gives others."""

    async def run() -> T:
        async with Simulator(**{"voice": TonesVoice(), "ears": NoEars(), **options}) as simulator:
            return await test(simulator)

    return run_virtual(run())


def kinds_of(message: ServerMessage) -> list[str]:
    """What a message says, one word for each field that is set, in the order in which a client acts on them."""
    content = message.server_content
    activity = message.voice_activity
    found = {
        "setupComplete": message.setup_complete,
        "sessionResumptionUpdate": message.session_resumption_update,
        activity.type if activity else "": activity,
        "interrupted": content and content.interrupted,
        "toolCall": message.tool_call,
        "toolCallCancellation": message.tool_call_cancellation,
        "audio": content and content.model_turn,
        "inputTranscription": content and content.input_transcription,
        "outputTranscription": content and content.output_transcription,
        "generationComplete": content and content.generation_complete,
        "turnComplete": content and content.turn_complete,
        "goAway": message.go_away,
    }
    return [kind for kind, value in found.items() if value]

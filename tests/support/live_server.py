"""A Live server that plays a script: what it does on each connection is a coroutine of the test's.

It speaks the real wire over links in memory, takes down all that the client sends, and knows nothing of the
client's code.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from livegraph.liveapi import ClientMessage, decode_client
from livegraph.liveapi.link import Link, LinkClosed, memory_link_pair
from livegraph.pipeline import SECOND, ServiceError
from livegraph.processors.gemini_live import LiveConnector

__all__ = ["Connection", "Script", "ScriptedServer", "audio_message", "talk", "words"]

SETUP_COMPLETE: dict[str, Any] = {"setupComplete": {}}


class Connection:
    """The server's end of one connection. ``messages`` grows while the script runs."""

    def __init__(self, link: Link, path: str, headers: Mapping[str, str]) -> None:
        self.path = path
        self.headers = dict(headers)
        self.messages: list[ClientMessage] = []
        self.audio = b""
        """All PCM of the microphone that came on this connection, in order."""
        self.closed: LinkClosed | None = None
        self.reader: asyncio.Task[None] | None = None
        self.frozen = False
        self.peer: Any = None
        """The client's end."""
        self._link = link
        self._changed = asyncio.Event()

    def freeze(self) -> None:
        """From now on nothing arrives and nothing is said, and nobody is told: a connection that is none."""
        assert self.reader is not None
        self.frozen = True
        self.reader.cancel()

    async def send(self, *messages: Mapping[str, Any]) -> None:
        """Send messages as the real server does: binary frames of JSON."""
        for message in messages:
            await self._link.send(json.dumps(message).encode())

    async def send_raw(self, raw: str | bytes) -> None:
        await self._link.send(raw)

    async def close(self, code: int, reason: str = "") -> None:
        await self._link.close(code, reason)

    def abort(self) -> None:
        """As if the network were gone."""
        self._link.abort()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Return when ``condition`` holds; it is asked again after every message."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def accept(self, handle: str = "") -> None:
        """Wait for the setup and complete it; hand out ``handle``."""
        await self.until(lambda: self.messages)
        await self.send(SETUP_COMPLETE)
        if handle:
            await self.send({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})

    @property
    def setup(self) -> Any:
        return self.messages[0].setup

    @property
    def tool_responses(self) -> list[Any]:
        return [
            response
            for message in self.messages
            if message.tool_response is not None
            for response in message.tool_response.function_responses
        ]

    @property
    def texts(self) -> list[str]:
        return [m.realtime_input.text for m in self.messages if m.realtime_input and m.realtime_input.text]

    @property
    def contents(self) -> list[Any]:
        return [m.client_content for m in self.messages if m.client_content is not None]

    @property
    def updates(self) -> list[Any]:
        return [m.context_update for m in self.messages if m.context_update is not None]

    @property
    def pictures(self) -> list[bytes]:
        return [
            m.realtime_input.video.data for m in self.messages if m.realtime_input and m.realtime_input.video
        ]

    @property
    def realtime(self) -> list[str]:
        """What came as realtime input, runs of sound as one."""
        names = ("audio", "video", "text", "activity_start", "activity_end", "audio_stream_end")
        found: list[str] = []
        for message in self.messages:
            for name in names if message.realtime_input is not None else ():
                if getattr(message.realtime_input, name) not in (None, False) and found[-1:] != [name]:
                    found.append(name)
        return found

    @property
    def stream_ends(self) -> int:
        return sum(1 for m in self.messages if m.realtime_input and m.realtime_input.audio_stream_end)

    async def read(self) -> None:
        while True:
            try:
                message = decode_client(await self._link.recv(), strict=True)
            except LinkClosed as closed:
                self.closed = closed
                self._changed.set()
                return
            if message.realtime_input is not None and message.realtime_input.audio is not None:
                self.audio += message.realtime_input.audio.data
            elif message.realtime_input is not None and message.realtime_input.audio_stream_end:
                spoken = self.audio.rstrip(b"\0")
                silence = len(self.audio) - len(spoken)
                if silence >= 2 * 24_000:
                    # 1.5 s of silence end the stream: no microphone's.
                    self.audio = self.audio[: len(self.audio) - 2 * 24_000]
            self.messages.append(message)
            self._changed.set()


Script = Callable[[Connection], Awaitable[None]]


class ScriptedServer(LiveConnector):
    """Plays ``scripts`` one after the other, one on each connection; the last one again and again.

    A script may be an exception: then that connection is refused with it.
    """

    label = "the scripted server"
    current: ScriptedServer | None = None
    """The one that is running."""

    def __init__(self, *scripts: Script | Exception) -> None:
        self._scripts = scripts
        self._tasks: list[asyncio.Task[None]] = []
        self.connections: list[Connection] = []
        self.attempts_ns: list[int] = []

    async def __aenter__(self) -> Self:
        ScriptedServer.current = self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if error is None and isinstance(ended, Exception):
                raise ended

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        script = self._scripts[min(len(self.attempts_ns), len(self._scripts) - 1)]
        self.attempts_ns.append(round(asyncio.get_running_loop().time() * SECOND))
        if isinstance(script, LinkClosed | ServiceError):
            raise script
        assert not isinstance(script, Exception)
        ours, theirs = memory_link_pair()
        connection = Connection(ours, path, headers)
        connection.peer = theirs
        self.connections.append(connection)
        connection.reader = asyncio.create_task(connection.read())
        self._tasks.append(connection.reader)
        self._tasks.append(asyncio.create_task(self._play(script, connection)))
        return theirs

    @property
    def audio(self) -> bytes:
        """All PCM of all connections, in order."""
        return b"".join(connection.audio for connection in self.connections)

    async def _play(self, script: Script, connection: Connection) -> None:
        # The client may hang up in the middle of the script.
        with contextlib.suppress(LinkClosed):
            await script(connection)


def audio_message(length_ms: int, *, level: int = 1000, rate: int = 24_000) -> dict[str, Any]:
    """A piece of the model's voice."""
    pcm = np.full(rate * length_ms // 1000, level, "<i2").tobytes()
    data = base64.b64encode(pcm).decode()
    blob = {"mimeType": f"audio/pcm;rate={rate}", "data": data}
    return {"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}}


def words(text: str) -> dict[str, Any]:
    """A piece of what the model says."""
    return {"serverContent": {"outputTranscription": {"text": text}}}


async def talk(connection: Connection, text: str, *, pieces: int = 4, piece_ms: int = 100) -> None:
    """A whole answer, as fast as the link takes it; ``turnComplete`` when it would have been played."""
    for index, word in enumerate(text.split(" ")):
        await connection.send(words(word if index == 0 else f" {word}"))
        if index < pieces:
            await connection.send(audio_message(piece_ms))
    await connection.send({"serverContent": {"generationComplete": True}})
    await asyncio.sleep(pieces * piece_ms / 1000)
    usage = {"promptTokenCount": 30, "responseTokenCount": 10, "totalTokenCount": 40}
    await connection.send({"serverContent": {"turnComplete": True}, "usageMetadata": usage})

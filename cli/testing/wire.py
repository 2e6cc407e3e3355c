"""The model's side of a test: connections that can be broken and written down, and recordings played back.

A recording is JSON Lines: ``{"time_s": 1.25, "from": "server", "message": {...}}``, the messages of the Live API
as they are on the wire. The client's say where the server waited: what follows a tool's result was not sent before it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from ...pipeline.clock import Clock
from ...pipeline.units import SECOND
from ...processors.gemini_live.endpoint import LiveConnector
from ...processors.gemini_live.wire import WireError, decode_client, decode_server
from ...processors.gemini_live.wire.link import Link, LinkClosed, memory_link_pair

__all__ = ["Line", "RecordedServer", "RecordingFault", "Switchboard", "read_recording"]

_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a recording."""

    time_ns: int
    sender: Literal["client", "server"]
    message: str


class RecordingFault(Exception):
    """A recording that cannot be played; ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Written(msgspec.Struct, rename={"sender": "from"}):
    time_s: float
    sender: Literal["client", "server"]
    message: msgspec.Raw


def read_recording(file: Path) -> list[Line]:
    """The messages of a recording. Raises ``RecordingFault``, and ``OSError`` when the file cannot be read."""
    if file.stat().st_size > _LARGEST:
        raise RecordingFault(1, "the recording is larger than 256 MiB")
    lines: list[Line] = []
    for number, text in enumerate(file.read_bytes().splitlines(), start=1):
        if not text.strip():
            continue
        try:
            written = msgspec.json.decode(text, type=_Written)
            message = bytes(written.message).decode()
            (decode_server if written.sender == "server" else decode_client)(message)
        except (msgspec.DecodeError, UnicodeDecodeError, WireError) as error:
            raise RecordingFault(number, str(error)) from error
        lines.append(Line(round(written.time_s * SECOND), written.sender, message))
        if len(lines) > 1 and lines[-1].time_ns < lines[-2].time_ns:
            raise RecordingFault(number, "its time lies before that of the line above")
    if not any(line.sender == "server" for line in lines):
        raise RecordingFault(1, "there is no message of the server in it")
    return lines


class Switchboard(LiveConnector):
    """Passes connections on to ``inner``, knows the last one, and notes every message with its time."""

    def __init__(
        self, inner: Any, now_ns: Callable[[], int], heard: Callable[[Line], None] | None = None
    ) -> None:
        self.label = inner.label
        self._inner = inner
        self._now_ns = now_ns
        self._heard = heard
        self._link: Link | None = None

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """A fresh connection."""
        link: Link = await self._inner.connect(path, headers)
        self._link = link
        return link if self._heard is None else _Noted(link, self._now_ns, self._heard)

    async def disconnect(self, code: int, reason: str) -> None:
        """Break the last connection; with a ``code``, as the server would close it."""
        if self._link is None:
            return
        if code:
            await self._link.close(code, reason)
        else:
            self._link.abort()


class _Noted:
    """A link whose messages are noted."""

    def __init__(self, link: Link, now_ns: Callable[[], int], heard: Callable[[Line], None]) -> None:
        self._link, self._now_ns, self._heard = link, now_ns, heard

    async def send(self, message: str | bytes) -> None:
        await self._link.send(message)
        self._note("client", message)

    async def recv(self) -> str | bytes:
        message = await self._link.recv()
        self._note("server", message)
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._link.close(code, reason)

    def abort(self) -> None:
        self._link.abort()

    def _note(self, sender: Literal["client", "server"], message: str | bytes) -> None:
        text = message if isinstance(message, str) else message.decode()
        self._heard(Line(self._now_ns(), sender, text))


def written(line: Line) -> str:
    """A message as one line of a recording; sound that the client sends is left out, it plays no part."""
    message = json.loads(line.message)
    if line.sender == "client" and "audio" in message.get("realtimeInput", {}):
        return ""
    return json.dumps({"time_s": round(line.time_ns / SECOND, 3), "from": line.sender, "message": message})


class RecordedServer:
    """Plays the server's side of a recording to whoever connects, from where the recording is."""

    label = "a recording"

    def __init__(self, lines: list[Line], clock: Clock, group: asyncio.TaskGroup) -> None:
        self._lines = lines
        self._clock = clock
        self._group = group
        self._at = 0
        self._task: asyncio.Task[None] | None = None

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """A fresh connection; the one before is over."""
        ours, theirs = memory_link_pair()
        if self._task is not None:
            self._task.cancel()
        self._task = self._group.create_task(self._serve(ours), name="recorded server")
        return theirs

    async def _serve(self, link: Link) -> None:
        base_ns, origin_ns = (
            self._clock.now_ns(),
            self._lines[self._at].time_ns if self._at < len(self._lines) else 0,
        )
        heard: asyncio.Queue[str] = asyncio.Queue()
        listening = self._group.create_task(_listen(link, heard), name="recorded server's ear")
        try:
            while self._at < len(self._lines):
                line = self._lines[self._at]
                if line.sender == "client":
                    kind = _kind(line.message)
                    while kind and _kind(await heard.get()) != kind:
                        pass
                    # A client that is slower than then delays all that follows; for a quicker one nothing changes.
                    base_ns, origin_ns = (
                        max(self._clock.now_ns(), base_ns + line.time_ns - origin_ns),
                        line.time_ns,
                    )
                else:
                    await self._clock.sleep_until_ns(base_ns + line.time_ns - origin_ns)
                    await link.send(line.message)
                self._at += 1
            await listening
        except LinkClosed:
            return
        finally:
            listening.cancel()


async def _listen(link: Link, heard: asyncio.Queue[str]) -> None:
    while True:
        try:
            message = await link.recv()
        except LinkClosed:
            return
        text = message if isinstance(message, str) else message.decode()
        if _kind(text):
            heard.put_nowait(text)


def _kind(message: str) -> str:
    """What the server waits for; empty for sound and the like, which come as they come."""
    kinds = decode_client(message).kinds
    kind = kinds[0] if kinds else ""
    return "" if kind == "realtime_input" and '"text"' not in message else kind

"""The model's side of a test: connections that can be broken, and recordings that are played back.

A recording is what ``livegraph simulate --record``, or ``livegraph test --record``, writes: JSON Lines such as
``{"time": 1.25, "connection": 1, "from": "server", "message": {...}}``, with the sound in files beside it. The client's
lines say where the server waited: what follows a tool's result was not sent before it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from ..liveapi import WireError, decode_client, decode_server
from ..liveapi.link import Link, LinkClosed, memory_link_pair
from ..pipeline.clock import Clock
from ..pipeline.units import SECOND
from ..processors.gemini_live.endpoint import LiveConnector

__all__ = ["Line", "RecordedServer", "RecordingFault", "Switchboard", "read_recording"]

_LARGEST = 256 << 20
_SOUND = re.compile(r"([\w.-]+\.pcm)\[(\d{1,12}):(\d{1,12})\]")
_MADE_UP = re.compile(r"(silence|tone) (\d{1,6}) ms")
_CLOSE = re.compile(r"(\d{4})\b[: ]*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """A message of a recording, or the end of a connection with a ``code``."""

    time_ns: int
    connection: int
    sender: Literal["client", "server"]
    message: str = ""
    code: int = 0
    reason: str = ""


class RecordingFault(Exception):
    """A recording that cannot be played; ``line`` counts from 1. ``foreign``: its first line is no message at all."""

    def __init__(self, line: int, message: str, *, foreign: bool = False) -> None:
        super().__init__(message)
        self.line, self.foreign = line, foreign


class _Written(msgspec.Struct, rename={"sender": "from"}):
    """A line as it is written; lines about anything else (``open``, ``fault``, ``text``) have none of the last two."""

    time: float
    sender: Literal["client", "server"]
    connection: int = 1
    message: dict[str, Any] | None = None
    close: str | None = None


def read_recording(file: Path, *, sound: bool = False) -> list[Line]:
    """The messages of a recording, those of the client without their sound unless it is wanted.

    Raises ``RecordingFault``, and ``OSError`` when the file cannot be read.
    """
    if file.stat().st_size > _LARGEST:
        raise RecordingFault(1, "it is larger than 256 MiB")
    lines: list[Line] = []
    for number, text in enumerate(file.read_bytes().splitlines(), start=1):
        if text.strip():
            try:
                found = _read_line(text, file.parent, sound=sound)
            except (msgspec.DecodeError, WireError, OSError, ValueError) as error:
                foreign = number == 1 and isinstance(error, msgspec.DecodeError)
                raise RecordingFault(number, str(error), foreign=foreign) from error
            if found is not None:
                lines.append(found)
    if not any(line.sender == "server" and line.message for line in lines):
        raise RecordingFault(1, "there is no message of the server in it")
    return sorted(lines, key=lambda line: line.connection)


def _read_line(text: bytes, folder: Path, *, sound: bool) -> Line | None:
    written = msgspec.json.decode(text, type=_Written)
    time_ns = round(written.time * SECOND)
    if written.message is not None:
        if written.sender == "server":
            message = json.dumps(_with_sound(written.message, folder))
            decode_server(message)
        else:
            given = written.message
            message = json.dumps(_with_sound(given, folder) if sound else _without_sound(given))
            decode_client(message)
        return Line(time_ns, written.connection, written.sender, message)
    if written.close is not None and written.sender == "server" and (found := _CLOSE.match(written.close)):
        return Line(time_ns, written.connection, "server", "", int(found[1]), found[2])
    return None


def _with_sound(value: Any, folder: Path) -> Any:
    """A message with its sound in it again."""
    if isinstance(value, list):
        return [_with_sound(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _with_sound(item, folder) for key, item in value.items()}
    data = value.get("data")
    if isinstance(data, str) and (plain := _MADE_UP.fullmatch(data)):
        # In recordings that were written by hand: so many milliseconds of nothing, or of a tone.
        made["data"] = base64.b64encode(_made_up(plain[1], int(plain[2]), value)).decode()
    elif isinstance(data, str) and (found := _SOUND.fullmatch(data)):
        with (folder / found[1]).open("rb") as stream:
            stream.seek(int(found[2]))
            sound = stream.read(int(found[3]) - int(found[2]))
        made["data"] = base64.b64encode(sound).decode()
    return made


def _made_up(kind: str, length_ms: int, blob: Mapping[str, Any]) -> bytes:
    rate = int(str(blob.get("mimeType", blob.get("mime_type", ""))).rpartition("rate=")[2] or 16_000)
    count = rate * length_ms // 1_000
    if kind == "silence":
        return bytes(2 * count)
    samples = np.sin(np.arange(count) * (2 * np.pi * 300 / rate)) * 8_000
    return bytes(samples.astype("<i2").tobytes())


def _without_sound(value: Any) -> Any:
    """A client's message as far as it matters: that it was sent."""
    if isinstance(value, list):
        return [_without_sound(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_sound(item) for key, item in value.items() if key != "data"}


class Switchboard(LiveConnector):
    """Passes connections on to ``inner``, and can break the last one."""

    def __init__(self, inner: Any) -> None:
        self.label = inner.label
        self._inner = inner
        self._link: Link | None = None

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """A fresh connection."""
        link: Link = await self._inner.connect(path, headers)
        self._link = link
        return link

    async def disconnect(self, code: int, reason: str) -> None:
        """Break the last connection; with a ``code``, as the server would close it."""
        if self._link is None:
            return
        if code:
            await self._link.close(code, reason)
        else:
            self._link.abort()


class RecordedServer:
    """Plays the server's side of a recording: to the first who connects the first connection, and so on."""

    label = "a recording"

    def __init__(self, lines: list[Line], clock: Clock, group: asyncio.TaskGroup) -> None:
        self._connections = [
            [line for line in lines if line.connection == number]
            for number in dict.fromkeys(line.connection for line in lines)
        ]
        self._clock = clock
        self._group = group
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """A fresh connection, perhaps beside others. Raises ``LinkClosed`` when the recording has no more."""
        if not self._connections:
            raise LinkClosed(1006, "the recording has no more connections")
        ours, theirs = memory_link_pair()
        serving = self._serve(ours, self._connections.pop(0))
        self._tasks.append(self._group.create_task(serving, name="recorded server"))
        return theirs

    def end(self) -> None:
        """Serve no more."""
        for task in self._tasks:
            task.cancel()

    async def _serve(self, link: Link, lines: list[Line]) -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(_listen(link, heard), name="recorded server's ear")
            try:
                await self._play(link, lines, heard)
                await listening
            except LinkClosed:
                listening.cancel()

    async def _play(self, link: Link, lines: list[Line], heard: asyncio.Queue[str]) -> None:
        base_ns, origin_ns = self._clock.now_ns(), lines[0].time_ns
        for line in lines:
            if line.sender == "client":
                kind = _kind(line.message)
                while kind and await heard.get() != kind:
                    pass
                # A client that is slower than then delays all that follows; for a quicker one nothing changes.
                base_ns = max(self._clock.now_ns(), base_ns + line.time_ns - origin_ns)
                origin_ns = line.time_ns
                continue
            await self._clock.sleep_until_ns(base_ns + line.time_ns - origin_ns)
            if line.message:
                await link.send(line.message)
            else:
                await link.close(line.code, line.reason)


async def _listen(link: Link, heard: asyncio.Queue[str]) -> None:
    while True:
        try:
            message = await link.recv()
        except LinkClosed:
            return
        if kind := _kind(message):
            heard.put_nowait(kind)


def _kind(message: str | bytes) -> str:
    """What the server waits for; empty for sound and the like, which come as they come."""
    found = decode_client(message)
    if found.realtime_input is not None:
        return "text" if found.realtime_input.text is not None else ""
    return found.kinds[0] if found.kinds else ""

"""The real server on a free port of the loopback interface, and a client that can be as rude as it likes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiortc import RTCSessionDescription

from livegraph.cli.web import Patience, WebServer
from livegraph.server.app import make_app
from livegraph.server.calls import CallDesk, ServedAgent
from support.webrtc import Caller

__all__ = ["Reply", "Web", "serving"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The code of the error in the body, whose shape is checked."""
        error = self.json["error"]
        assert set(error) == {"code", "message", "remedy"}
        assert error["message"].strip()
        code: str = error["code"]
        return code


@dataclass(slots=True)
class Web:
    """A running server."""

    port: int
    desk: CallDesk
    server: WebServer

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | AsyncIterable[bytes] = b"",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request on a connection of its own; an iterable body goes in chunks for as long as it is taken."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            fields = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"} | dict(headers or {})
            if isinstance(body, bytes):
                if body or method in ("POST", "PATCH"):
                    fields.setdefault("Content-Length", str(len(body)))
            else:
                fields["Transfer-Encoding"] = "chunked"
            head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
            reading = asyncio.create_task(_read_reply(reader, has_body=method != "HEAD"))
            if isinstance(body, bytes):
                writer.write(body)
            else:
                async for piece in body:
                    if reading.done():
                        break
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    await writer.drain()
                else:
                    writer.write(b"0\r\n\r\n")
            async with asyncio.timeout(15):
                return await reading
        finally:
            writer.close()

    async def send_json(self, method: str, path: str, body: object, **headers: str) -> Reply:
        """One request with a JSON body."""
        fields = {"Content-Type": "application/json"} | headers
        return await self.ask(method, path, json.dumps(body).encode(), headers=fields)

    async def offer(self, sdp: object, **fields: object) -> Reply:
        """``POST /api/offer``."""
        return await self.send_json("POST", "/api/offer", {"sdp": sdp, "type": "offer", **fields})

    async def call(self, caller: Caller, **fields: object) -> str:
        """Make a call and wait until the line is open; returns its ``pc_id``."""
        reply = await self.offer(await caller.offer(), **fields)
        assert reply.status == 200, reply.body
        answer = reply.json
        assert set(answer) == {"sdp", "type", "pc_id"}
        await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        try:
            async with asyncio.timeout(10):
                await caller.opened.wait()
        except TimeoutError:
            states = f"{caller.pc.connectionState}, its channel {caller.channel.readyState}"
            raise AssertionError(f"the line did not open: the caller is {states}") from None
        pc_id: str = answer["pc_id"]
        return pc_id

    async def until_free(self) -> None:
        """Wait until no call is left."""
        async with asyncio.timeout(15):
            while self.desk.active:
                await asyncio.sleep(0.01)


async def _read_reply(reader: asyncio.StreamReader, *, has_body: bool) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in fields}
    length = int(headers.get("content-length", 0)) if has_body else 0
    return Reply(int(head[0].split()[1]), headers, await reader.readexactly(length))


@asynccontextmanager
async def serving(
    agents: Sequence[ServedAgent], *, patience: Patience | None = None, **options: Any
) -> AsyncIterator[Web]:
    """Serve these agents while the block lasts. Options are those of ``make_app``; callers are told all by default."""
    app = make_app(agents, **{"report": "full", "metrics": True, **options})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = asyncio.Event()
        server = WebServer(app, listening.set, grace_s=1, patience=patience)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait({task, asyncio.create_task(listening.wait())}, return_when="FIRST_COMPLETED")
            assert listening.is_set()
            yield Web(listener.getsockname()[1], app.state.desk, server)
        finally:
            server.should_exit = True
            await task

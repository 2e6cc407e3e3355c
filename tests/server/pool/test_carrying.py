"""HTTP requests that another process serves: what a client sees is what it would see there."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from livegraph.cli.web import WebServer
from livegraph.server.pool.sockets import SocketsFar, SocketsHere
from livegraph.server.pool.wire import Message, Unframer, framed
from livegraph.testing import no_tasks_left


class Pair:
    """The two sides, with all that is said between them as bytes; ``cut`` loses the far one."""

    def __init__(self, app: ASGIApp) -> None:
        self.here = SocketsHere(self._to_far)
        self.far = SocketsFar(app, self._to_here)
        self._loop = asyncio.get_running_loop()
        self._cut = False

    def _to_far(self, message: Message) -> None:
        self._pass(self.far.take, message)

    def _to_here(self, message: Message) -> None:
        self._pass(self.here.take, message)

    def _pass(self, take: object, message: Message) -> None:
        if not self._cut:
            for came in Unframer().feed(framed(message)):
                self._loop.call_soon(take, came)  # type: ignore[arg-type]

    def cut(self) -> None:
        """From now on nothing comes any more."""
        self._cut = True
        self.here.lose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry what a server brings."""
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{what}.complete"})
        else:
            await self.here.carry(scope, receive, send)


@asynccontextmanager
async def carried(app: ASGIApp) -> AsyncIterator[tuple[Pair, httpx.AsyncClient]]:
    """A server whose requests are served at the other side, and a client of it."""
    pair = Pair(app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = asyncio.Event()
        server = WebServer(pair, listening.set, grace_s=1)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await listening.wait()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=base, timeout=20) as client:
                yield pair, client
        finally:
            server.should_exit = True
            await serving
            await pair.far.close()


async def show(request: Request) -> Response:
    """What the other side sees of a request."""
    body = await request.body()
    shown = {
        "method": request.method,
        "path": request.url.path,
        "query": dict(request.query_params),
        "header": request.headers.get("x-own"),
        "client": request.client.host if request.client else None,
        "body": hashlib.sha256(body).hexdigest(),
    }
    return JSONResponse(shown, 201, {"x-answer": "\u00e9"})


def test_a_request_is_the_same_at_the_other_side() -> None:
    """Method, path, query, headers, body and who asks; and so is the answer, of any size and in pieces."""

    async def pieces(_: Request) -> Response:
        return StreamingResponse(bytes([n % 256]) * 10_000 for n in range(200))

    async def run() -> None:
        app = Starlette(
            routes=[Route("/show/{way:path}", show, methods=["GET", "PUT"]), Route("/pieces", pieces)]
        )
        async with no_tasks_left(), carried(app) as (_, client):
            body = bytes(range(256)) * 3_000
            reply = await client.put("/show/a%20b/%C3%A4?q=1&r=%26", content=body, headers={"x-own": "mine"})
            assert reply.status_code == 201
            assert reply.headers["x-answer"] == "\u00e9"
            assert reply.json() == {
                "method": "PUT",
                "path": "/show/a b/\u00e4",
                "query": {"q": "1", "r": "&"},
                "header": "mine",
                "client": "127.0.0.1",
                "body": hashlib.sha256(body).hexdigest(),
            }
            replies = await asyncio.gather(*(client.get("/pieces") for _ in range(5)))
            assert {hashlib.sha256(reply.content).hexdigest() for reply in replies} == {
                hashlib.sha256(b"".join(bytes([n % 256]) * 10_000 for n in range(200))).hexdigest()
            }
            assert (await client.get("/nowhere")).status_code == 404
            assert (await client.head("/show/x")).content == b""

    asyncio.run(run())


def test_a_request_whose_server_is_gone_is_answered() -> None:
    """503 with when to ask again, where nothing was answered yet; one that was begun breaks off."""
    begun = asyncio.Event()

    async def never(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(60)
        return Response()

    async def run() -> None:
        async with no_tasks_left(), carried(Starlette(routes=[Route("/never", never)])) as (pair, client):
            asking = asyncio.create_task(client.get("/never"))
            await begun.wait()
            pair.cut()
            reply = await asking
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "no_answer")
            assert reply.headers["retry-after"] == "1"

    asyncio.run(run())


def test_who_goes_away_is_known_at_the_other_side() -> None:
    """A client that hangs up while it waits: whoever streams to it is told to stop."""
    left: list[str] = []

    async def stream(_: Request) -> Response:
        async def lines() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"line\n"
                    await asyncio.sleep(0.01)
            finally:
                left.append("stopped")

        return StreamingResponse(lines())

    async def run() -> None:
        async with no_tasks_left(), carried(Starlette(routes=[Route("/stream", stream)])) as (_, client):
            async with client.stream("GET", "/stream") as reply:
                await anext(reply.aiter_bytes())
            async with asyncio.timeout(10):
                while not left:
                    await asyncio.sleep(0.01)

    asyncio.run(run())


def test_a_fault_at_the_other_side_is_one_requests_own() -> None:
    """It is answered by 500, and the next request is served."""

    async def wrong(_: Request) -> Response:
        raise RuntimeError("nobody expected this")

    async def run() -> None:
        app = Starlette(routes=[Route("/wrong", wrong), Route("/show/{way:path}", show)])
        async with no_tasks_left(), carried(app) as (_, client):
            assert (await client.get("/wrong")).status_code == 500
            assert (await client.get("/show/x")).status_code == 201

    asyncio.run(run())


def test_who_leaves_while_something_is_sent_to_it_is_no_fault() -> None:
    """Its server refuses the message: the far side hears that it has left, with its code, and nothing is raised."""

    async def chatty(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "are you there?"})
        await send({"type": "websocket.send", "text": "hello?"})
        heard.append(await receive())

    async def run() -> None:
        coming: asyncio.Queue[Any] = asyncio.Queue()
        coming.put_nowait({"type": "websocket.connect"})

        async def send(event: Any) -> None:
            sent.append(event["type"])
            if event["type"] == "websocket.send":
                coming.put_nowait({"type": "websocket.disconnect", "code": 1001})
                raise WebSocketDisconnect(1006)

        async with no_tasks_left(), asyncio.timeout(10):
            pair = Pair(chatty)
            await pair({"type": "websocket", "path": "/ws", "headers": []}, coming.get, send)
            await pair.far.close()

    heard: list[Any] = []
    sent: list[str] = []
    asyncio.run(run())
    assert heard == [{"type": "websocket.disconnect", "code": 1001}]
    assert sent == ["websocket.accept", "websocket.send"]

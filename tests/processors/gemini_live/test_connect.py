"""Links over real WebSockets on loopback: what arrives, how refusals and ends are told, and no key in the logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from livegraph.liveapi.link import Link, LinkClosed, ReceiptLink
from livegraph.pipeline import ServiceError
from livegraph.processors.gemini_live.connect import WebSocketConnector

PATH = "/ws/service.BidiGenerateContent"
KEY = "AIza-very-secret-key-0123456789"


def with_server(
    handle: Callable[[ServerConnection], Awaitable[None]],
    client: Callable[[WebSocketConnector], Awaitable[None]],
    *,
    refuse: HTTPStatus | None = None,
) -> None:
    def check(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(refuse, "no\n") if refuse is not None else None

    async def main() -> None:
        async with serve(handle, "127.0.0.1", 0, process_request=check) as server:
            port = server.sockets[0].getsockname()[1]
            async with asyncio.timeout(10):
                await client(WebSocketConnector(f"ws://127.0.0.1:{port}/", "the test server"))

    asyncio.run(main())


@pytest.mark.leaks
def test_messages_both_ways_and_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Text stays text, bytes stay bytes, large messages pass; the key goes to the server and into no log."""
    seen: dict[str, str] = {}

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen["path"], seen["key"] = socket.request.path, socket.request.headers["x-goog-api-key"]
        seen["message"] = str(await socket.recv())
        await socket.send(b"x" * 3_000_000)
        await socket.close(1011, "Internal error encountered.")

    async def client(connector: WebSocketConnector) -> None:
        link: Link = await connector.connect(PATH, {"x-goog-api-key": KEY})
        await link.send('{"setup":{}}')
        assert await link.recv() == b"x" * 3_000_000
        for _ in range(2):
            with pytest.raises(LinkClosed) as closed:
                await link.recv()
            assert (closed.value.code, closed.value.reason) == (1011, "Internal error encountered.")
        with pytest.raises(LinkClosed):
            await link.send("late")
        await link.close()

    with caplog.at_level(logging.DEBUG):
        # The test's own server shares the process; only the client's side must keep the key to itself.
        logging.getLogger("websockets.server").setLevel(logging.INFO)
        with_server(handle, client)
    assert seen == {"path": PATH, "key": KEY, "message": '{"setup":{}}'}
    assert KEY not in caplog.text


def test_a_connection_that_breaks_is_1006() -> None:
    """On either side's abort."""

    async def handle(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.abort()

    async def client(connector: WebSocketConnector) -> None:
        link = await connector.connect(PATH, {})
        await link.send("bye")
        with pytest.raises(LinkClosed) as closed:
            await link.recv()
        assert closed.value.code == 1006
        other = await connector.connect(PATH, {})
        other.abort()
        with pytest.raises(LinkClosed) as closed:
            await other.recv()
        assert closed.value.code == 1006

    with_server(handle, client)


async def _nothing(_: ServerConnection) -> None:
    """Never reached."""


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE])
def test_a_refused_upgrade_tells_the_status(status: HTTPStatus) -> None:
    """For the session to judge."""

    async def client(connector: WebSocketConnector) -> None:
        with pytest.raises(ServiceError) as failed:
            await connector.connect(PATH, {"x-goog-api-key": KEY})
        assert failed.value.code == status and KEY not in str(failed.value)

    with_server(_nothing, client, refuse=status)


def test_nobody_there() -> None:
    """A refused TCP connection is a lost one, in words."""

    async def main() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(LinkClosed) as closed:
            await WebSocketConnector(f"ws://127.0.0.1:{port}", "x").connect(PATH, {})
        assert closed.value.code == 1006 and "refused" in closed.value.reason.lower()
        with pytest.raises(ServiceError, match="option url"):
            await WebSocketConnector("no-url", "x").connect(PATH, {})

    asyncio.run(main())


def test_a_pong_tells_what_has_arrived() -> None:
    """All that was sent before its ping; and the answer to our goodbye tells that everything has."""
    read: list[str] = []

    async def handle(socket: ServerConnection) -> None:
        async for message in socket:
            read.append(str(message))

    async def client(connector: WebSocketConnector) -> None:
        link = await connector.connect(PATH, {})
        assert isinstance(link, ReceiptLink) and not link.exact
        for number in range(3):
            await link.send(str(number))
        assert link.received == 0
        await link.probe()
        assert link.received == 3
        await link.send("3")
        await link.close()
        assert link.received == 4
        with pytest.raises(LinkClosed):
            await link.probe()
        broken = await connector.connect(PATH, {})
        assert isinstance(broken, ReceiptLink)
        await broken.send("4")
        broken.abort()
        with pytest.raises(LinkClosed):
            await broken.probe()
        assert broken.received == 0

    with_server(handle, client)
    assert read[:4] == ["0", "1", "2", "3"]


def test_a_connection_that_is_dropped_at_once_is_lost() -> None:
    """Before it was a WebSocket at all: a proxy, a server that is starting."""

    async def main() -> None:
        async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        async with await asyncio.start_server(drop, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(LinkClosed) as closed:
                await WebSocketConnector(f"ws://127.0.0.1:{port}", "x").connect(PATH, {})
            assert closed.value.code == 1006

    asyncio.run(main())


def test_a_server_that_does_not_read_makes_the_sender_wait() -> None:
    """What is sent is not piled up in memory, and it all arrives in order once the server reads again."""
    read = asyncio.Event()
    got: list[str | bytes] = []

    async def handle(connection: ServerConnection) -> None:
        await read.wait()
        async for message in connection:
            got.append(message)

    async def client(connector: WebSocketConnector) -> None:
        link = await connector.connect(PATH, {})
        sent = 0

        async def send_all() -> None:
            nonlocal sent
            for number in range(300):
                await link.send(f"{number} " + "x" * 100_000)
                sent += 1

        sending = asyncio.create_task(send_all())
        done, _ = await asyncio.wait({sending}, timeout=0.5)
        assert not done and sent < 250
        read.set()
        await sending
        await link.close()
        while len(got) < 300:
            await asyncio.sleep(0.01)
        assert [int(str(message).split()[0]) for message in got] == list(range(300))

    with_server(handle, client)

"""Connections that cost more than they say: pieces of nothing, answers that nobody takes, silence in great number."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h11
import pytest

from livegraph.cli.web import Front, Patience, WebServer
from livegraph.server.pool.process import fastest_loop
from livegraph.server.tls import self_signed
from support.clients import echo
from support.web import Web, serving

HOST = b"Host: 127.0.0.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
OFFER = b"POST /api/offer HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n" + CHUNKED
SOCKET = (
    b"GET /ws HTTP/1.1\r\n"
    + HOST
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MANY = 60_000


def as_served(attack: Coroutine[Any, Any, None]) -> None:
    """Run it on the loop that the command serves with, whose transports are not asyncio's."""
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(attack)


@asynccontextmanager
async def connected(
    web: Web, port: int = 0
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the server, closed behind the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port or web.port)
    try:
        async with asyncio.timeout(60):
            yield reader, writer
    finally:
        writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server has closed."""
    found = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            found += piece
    return found


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the operator was told that is not about a machine with too much to do."""
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return [text for text in said if not text.startswith("the event loop is blocked")]


@pytest.mark.parametrize("path", [b"/api/offer", b"/api/agents", b"/whip/echo", b"/start", b"/"])
def test_a_body_in_pieces_of_a_byte_is_not_read(
    path: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smallest bodies would cost the most: after so many pieces the connection ends, whatever route it is for."""
    read = 0
    next_event = h11.Connection.next_event

    def counted(connection: h11.Connection) -> Any:
        nonlocal read
        event = next_event(connection)
        read += isinstance(event, h11.Data)
        return event

    monkeypatch.setattr(h11.Connection, "next_event", counted)

    async def run() -> None:
        async with serving([echo()]) as web, connected(web) as (reader, writer):
            writer.write(OFFER.replace(b"/api/offer", path) + b"1\r\nx\r\n" * MANY)
            reply = await rest(reader)
            # What had its answer before is hung up on.
            assert reply == b"" or reply.startswith(b"HTTP/1.1 4"), reply[:100]
            assert (await web.ask("GET", "/healthz")).status == 200

    as_served(run())
    assert 0 < read < MANY // 10
    assert warned(caplog) == []


def test_what_follows_a_refusal_makes_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A body that goes wrong behind its answer ends the connection; the log has nothing of it."""

    async def run() -> None:
        async with serving([echo()]) as web:
            for garbage in (b"ZZZ\r\n\r\n", b"1\r\nxx\r\n", b"5\r\nab", b"1\r\nx\r\n" * MANY):
                async with connected(web) as (reader, writer):
                    writer.write(OFFER.replace(b"/api/offer", b"/api/agents"))
                    assert (await reader.readline()).startswith(b"HTTP/1.1 405")
                    writer.write(garbage)
                    writer.write_eof()
                    await rest(reader)

    as_served(run())
    assert warned(caplog) == []


@pytest.mark.parametrize(
    ("first", "each"),
    [(b"\x01\x80", b"\x00\x80"), (b"", b"\x89\x80"), (b"", b"\x8a\x80"), (b"\x01\x81", b"\x00\x81")],
    ids=["pieces of nothing", "pings", "pongs", "pieces of a byte"],
)
def test_frames_without_number_end_their_socket(
    first: bytes, each: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Each costs as much to read as one with sound in it, and none is a message that somebody would count."""
    key = bytes(4)

    def frame(head: bytes) -> bytes:
        return head + key + b"x" * (head[1] & 0x7F)

    async def run() -> None:
        async with serving([echo()]) as web, connected(web) as (reader, writer):
            writer.write(SOCKET)
            assert b" 101 " in await reader.readline()
            writer.write((frame(first) if first else b"") + frame(each) * MANY)
            # Closed, long before it would have been asked what it wants.
            assert b"too many frames" in await rest(reader)

    as_served(run())
    assert warned(caplog) == []


def test_whoever_asks_and_never_reads_is_cut_off() -> None:
    """Answers that nobody takes hold neither memory nor a place for ever."""

    async def run() -> None:
        async with serving([echo()], patience=Patience(taken_s=0.3)) as web:
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                deaf.connect(("127.0.0.1", web.port))
                deaf.setblocking(False)
                with suppress(BlockingIOError):
                    # More than the two kernels keep between them.
                    deaf.send((b"GET /client.js HTTP/1.1\r\n" + HOST + b"\r\n") * 500)
                connections = web.server.server_state.connections
                async with asyncio.timeout(60):
                    while not connections:
                        await asyncio.sleep(0.01)
                    while connections:
                        await asyncio.sleep(0.01)

    as_served(run())


def test_silence_makes_room_for_whoever_speaks() -> None:
    """Of connections that say nothing only so many are kept: the oldest go, and who asks is answered."""

    async def run() -> None:
        async with serving([echo()], patience=Patience(most_silent=4)) as web:
            silent = [await asyncio.open_connection("127.0.0.1", web.port) for _ in range(12)]
            async with asyncio.timeout(60):
                for reader, _ in silent[:8]:
                    assert await rest(reader) == b""
            assert (await web.ask("GET", "/healthz")).status == 200
            assert not silent[-1][0].at_eof()
            for _, writer in silent:
                writer.close()

    as_served(run())


def test_a_handshake_of_tls_ends_in_time(tmp_path: Path) -> None:
    """Half of one, or nothing, is a connection that nobody sees yet: it is closed all the same."""
    cert, key = self_signed(tmp_path / "https", ["127.0.0.1"], datetime.now(UTC))

    async def run() -> None:
        async with serving([echo()]) as web:
            listening = asyncio.Event()
            with socket.create_server(("127.0.0.1", 0)) as listener:
                server = WebServer(
                    web.server.config.app,  # type: ignore[arg-type]  # uvicorn takes more than applications
                    listening.set,
                    grace_s=1,
                    front=Front(cert, key),
                    patience=Patience(secure_s=0.3),
                )
                task = asyncio.create_task(server.serve(sockets=[listener]))
                await listening.wait()
                port = listener.getsockname()[1]
                for said in (b"", b"\x16\x03\x01\x02\x00"):
                    async with connected(web, port) as (reader, writer):
                        writer.write(said)
                        assert await rest(reader) == b""
                server.should_exit = True
                await task

    as_served(run())

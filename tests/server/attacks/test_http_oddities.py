"""Requests that are none, or two at once, or for something else: answered in a line, and the log stays empty."""

from __future__ import annotations

import asyncio
import logging

import pytest

from livegraph.pipeline import Graph
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server.calls import ServedAgent
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import serving

HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def agent() -> ServedAgent:
    """Says back what it hears."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent("echo", make_plan(graph))


ODD = {
    "nothing of HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "two lengths": b"POST /api/offer HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}{",
    "a length below nothing": b"POST /api/offer HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "a path that is none": b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a proxy's request": b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "an echo": b"TRACE / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "an upgrade": b"GET /ws/nothing HTTP/1.0\r\n" + HOST + UPGRADE + b"\r\n",
    "a foreign page's upgrade": b"GET /ws/echo HTTP/1.0\r\n"
    + HOST
    + UPGRADE
    + b"Origin: https://evil.example\r\n\r\n",
}


async def answered(port: int, request: bytes) -> bytes:
    """All that comes back until the connection is closed, or nothing more comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = b""
    try:
        async with asyncio.timeout(3):
            while piece := await reader.read(65_536):
                found += piece
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return found


def test_odd_requests_are_refused_and_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """None is carried out, none makes a traceback or a 500, and a stranger cannot fill the operator's log."""

    async def run() -> None:
        async with serving([agent()]) as web:
            for what, request in ODD.items():
                reply = await answered(web.port, request)
                assert reply.startswith(b"HTTP/1.1 4"), (what, reply[:200])
                assert b"Traceback" not in reply and b"101 Switching" not in reply, what
            assert web.desk.active == 0

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


LENGTH, CHUNKED = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("heads", [LENGTH + CHUNKED, CHUNKED + LENGTH])
def test_a_request_in_a_request_is_not_read(heads: bytes) -> None:
    """One that says twice how long it is ends its connection: what is hidden behind it is nobody's request."""
    hidden = b"GET /api/agents HTTP/1.1\r\n" + HOST + b"\r\n"
    offer = b"POST /api/offer HTTP/1.1\r\n" + HOST + heads + b"Content-Type: application/json\r\n\r\n"

    async def run() -> None:
        async with serving([agent()]) as web:
            reply = await answered(web.port, offer + b"0\r\n\r\n" + hidden)
            assert reply.count(b"HTTP/1.1 ") == 1
            assert reply.startswith(b"HTTP/1.1 400")
            assert b"agents" not in reply

    asyncio.run(run())

"""What we take of httpx and of its copy in the MCP package holds: the pool of a transport is the one that connects."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest

from livegraph.processors.tools.http.guarded import CannotCall, guarded_transport
from livegraph.processors.tools.http.hosts import HostPolicy

PAIRS = [("httpx", "httpcore"), ("httpx2", "httpcore2")]
HERE = HostPolicy(("*",), ("127.0.0.1",))


@pytest.fixture(params=PAIRS, ids="/".join)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A client library and what it stands on."""
    client, core = request.param
    return import_module(client), import_module(core)


@asynccontextmanager
async def service() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Says hello on loopback, and keeps the heads of what it is asked."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


def test_a_transport_has_the_pool_that_we_replace(pair: tuple[Any, Any]) -> None:
    """Of this name and this class, in the version that is installed: else nothing would be judged."""
    httpx, httpcore = pair
    plain, ours = httpx.AsyncHTTPTransport(), guarded_transport(httpx, httpcore, HERE)
    assert type(plain._pool) is type(ours._pool) is httpcore.AsyncConnectionPool
    assert type(ours._pool._network_backend).__name__ == "Guarded"
    assert hasattr(plain._pool, "_network_backend")


def test_what_is_let_pass_is_reached(pair: tuple[Any, Any]) -> None:
    """By the address that was judged, under the name that was asked for."""
    httpx, httpcore = pair

    async def run() -> None:
        async with service() as (port, heads):
            transport = guarded_transport(httpx, httpcore, HERE)
            async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
                assert (await client.get(f"http://localhost:{port}/x")).text == "hello"
            assert f"host: localhost:{port}".encode() in heads[0].lower()

    asyncio.run(run())


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["169.254.169.254"], ["10.0.0.1", "127.0.0.1"], ["::ffff:127.0.0.1"], []],
)
def test_what_is_not_is_never_connected_to(
    pair: tuple[Any, Any], addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that means a machine of the house is refused after the look-up, with the error that was asked for."""
    httpx, httpcore = pair

    async def run() -> None:
        async with service() as (port, heads):

            async def found(*_: object, **__: object) -> list[Any]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
            for fault, expected in (
                (lambda error: error, CannotCall),
                (lambda _: httpcore.ConnectError("no"), httpx.ConnectError),
            ):
                transport = guarded_transport(httpx, httpcore, HostPolicy(("*",)), fault=fault)
                async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
                    with pytest.raises(expected):
                        await client.get(f"http://rebound.example:{port}/")
            assert heads == []

    asyncio.run(run())


def test_the_next_address_is_tried(pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several that may be called, one that does not answer is passed over."""
    httpx, httpcore = pair

    async def run() -> None:
        async with service() as (port, _):

            async def found(*_: object, **__: object) -> list[Any]:
                # Nobody listens on the first.
                return [
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                    for one in ("127.0.0.2", "127.0.0.1")
                ]

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
            transport = guarded_transport(httpx, httpcore, HostPolicy(("*",), ("127.0.0.0/8",)))
            async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
                assert (await client.get(f"http://two.example:{port}/")).text == "hello"

    asyncio.run(run())

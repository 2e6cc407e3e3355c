"""How an MCP server is reached: a command whose end is noticed, or an address that is judged like every other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from ..http.client import CannotCall, look_up
from ..http.hosts import HostPolicy

__all__ = ["by_address", "by_command"]

_CONNECT_S = 10.0


@asynccontextmanager
async def by_command(parameters: Any, ended: asyncio.Event) -> AsyncGenerator[tuple[Any, Any]]:
    """The streams to a process that this starts, and ends; ``ended`` is set when it ends by itself."""
    import anyio
    from mcp.client.stdio import stdio_client

    async with stdio_client(parameters) as (read, write):
        inward, outward = anyio.create_memory_object_stream[Any](0)

        async def forward() -> None:
            async with inward:
                async for message in read:
                    await inward.send(message)
            ended.set()

        async with anyio.create_task_group() as group, outward:
            group.start_soon(forward)
            try:
                yield outward, write
            finally:
                group.cancel_scope.cancel()


def by_address(
    url: str, headers: dict[str, str], policy: HostPolicy
) -> tuple[AbstractAsyncContextManager[Any], AbstractAsyncContextManager[tuple[Any, Any]]]:
    """The client and the streams to a server by streamable HTTP; only what ``policy`` lets pass is connected to."""
    import httpcore2
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    class Guarded(httpcore2.AsyncNetworkBackend):
        """Connects to addresses that the policy lets pass."""

        def __init__(self) -> None:
            self._inner = httpcore2.AnyIOBackend()

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own signature
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore2.AsyncNetworkStream:
            try:
                addresses = await look_up(host, port)
            except CannotCall as error:
                raise httpcore2.ConnectError(str(error)) from None
            refusals = [policy.refuse_address(address, host) for address in addresses]
            allowed = [address for address, why in zip(addresses, refusals, strict=True) if not why]
            if not allowed:
                raise httpcore2.ConnectError(f"not called: {refusals[0]}")
            for address in allowed[:-1]:
                try:
                    return await self._inner.connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                    continue
            return await self._inner.connect_tcp(allowed[-1], port, timeout, local_address, socket_options)

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    transport = httpx2.AsyncHTTPTransport()
    transport._pool = httpcore2.AsyncConnectionPool(
        ssl_context=httpx2.create_ssl_context(), network_backend=Guarded()
    )
    client = httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        headers=headers,
        timeout=httpx2.Timeout(30.0, connect=_CONNECT_S, read=300.0),
    )
    return client, streamable_http_client(url, http_client=client)

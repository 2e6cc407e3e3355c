"""How an MCP server is reached: a command whose end is noticed, or an address that is judged like every other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from ..http.guarded import guarded_transport
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

    transport = guarded_transport(
        httpx2, httpcore2, policy, fault=lambda error: httpcore2.ConnectError(str(error))
    )
    client = httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        headers=headers,
        timeout=httpx2.Timeout(30.0, connect=_CONNECT_S, read=300.0),
    )
    return client, streamable_http_client(url, http_client=client)

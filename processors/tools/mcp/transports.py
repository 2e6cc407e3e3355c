"""How an MCP server is reached: a command whose end is noticed, or an address that is judged like every other."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TextIO

from ....pipeline.clock import VirtualLoop
from ..http.guarded import guarded_transport
from ..http.hosts import HostPolicy
from .virtual_stdio import by_command_on_virtual_time

__all__ = ["by_address", "by_command"]

_CONNECT_S = 10.0


@asynccontextmanager
async def by_command(parameters: Any, ended: asyncio.Event) -> AsyncGenerator[tuple[Any, Any]]:
    """The streams to a process that this starts, and ends; ``ended`` is set when it ends by itself."""
    import anyio
    from mcp.client.stdio import stdio_client

    async with AsyncExitStack() as stack:
        # Not the package's own default: it is what stderr was when the package was loaded.
        said = stack.enter_context(_stderr())
        virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
        transport = (
            by_command_on_virtual_time(parameters, said) if virtual else stdio_client(parameters, errlog=said)
        )
        read, write = await stack.enter_async_context(transport)
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


@contextmanager
def _stderr() -> Iterator[TextIO]:
    """Where a server's own words go: to ours, and nowhere where that is no file (a notebook, a test)."""
    found = next((stream for stream in (sys.stderr, sys.__stderr__) if _is_file(stream)), None)
    if found is not None:
        yield found
        return
    with Path(os.devnull).open("w") as nowhere:
        yield nowhere


def _is_file(stream: TextIO | None) -> bool:
    """Whether a process can be given it."""
    try:
        return stream is not None and stream.fileno() >= 0
    except (OSError, ValueError):
        # It has none, or it is closed.
        return False


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

"""Following a server's list of tools, where its protocol tells changes only to who asks for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["listening"]

_HEARD_WITHIN_S = 2.0
"""So long a start waits for a server to say that it will tell."""
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Before each new subscription after one that was lost, the last again and again."""


@asynccontextmanager
async def listening(client: Any, relist: Callable[[], None]) -> AsyncIterator[None]:
    """``relist`` is called for each change of the tools of ``client``, a connected one, for as long as this lasts.

    It begins when the server has said that it will tell: a list that is read within misses no change. Of a server that
    takes longer to say it, or whose subscription was lost, the list is to be read again once it tells (subscriptions
    replay nothing: Model Context Protocol 2026-07-28, ``subscriptions/listen``).
    """
    heard = asyncio.Event()
    following = asyncio.create_task(_follow(client, relist, heard), name="MCP changes")
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD_WITHIN_S):
                await heard.wait()
        heard.set()
        yield
    finally:
        following.cancel()
        await asyncio.wait({following})


async def _follow(client: Any, relist: Callable[[], None], heard: asyncio.Event) -> None:
    """Set ``heard`` when the server tells its changes, or will never."""
    from mcp import MCPError
    from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

    lost = 0
    try:
        tools = client.server_capabilities.tools
        while tools is not None and tools.list_changed:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    if heard.is_set():
                        relist()
                    heard.set()
                    async for _ in changes:
                        lost = 0
                        relist()
            except (ListenNotSupportedError, MCPError):
                # It is an older one, or takes no subscriptions, or is not there any more: then it is started again.
                return
            except (SubscriptionLost, TimeoutError):
                pass
            heard.set()
            await asyncio.sleep(_PAUSES_S[min(lost, len(_PAUSES_S) - 1)])
            lost += 1
    finally:
        heard.set()

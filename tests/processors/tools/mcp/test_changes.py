"""Following a server's list of tools: nothing that changes between a list and a subscription is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from mcp import MCPError
from mcp.client.subscriptions import SubscriptionLost

from livegraph.pipeline import SECOND, run_virtual
from livegraph.processors.tools.mcp.changes import listening
from livegraph.processors.tools.mcp.server import McpServer


class Client:
    """A connected client whose subscriptions begin, tell and end when the test says."""

    def __init__(self, *, tells: bool = True) -> None:
        self.server_capabilities = SimpleNamespace(tools=SimpleNamespace(list_changed=tells))
        self.subscriptions = 0
        self.acknowledged = asyncio.Event()
        self.said: asyncio.Queue[object] = asyncio.Queue()
        self.refuses: Exception | None = None

    @asynccontextmanager
    async def listen(self, *, tools_list_changed: bool) -> AsyncIterator[Any]:
        assert tools_list_changed
        self.subscriptions += 1
        await self.acknowledged.wait()
        if self.refuses is not None:
            raise self.refuses
        yield self._changes()

    async def _changes(self) -> AsyncIterator[object]:
        while (change := await self.said.get()) != "the end":
            if isinstance(change, Exception):
                raise change
            yield change


def test_the_list_is_read_after_the_server_has_said_that_it_tells() -> None:
    """What changes from then on is told, so a list that is read within misses nothing."""

    async def main() -> None:
        client, relisted = Client(), []
        asyncio.get_running_loop().call_later(1.0, client.acknowledged.set)
        async with listening(client, lambda: relisted.append(1)):
            assert client.acknowledged.is_set()
            assert not relisted
            client.said.put_nowait("a change")
            await asyncio.sleep(0.1)
            assert relisted == [1]

    run_virtual(main())


def test_a_server_that_takes_long_is_not_waited_for_and_its_list_is_read_again() -> None:
    """It may have changed before the server began to tell."""

    async def main() -> None:
        client, relisted = Client(), []
        asyncio.get_running_loop().call_later(30.0, client.acknowledged.set)
        async with listening(client, lambda: relisted.append(1)):
            assert not client.acknowledged.is_set()
            await asyncio.sleep(29)
            assert relisted == [1]

    run_virtual(main())


@pytest.mark.parametrize("end", ["the end", SubscriptionLost("gone")], ids=["ended", "lost"])
def test_a_subscription_that_ends_is_made_again_and_the_list_read_again(end: object) -> None:
    """Nothing is replayed: what changed meanwhile shows in the list alone."""

    async def main() -> None:
        client, relisted = Client(), []
        client.acknowledged.set()
        async with listening(client, lambda: relisted.append(1)):
            for again in (1, 2, 3):
                client.said.put_nowait(end)
                await asyncio.sleep(20)
                assert (client.subscriptions, len(relisted)) == (1 + again, again)

    run_virtual(main())


def test_a_server_that_never_tells_is_asked_once_or_not_at_all() -> None:
    """By what it can do, or by what it answers."""

    async def main() -> None:
        silent = Client(tells=False)
        async with listening(silent, lambda: None):
            assert silent.subscriptions == 0
        refusing = Client()
        refusing.acknowledged.set()
        refusing.refuses = MCPError(-32601, "no such method")
        async with listening(refusing, lambda: None):
            await asyncio.sleep(600)
            assert refusing.subscriptions == 1

    run_virtual(main())


def test_a_server_that_breaks_while_it_is_taken_down_is_not_started_again() -> None:
    """What goes wrong then takes the place of the cancellation: nobody uses the server any more all the same."""
    started = 0

    async def listed(**_: object) -> SimpleNamespace:
        return SimpleNamespace(tools=[], next_cursor=None)

    async def connect(stack: AsyncExitStack, died: asyncio.Event, relist: Callable[[], None]) -> Any:
        nonlocal started
        started += 1

        async def broken() -> None:
            raise BrokenPipeError

        stack.push_async_callback(broken)
        return SimpleNamespace(list_tools=listed)

    async def main() -> None:
        server = McpServer("kitchen", connect, 10 * SECOND, lambda state, why: None, str)
        await server.join(nothing, 5 * SECOND)
        assert server.up
        await asyncio.wait_for(server.leave(nothing), 1.0)
        await asyncio.sleep(600)
        assert started == 1

    def nothing() -> None:
        """Nobody is told."""

    run_virtual(main())

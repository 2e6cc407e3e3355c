"""A network that can break: TCP passed on to a server, until it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Relay", "relaying"]


class Relay:
    """``port`` leads to the server. ``connections`` counts those that were made."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection off, on both sides, with no goodbye; new ones can be made."""
        for writer in self._writers:
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        self.connections += 1
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
        ends = {writer, there}
        self._writers |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass(reader, there))
                group.create_task(_pass(there_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        # Cut; the other direction learns of it by its own end.
        pass
    writer.close()


@asynccontextmanager
async def relaying(target: int) -> AsyncIterator[Relay]:
    """A relay to ``target`` on loopback, while the block lasts."""
    relay = Relay(target)
    serving: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        await relay.accept(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()

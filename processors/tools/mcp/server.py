"""One MCP server: started, asked for its tools, called, restarted when it dies; for one call or for all of a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from ....pipeline.clock import clock_of_loop
from ....pipeline.units import SECOND

__all__ = ["Connected", "McpServer", "ServerDown"]

logger = logging.getLogger("livegraph.tools.mcp")

_PAUSES_NS = (0, 1 * SECOND, 2 * SECOND, 5 * SECOND, 15 * SECOND, 60 * SECOND)
"""Before each start after a failure, the last again and again."""
_WELL_AFTER_NS = 60 * SECOND
"""Who has lived for so long has not died at its start."""
_MOST_PAGES = 20
_MOST_TOOLS = 256


class ServerDown(Exception):
    """The server is not there now."""


Connected = Callable[[AsyncExitStack, asyncio.Event, Callable[[], None]], Awaitable[Any]]
"""Makes a connected client of the official package on a stack; is given what to set when it dies, and to call when
its tools change."""


class McpServer:
    """Keeps one server alive while anybody uses it.

    Args:
        name: what it is called in logs and errors.
        connect: makes a client.
        start_within_ns: the deadline of a start.
        told: is told ``up`` or ``down``, and why.
        hide: takes keys out of what is told.
    """

    def __init__(
        self,
        name: str,
        connect: Connected,
        start_within_ns: int,
        told: Callable[[str, str], None],
        hide: Callable[[str], str],
    ) -> None:
        self.name = name
        self.tools: list[Any] = []
        """As the server tells them, ``mcp.types.Tool``."""
        self.under_way: list[Any] = []
        """Calls of its tools that have not answered."""
        self.starts = 0
        self.why = ""
        """Why it is not there, when it is not."""
        self._connect = connect
        self._start_within_ns = start_within_ns
        self._told, self._hide = told, hide
        self._clock = clock_of_loop()
        self._client: Any = None
        self._users = 0
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._tried = asyncio.Event()
        """Set when a start has ended, well or not."""
        self._died = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def up(self) -> bool:
        """Whether it can be called now."""
        return self._up.is_set()

    async def join(self, changed: Callable[[], None], within_ns: int) -> None:
        """Use it from now on; ``changed`` is called when it has other tools.

        Returns when it is up, or has failed to start, or after ``within_ns``: then it may come later.
        """
        self.use(changed)
        try:
            async with asyncio.timeout(within_ns / SECOND):
                await self._tried.wait()
        except TimeoutError:
            logger.warning("MCP server %s takes long to start: the call goes on without its tools", self.name)

    def use(self, changed: Callable[[], None]) -> None:
        """The same, without waiting for it."""
        self._users += 1
        self._listeners.append(changed)
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep(), name=f"MCP server {self.name}")

    async def leave(self, changed: Callable[[], None]) -> None:
        """Use it no more; the last one to leave ends it."""
        self._users -= 1
        self._listeners.remove(changed)
        keeper = self._keeper
        if self._users or keeper is None:
            return
        self._keeper = None
        keeper.cancel()
        await asyncio.wait({keeper})
        if not keeper.cancelled() and (error := keeper.exception()) is not None:
            logger.error("MCP server %s: the end of it failed: %s", self.name, type(error).__name__)

    async def client(self) -> Any:
        """The client of a server that is up, waiting for one that is being started. Raises ``ServerDown``."""
        if not self.up:
            if self.why:
                raise ServerDown(self.why)
            await self._up.wait()
        return self._client

    def lost(self) -> None:
        """A call has found that nobody is there."""
        self._up.clear()
        self._died.set()

    async def _keep(self) -> None:
        failed = 0
        while True:
            await self._clock.sleep_until_ns(
                self._clock.now_ns() + _PAUSES_NS[min(failed, len(_PAUSES_NS) - 1)]
            )
            began_ns = self._clock.now_ns()
            self._died = asyncio.Event()
            try:
                await self._live()
                why = "it has ended"
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                # Foreign code on both sides: whatever comes of it, the server is down, and it is said once. Where the
                # last user has gone, what went wrong while it was taken down has replaced the cancellation.
                if self._keeper is not asyncio.current_task():
                    raise asyncio.CancelledError from error
                why = self._hide(_told(error))
            finally:
                self._up.clear()
                self._client = None
            failed = 1 if self._clock.now_ns() - began_ns > _WELL_AFTER_NS else failed + 1
            self.why = why if failed > 1 else ""
            self._tried.set()
            self._told("down", why)
            logger.warning("MCP server %s is down (%s): it is started again", self.name, why)

    async def _live(self) -> None:
        """From its start to its end."""
        async with AsyncExitStack() as stack:
            relist = asyncio.Event()
            async with asyncio.timeout(self._start_within_ns / SECOND):
                self._client = await self._connect(stack, self._died, relist.set)
                before, self.tools = self.tools, await self._listed()
            self.starts += 1
            self.why = ""
            self._up.set()
            self._tried.set()
            self._told("up", "")
            logger.info("MCP server %s is up: %d tools", self.name, len(self.tools))
            if self.starts > 1 or _names(before) != _names(self.tools):
                self._tell()
            while not self._died.is_set():
                waits = [asyncio.ensure_future(event.wait()) for event in (self._died, relist)]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in waits:
                        one.cancel()
                    await asyncio.wait(waits)
                if relist.is_set() and not self._died.is_set():
                    relist.clear()
                    async with asyncio.timeout(self._start_within_ns / SECOND):
                        self.tools = await self._listed()
                    logger.info("MCP server %s has other tools: %d", self.name, len(self.tools))
                    self._tell()

    async def _listed(self) -> list[Any]:
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._client.list_tools(cursor=cursor, cache_mode="bypass")
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) >= _MOST_TOOLS:
                break
        return found[:_MOST_TOOLS]

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


def _names(tools: Sequence[Any]) -> list[str]:
    return [tool.name for tool in tools]


def _told(error: BaseException) -> str:
    """What went wrong, in one line."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    with contextlib.suppress(Exception):
        said = " ".join(str(error).split())[:200]
        return f"{type(error).__name__}: {said}" if said else type(error).__name__
    return type(error).__name__

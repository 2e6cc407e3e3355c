"""What happens once in a peer's life, for those who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...pipeline.errors import TransportError

__all__ = ["Milestones"]


class Milestones:
    """Reached, connected, over and closed, in this order; the first two may never come. For one event loop."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._reached: asyncio.Future[str] = loop.create_future()
        self._connected: asyncio.Future[str] = loop.create_future()
        self._over: asyncio.Future[str] = loop.create_future()
        self._closed: asyncio.Future[str] = loop.create_future()

    # What has happened ---------------------------------------------------------------------------

    @property
    def was_connected(self) -> bool:
        """Whether it has been connected."""
        return self._connected.done()

    @property
    def is_over(self) -> bool:
        """Whether it has begun to close."""
        return self._over.done()

    @property
    def why_over(self) -> str:
        """The reason, once it is over."""
        return self._over.result()

    @property
    def why_closed(self) -> str:
        """The reason, once it is closed; empty before."""
        return self._closed.result() if self._closed.done() else ""

    async def reached(self) -> None:
        """Return when it has been reached. Raises ``TransportError`` when it closed instead."""
        await self._before_closed(self._reached)

    async def connected(self) -> None:
        """Return when it is connected. Raises ``TransportError`` when it closed instead."""
        await self._before_closed(self._connected)

    async def over(self, within_s: float) -> bool:
        """Whether it is over, or will be within this time."""
        await asyncio.wait({self._over}, timeout=within_s)
        return self._over.done()

    async def closed(self) -> str:
        """Return when it is closed, with the reason."""
        return await asyncio.shield(self._closed)

    async def before_closed(self, coming: Coroutine[Any, Any, object]) -> None:
        """Return when ``coming`` has. Raises ``TransportError`` when it closed first, or closes instead."""
        task = asyncio.ensure_future(coming)
        either: set[asyncio.Future[Any]] = {task, self._over}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise TransportError(self.why_over)
        finally:
            task.cancel()

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with the reason as soon as it is over; returns what takes it back."""

        def tell(over: asyncio.Future[str]) -> None:
            listener(over.result())

        def take_back() -> None:
            self._over.remove_done_callback(tell)

        self._over.add_done_callback(tell)
        return take_back

    # What happens; the first time counts -----------------------------------------------------------

    def reach(self) -> None:
        """It has been reached."""
        _happen(self._reached, "")

    def connect(self) -> None:
        """It is connected."""
        _happen(self._connected, "")

    def end(self, reason: str) -> None:
        """It is over."""
        _happen(self._over, reason)

    def close(self) -> None:
        """It is closed, for the reason for which it was over."""
        _happen(self._closed, self._over.result())

    async def _before_closed(self, fact: asyncio.Future[str]) -> None:
        await asyncio.wait({fact, self._closed}, return_when=asyncio.FIRST_COMPLETED)
        if not fact.done():
            raise TransportError(self.why_closed)


def _happen(fact: asyncio.Future[str], what: str) -> None:
    if not fact.done():
        fact.set_result(what)

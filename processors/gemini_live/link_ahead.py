"""A connection that is opened before its call begins: TCP, TLS and upgrade, but no session, which is what costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...liveapi.link import Link, LinkClosed
from ...pipeline.errors import ServiceError
from .endpoint import Endpoint

__all__ = ["LinkAhead"]


class LinkAhead:
    """One connection on its way, for whoever takes it first."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._opening = asyncio.create_task(self._open(), name="gemini_live.ahead")
        self._taken = False

    @classmethod
    @asynccontextmanager
    async def opening(cls, endpoint: Endpoint | None) -> AsyncIterator[LinkAhead | None]:
        """While the block runs it may be taken; one that nobody took is closed. Without an endpoint there is none."""
        if endpoint is None:
            yield None
            return
        made = cls(endpoint)
        try:
            yield made
        finally:
            await made._close()

    async def connect(self, endpoint: Endpoint) -> Link:
        """The connection where it leads to ``endpoint``, once; else a fresh one. Raises as ``Endpoint.connect``."""
        if self._endpoint.is_same(endpoint) and (link := await self._take()) is not None:
            endpoint.learn(self._endpoint)
            return link
        return await endpoint.connect()

    async def _take(self) -> Link | None:
        link = await asyncio.shield(self._opening)
        taken, self._taken = self._taken, True
        return None if taken else link

    async def _open(self) -> Link | None:
        try:
            return await self._endpoint.connect()
        except (LinkClosed, ServiceError):
            # Whoever begins the call meets it as well, and tells it.
            return None

    async def _close(self) -> None:
        self._opening.cancel()
        await asyncio.wait({self._opening})
        if self._taken or self._opening.cancelled():
            return
        link = self._opening.result()
        if link is not None:
            # No session was asked for: there is nobody to say goodbye to.
            link.abort()

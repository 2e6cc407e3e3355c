"""Sentences made ready in the voice of one session: each is fetched once, whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ...liveapi.models import ModelCapabilities
from ...pipeline.clock import Clock
from .answers.fallback import FallbackLine
from .handshake import Handshake
from .session.connecting import Wire

__all__ = ["LineFetcher"]


class LineFetcher:
    """Of one session in one call; ``wire`` is set when it has one."""

    def __init__(self, clock: Clock, can: ModelCapabilities, handshake: Handshake) -> None:
        self._clock, self._handshake = clock, handshake
        self._by_text = can.client_content != "any_time"
        self.wire: Wire | None = None
        self._under_way: dict[str, asyncio.Event] = {}

    async def fetch(self, line: FallbackLine) -> None:
        """Have ``line`` ready. Needs a wire."""
        assert self.wire is not None
        while (other := self._under_way.get(line.text)) is not None:
            await other.wait()
        done = self._under_way[line.text] = asyncio.Event()
        try:
            await line.fetch(self.wire, self._handshake.line_setup(), self._clock, by_text=self._by_text)
        finally:
            del self._under_way[line.text]
            done.set()

    async def fetch_all(self, lines: Iterable[FallbackLine]) -> None:
        """Have ``lines`` ready, one after the other: the call has one session more, not many."""
        for line in lines:
            await self.fetch(line)

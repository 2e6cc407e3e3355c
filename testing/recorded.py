"""A service that answers from a recording: what a Live session said once, said again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..pipeline.clock import clock_of_loop
from ..processors.gemini_live.endpoint import LiveConnector
from .wire import RecordedServer, read_recording

__all__ = ["recorded_wire"]


@asynccontextmanager
async def recorded_wire(file: str | Path) -> AsyncIterator[Mapping[type, Any]]:
    """What a call has to bring along so that its ``gemini_live`` talks to the recording in ``file``::

        async with recorded_wire("recordings/booking.jsonl") as resources:
            await plan.call(resources=resources).run()

    Recordings are what ``livegraph simulate --record`` and ``livegraph test --record`` write. Raises ``RecordingFault``
    for a file that cannot be played, ``OSError`` for one that cannot be read.
    """
    lines = read_recording(Path(file))
    async with asyncio.TaskGroup() as group:
        server = RecordedServer(lines, clock_of_loop(), group)
        try:
            yield {LiveConnector: server}
        finally:
            server.end()

"""What processes of their own do with tickets; without the rest of the tests, which takes them seconds to load."""

from __future__ import annotations

import asyncio
from pathlib import Path

from livegraph.server.access.ticket_store import SharedTickets

__all__ = ["TICKETS", "use_all"]

TICKETS = 12


def use_all(path: str) -> list[bool]:
    """What one process may use of the same tickets."""

    async def run() -> list[bool]:
        store = SharedTickets(Path(path))
        return list(await asyncio.gather(*(store.use(f"t{at}", 1_000.0, 0.0) for at in range(TICKETS))))

    return asyncio.run(run())

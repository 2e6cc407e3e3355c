"""What takes real time counts on virtual time too, which stood still for it."""

from __future__ import annotations

import asyncio

from ...pipeline.clock import VirtualLoop
from ...pipeline.units import MS, SECOND

__all__ = ["let_pass"]

_COUNTED_NS = 250 * MS
"""In steps of so much, so that what is quick takes none of it each time."""


async def let_pass(took_ns: int) -> None:
    """Let as much virtual time pass; on real time it has passed."""
    if isinstance(asyncio.get_running_loop(), VirtualLoop) and took_ns >= _COUNTED_NS:
        await asyncio.sleep(took_ns // _COUNTED_NS * _COUNTED_NS / SECOND)

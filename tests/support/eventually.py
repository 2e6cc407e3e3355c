"""Waiting for what a browser shows or a server counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["eventually"]


async def eventually(condition: Callable[[], Awaitable[Any]], what: str, within_s: float = 30.0) -> Any:
    """The first true value of ``condition``."""
    try:
        async with asyncio.timeout(within_s):
            while not (value := await condition()):
                await asyncio.sleep(0.05)
            return value
    except TimeoutError:
        raise AssertionError(f"within {within_s} s there was no {what}") from None

"""The socket itself, as far as a caller needs it: a WebSocket of a server, or a pair in memory."""

from __future__ import annotations

from typing import Protocol

from .signals import Data

__all__ = ["Wire", "WireClosed"]


class WireClosed(Exception):
    """The far side has closed, or the connection broke: ``reason`` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Wire(Protocol):
    """Messages both ways, whole and in order."""

    async def receive(self) -> Data:
        """The next message. Raises ``WireClosed``."""
        ...

    async def send(self, data: Data) -> None:
        """Send a message; waits while the far side takes none. Raises ``WireClosed``."""
        ...

    async def close(self, reason: str) -> None:
        """Say goodbye. Raises nothing, and does not wait for the answer."""
        ...

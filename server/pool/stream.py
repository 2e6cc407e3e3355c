"""The stream between a pool and a worker's process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Self, cast

from .wire import Message, Unframer, WireError, framed

__all__ = ["MessageStream"]

_MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Written and not taken: by then the other side has stopped to read."""


class MessageStream(asyncio.Protocol):
    """Sends and takes messages.

    Args:
        heard: called for each that comes, in order.
        over: called once, when the other side is gone or what it says is none of ours.
    """

    def __init__(self, heard: Callable[[Message], None], over: Callable[[], None]) -> None:
        self._heard = heard
        self._over = over
        self._unframer = Unframer()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def on(
        cls, sock: socket.socket, heard: Callable[[Message], None], over: Callable[[], None]
    ) -> Self:
        """One over a connected socket, which it owns from now on."""
        _, stream = await asyncio.get_running_loop().create_unix_connection(
            lambda: cls(heard, over), sock=sock
        )
        return stream

    def send(self, message: Message) -> None:
        """Send it; nothing when the stream is over. Raises ``WireError`` for one that is too long."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(framed(message))
        if transport.get_write_buffer_size() > _MOST_WAITING_BYTES:
            transport.abort()

    def close(self) -> None:
        """Send what is written, then end. Again is fine."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's own classes are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._unframer.feed(data):
                self._heard(message)
        except WireError:
            assert self._transport is not None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over()

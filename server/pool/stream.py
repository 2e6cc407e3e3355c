"""The stream between a pool and a worker's process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol, Self, cast

from .wire import Message, Unframer, WireError, framed

__all__ = ["Heard", "Join", "MessageStream", "Stream", "on_socket"]

_MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Written and not taken: by then the other side has stopped to read."""


Heard = Callable[[Message], None]


class Stream(Protocol):
    """Carries messages both ways, in order from each side."""

    def send(self, message: Message) -> None:
        """Send it, without waiting; nothing when the stream is over. Raises ``WireError`` for one that is too long."""
        ...

    def close(self) -> None:
        """Send what is to be sent, then end. Again is fine."""
        ...


Join = Callable[[Heard, Callable[[], None]], Awaitable[Stream]]
"""Opens a stream. What is given to it is called for each message that comes, and once when the other side is gone."""


def on_socket(sock: socket.socket) -> Join:
    """A stream over a connected socket, which it owns from then on."""

    async def join(heard: Heard, over: Callable[[], None]) -> MessageStream:
        return await MessageStream.on(sock, heard, over)

    return join


class MessageStream(asyncio.Protocol):
    """Sends and takes messages.

    Args:
        heard: called for each that comes, in order.
        over: called once, when the other side is gone or what it says is none of ours.
    """

    def __init__(self, heard: Heard, over: Callable[[], None]) -> None:
        self._heard = heard
        self._over = over
        self._unframer = Unframer()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def on(cls, sock: socket.socket, heard: Heard, over: Callable[[], None]) -> Self:
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

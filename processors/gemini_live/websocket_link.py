"""A ``Link`` on a WebSocket."""

from __future__ import annotations

import socket
import struct

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from ...liveapi.link import LinkClosed
from ...pipeline.running.loop_load import loop_load
from ...pipeline.units import MS

__all__ = ["WebSocketLink"]

_PIECE_NS = 40 * MS
_BUSY = 0.3
"""The share of a core from which on the loop has little time: some ten calls."""
_MOST_QUEUED_BYTES = 32 * 1024
"""Above it the library sends, which waits until there is room."""


class WebSocketLink:
    """A ``ReceiptLink`` on one open WebSocket: a pong tells that all before its ping has arrived."""

    exact = False

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self._received = 0

    @property
    def piece_ns(self) -> int:
        """How much sound is to be waited for before it is sent. A message costs the same whatever its length, so that a
        loop which has little time sends half as many; the service's detector decides by longer stretches anyway.
        """
        return _PIECE_NS if loop_load() >= _BUSY else 0

    @property
    def received(self) -> int:
        """See ``ReceiptLink``."""
        return self._received

    async def probe(self) -> None:
        """See ``ReceiptLink``."""
        sent = self._sent
        try:
            await (await self._socket.ping())
        except ConnectionClosed:
            raise self._closed() from None
        self._received = max(self._received, sent)

    async def send(self, message: str | bytes) -> None:
        """See ``Link``."""
        connection = self._socket
        protocol, transport = connection.protocol, connection.transport
        try:
            if (
                isinstance(message, str)
                and protocol.state is State.OPEN
                and not transport.is_closing()
                and transport.get_write_buffer_size() <= _MOST_QUEUED_BYTES
            ):
                # As the library's `send` does it for a whole message, at a third of its cost.
                protocol.send_text(message.encode())
                connection.send_data()
            else:
                await connection.send(message)
        except ConnectionClosed:
            raise self._closed() from None
        except Exception as error:
            # The library's own state breaks when the other side resets in the middle of a big message.
            raise LinkClosed(1006, f"it broke while it was written to ({type(error).__name__})") from error
        self._sent += 1

    async def recv(self) -> str | bytes:
        """See ``Link``."""
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            raise self._closed() from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See ``Link``."""
        await self._socket.close(code, reason)
        if self._socket.protocol.close_rcvd is not None and not self._socket.protocol.close_rcvd_then_sent:
            # The other side answered our goodbye, so it has read everything before it.
            self._received = self._sent

    def abort(self) -> None:
        """See ``Link``."""
        # By a reset: otherwise the system goes on delivering what it was given, for minutes if need be.
        handle = self._socket.transport.get_extra_info("socket")
        if handle is not None and handle.fileno() >= 0:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.transport.abort()

    def _closed(self) -> LinkClosed:
        code = self._socket.close_code
        return LinkClosed(1006 if code is None else code, self._socket.close_reason or "")

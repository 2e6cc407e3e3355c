"""A ``Link`` on a WebSocket."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator

import websockets.frames
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State

from ...liveapi.link import LinkClosed
from ...pipeline.running.loop_load import BUSY, loop_load
from ...pipeline.units import MS

__all__ = ["TellingConnection", "WebSocketLink"]

_PIECE_NS = 40 * MS
_MOST_QUEUED_BYTES = 32 * 1024
"""Above it the library sends, which waits until there is room."""
_apply_mask: Callable[[bytes, bytes], bytes] = vars(websockets.frames)["apply_mask"]
"""In C where the library has it compiled."""
_SHORT_BYTES, _MIDDLE_BYTES = 125, 0xFFFF
_MASKS_AT_ONCE = 1_024
_ALONG_S = 0.11
"""So long a ping waits for a message to go with: the longest pieces of sound are 100 ms."""


class TellingConnection(ClientConnection):
    """The library's connection, which tells of pongs, and of its end."""

    on_pong: Callable[[bytes], None] | None = None
    on_lost: Callable[[], None] | None = None

    def process_event(self, event: Event) -> None:
        """See the library."""
        super().process_event(event)
        if isinstance(event, Frame) and event.opcode is Opcode.PONG and self.on_pong is not None:
            self.on_pong(bytes(event.data))

    def connection_lost(self, exc: Exception | None) -> None:
        """See the library."""
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()


class WebSocketLink:
    """A ``ReceiptLink`` on one open WebSocket: a pong tells that all before its ping has arrived.

    It is an ``EagerLink`` too. A message goes out by one call of the system, with the ping that belongs to it.
    """

    exact = False

    def __init__(self, connection: TellingConnection) -> None:
        self._connection = connection
        connection.on_pong, connection.on_lost = self._pong, self._lost
        self._sent = 0
        self._received = 0
        self._pings = 0
        self._under_way: deque[tuple[bytes, int]] = deque()
        """Pings that were not answered, and how much was sent before each."""
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        """Who waits for how much to have arrived."""
        self._later: asyncio.TimerHandle | None = None
        """For the ping that waits for a message to go with."""

    @property
    def piece_ns(self) -> int:
        """How much sound is to be waited for before it is sent. A message costs the same whatever its length, so that a
        loop which has little time sends half as many; the service's detector decides by longer stretches anyway.
        """
        return _PIECE_NS if loop_load() >= BUSY else 0

    @property
    def received(self) -> int:
        """See ``ReceiptLink``."""
        return self._received

    async def probe(self) -> None:
        """See ``ReceiptLink``."""
        arrived = self._arrival()
        self._ping()
        await arrived

    async def probe_along(self) -> None:
        """See ``EagerLink``."""
        arrived = self._arrival()
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_ALONG_S, self._ping)
        await arrived

    def send_now(self, message: str) -> bool:
        """See ``EagerLink``."""
        try:
            return self._write(message)
        except Exception:
            # What is wrong with the connection `send` finds too, and says.
            return False

    async def send(self, message: str | bytes) -> None:
        """See ``Link``."""
        try:
            if isinstance(message, str) and self._write(message):
                return
            await self._connection.send(message)
        except ConnectionClosed:
            raise self._closed() from None
        except Exception as error:
            # The library's own state breaks when the other side resets in the middle of a big message.
            raise LinkClosed(1006, f"it broke while it was written to ({type(error).__name__})") from error
        self._sent += 1

    async def recv(self) -> str | bytes:
        """See ``Link``."""
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            raise self._closed() from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See ``Link``."""
        await self._connection.close(code, reason)
        protocol = self._connection.protocol
        if protocol.close_rcvd is not None and not protocol.close_rcvd_then_sent:
            # The other side answered our goodbye, so it has read everything before it.
            self._received = self._sent

    def abort(self) -> None:
        """See ``Link``."""
        transport = self._connection.transport
        # By a reset: otherwise the system goes on delivering what it was given, for minutes if need be.
        handle = transport.get_extra_info("socket")
        if handle is not None and handle.fileno() >= 0:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    # Inside ------------------------------------------------------------------------------------

    @property
    def _open(self) -> bool:
        connection = self._connection
        return connection.protocol.state is State.OPEN and not connection.transport.is_closing()

    def _write(self, message: str) -> bool:
        """Write a message as the library's ``send`` does, at a third of its cost, unless that might have to wait."""
        connection = self._connection
        if not self._open or connection.transport.get_write_buffer_size() > _MOST_QUEUED_BYTES:
            return False
        protocol, text = connection.protocol, message.encode()
        if protocol.extensions or protocol.debug:
            protocol.send_text(text)
        else:
            protocol.writes.append(_text_frame(text))
        self._sent += 1
        if self._later is not None:
            self._add_ping()
        self._flush()
        return True

    def _ping(self) -> None:
        if self._open:
            self._add_ping()
            self._flush()

    def _add_ping(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._pings += 1
        mark = struct.pack("!I", self._pings)
        self._connection.protocol.send_ping(mark)
        self._under_way.append((mark, self._sent))

    def _flush(self) -> None:
        connection = self._connection
        connection.transport.write(b"".join(connection.protocol.data_to_send()))

    def _arrival(self) -> asyncio.Future[None]:
        """Done when all has arrived that was sent so far. Raises ``LinkClosed``."""
        if not self._open:
            raise self._closed()
        arrived = asyncio.get_running_loop().create_future()
        self._waiting.append((self._sent, arrived))
        return arrived

    def _pong(self, mark: bytes) -> None:
        """A ping was answered, and so were all before it: who answers may leave some out."""
        if not any(mark == asked for asked, _ in self._under_way):
            return
        asked = b""
        while asked != mark:
            asked, sent = self._under_way.popleft()
            self._received = max(self._received, sent)
        while self._waiting and self._waiting[0][0] <= self._received:
            _, arrived = self._waiting.popleft()
            if not arrived.done():
                arrived.set_result(None)

    def _lost(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        waiting, self._waiting = self._waiting, deque()
        for _, arrived in waiting:
            if not arrived.done():
                arrived.set_exception(self._closed())

    def _closed(self) -> LinkClosed:
        code = self._connection.close_code
        return LinkClosed(1006 if code is None else code, self._connection.close_reason or "")


def _text_frame(text: bytes) -> bytes:
    """A whole message as a client sends it (RFC 6455, section 5.2): the library's way to it takes three times as
    long.
    """
    size = len(text)
    if size <= _SHORT_BYTES:
        head = bytes((0x81, 0x80 | size))
    elif size <= _MIDDLE_BYTES:
        head = struct.pack("!BBH", 0x81, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, 0x80 | 127, size)
    mask = next(_masks)
    return head + mask + _apply_mask(text, mask)


def _unforeseeable() -> Iterator[bytes]:
    """Masks, which nobody may be able to tell beforehand (section 5.3); the system is asked for many at once."""
    while True:
        random = os.urandom(4 * _MASKS_AT_ONCE)
        for at in range(0, len(random), 4):
            yield random[at : at + 4]


_masks = _unforeseeable()

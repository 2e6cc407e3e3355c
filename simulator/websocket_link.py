"""The server's end of one connection: HTTP at first, then a WebSocket, with TLS or without.

Private to the simulator, and loaded only to serve: it imports websockets, of which it uses the protocol without I/O,
so that a scenario can break a connection at any byte.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from ..liveapi.link import LinkClosed
from .http_request import HttpReader, HttpRequest, HttpResponse
from .tls import HANDSHAKE, TlsSide

__all__ = ["Answer", "WebSocketLink"]

_OPEN_WITHIN_S = 20.0
_CLOSE_WITHIN_S = 2.0
_MOST_WAITING = 32
_MOST_MESSAGE_BYTES = 16 << 20
_WRITE_HIGH = 256 * 1024

# At DEBUG the library writes every header down, and one of them is the client's key.
_log = logging.getLogger(f"{__name__}.websockets")
_log.setLevel(logging.WARNING)


Answer = Callable[[HttpRequest], HttpResponse | Callable[["WebSocketLink"], None]]
"""Who is behind the sockets: a response to a request, or whom to give the WebSocket that it asks for."""


class _LatePongs(ServerProtocol):
    """The protocol's server, which may be slow to answer pings."""

    wait_s = 0.0
    later: Callable[[], None] = staticmethod(lambda: None)
    """Called when there is something to send again."""

    def send_frame(self, frame: Frame) -> None:
        """See `websockets.protocol.Protocol`: everything that is sent goes through here."""
        if frame.opcode is Opcode.PONG and self.wait_s:
            asyncio.get_running_loop().call_later(self.wait_s, self._answer, frame)
        else:
            super().send_frame(frame)

    def _answer(self, frame: Frame) -> None:
        if self.state is State.OPEN:
            super().send_frame(frame)
            self.later()


class WebSocketLink(asyncio.Protocol):
    """The server's end of one connection; a `ServerLink` once it is a WebSocket."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None, connections: set[WebSocketLink]) -> None:
        self._answer = answer
        self._context = tls
        self._connections = connections
        self._tls: TlsSide | None = None
        self._sniffed = False
        self._http = HttpReader()
        self._web: _LatePongs | None = None
        self._pongs_wait_s = 0.0
        self._messages: deque[str | bytes] = deque()
        self._pieces: list[bytes] = []
        self._text = False
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self._stopped = self._full = False

    # From the network

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        # uvloop's transports are not derived from it.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH)
        self._connections.add(self)
        self._patience = asyncio.get_running_loop().call_later(_OPEN_WITHIN_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._sniffed:
            self._sniffed = True
            if data[0] == HANDSHAKE:
                if self._context is None:
                    self._transport.abort()
                    return
                self._tls = TlsSide(self._context)
        if self._tls is not None:
            try:
                data = self._tls.receive(data)
            except ssl.SSLError as error:
                _log.info("a client does not take the certificate: %s", error.reason)
                self._transport.write(self._tls.to_send())
                self._transport.close()
                return
            self._transport.write(self._tls.to_send())
        if data:
            self._read(data)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        if self._web is not None:
            self._web.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._patience.cancel()
        self._connections.discard(self)
        if self._web is not None:
            self._web.receive_eof()
        self._gone.set()
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable.set()

    def _read(self, data: bytes) -> None:
        if self._web is None:
            request = self._http.feed(data)
            if request is None:
                if self._http.broken:
                    self._respond(HttpResponse(400, b"This is no HTTP.\n"))
                return
            answer = self._answer(request)
            if isinstance(answer, HttpResponse):
                self._respond(answer)
                return
            self._start = answer
            self._web = _LatePongs(max_size=_MOST_MESSAGE_BYTES, logger=_log)
            self._web.wait_s = self._pongs_wait_s
            self._web.later = self._flush
            data = request.raw
        self._web.receive_data(data)
        for event in self._web.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()

    def _open(self, request: Request) -> None:
        assert self._web is not None
        self._patience.cancel()
        self._web.send_response(self._web.accept(request))
        self._flush()
        if self._web.state is State.OPEN:
            self._start(self)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        self._pieces.append(bytes(frame.data))
        if frame.fin:
            data = b"".join(self._pieces)
            self._pieces.clear()
            # What is no UTF-8 is no message either: the reader of messages says so.
            self._messages.append(data.decode(errors="replace") if self._text else data)
            self._full = len(self._messages) >= _MOST_WAITING
            self._steer()
            self._news.set()

    def _respond(self, response: HttpResponse) -> None:
        self._write(response.encode())
        self._end()

    # To the network

    async def send(self, message: str | bytes) -> None:
        """See `Link.send`: `bytes` make a binary frame, `str` a text frame."""
        web = self._open_web()
        if isinstance(message, str):
            web.send_text(message.encode())
        else:
            web.send_binary(message)
        self._flush()
        await self._drained()

    async def send_half(self, data: bytes) -> None:
        """See `ServerLink.send_half`: a frame that is not the last of its message."""
        self._open_web().send_binary(data, fin=False)
        self._flush()
        await self._drained()

    async def send_bytes(self, data: bytes) -> None:
        """See `ServerLink.send_bytes`; inside of TLS, if that is spoken."""
        self._open_web()
        self._write(data)
        await self._drained()

    async def recv(self) -> str | bytes:
        """See `Link.recv`."""
        while not self._messages:
            if self._gone.is_set() or self._web is None or self._web.state is not State.OPEN:
                raise self._link_closed()
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        self._full = len(self._messages) >= _MOST_WAITING
        self._steer()
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See `Link.close`."""
        if self._web is not None and self._web.state is State.OPEN:
            self._web.send_close(code, reason)
            self._flush()
        # The client's goodbye may stand behind messages that nobody reads any more.
        self._messages.clear()
        self._full = self._stopped = False
        self._steer()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()

    def abort(self) -> None:
        """See `Link.abort`: a reset."""
        handle = self._transport.get_extra_info("socket")
        if handle is not None and not self._gone.is_set():
            with socket.socket(fileno=socket.dup(handle.fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def stop_reading(self, stop: bool) -> None:
        """See `ServerLink.stop_reading`."""
        self._stopped = stop
        self._steer()

    def hang_up(self) -> None:
        """See `ServerLink.hang_up`."""
        self._transport.close()

    def answer_pings_after(self, delay_ns: int) -> None:
        """See `ServerLink.answer_pings_after`."""
        self._pongs_wait_s = delay_ns / 1_000_000_000
        if self._web is not None:
            self._web.wait_s = self._pongs_wait_s

    def _steer(self) -> None:
        """Read from the network or do not."""
        if self._gone.is_set() or self._transport.is_closing():
            return
        if self._stopped or self._full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _open_web(self) -> _LatePongs:
        if self._web is None or self._gone.is_set() or self._web.state is not State.OPEN:
            raise self._link_closed()
        return self._web

    def _flush(self) -> None:
        assert self._web is not None
        if self._web.state is not State.OPEN:
            self._news.set()
        for data in self._web.data_to_send():
            if data:
                self._write(data)
            else:
                self._end()

    def _write(self, data: bytes) -> None:
        if self._gone.is_set() or self._transport.is_closing():
            return
        if self._tls is not None:
            self._tls.send(data)
            data = self._tls.to_send()
        self._transport.write(data)

    def _end(self) -> None:
        if self._tls is not None and not self._transport.is_closing():
            self._tls.end()
            self._transport.write(self._tls.to_send())
        self._transport.close()

    async def _drained(self) -> None:
        await self._writable.wait()
        if self._gone.is_set():
            raise self._link_closed()

    def _link_closed(self) -> LinkClosed:
        received = self._web.close_rcvd if self._web is not None else None
        return LinkClosed(1006) if received is None else LinkClosed(received.code, received.reason)

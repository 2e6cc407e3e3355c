"""Connections over the network: a ``Link`` on a WebSocket. ``websockets`` loads when the first one is opened."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...liveapi.link import Link, LinkClosed
from ...pipeline.errors import ServiceError
from ...pipeline.units import MS
from .endpoint import LiveConnector

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["WebSocketConnector"]

_OPEN_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0

_logger = logging.getLogger("livegraph.gemini_live.websocket")
# At DEBUG the library writes every header into the log, and one of them is the key.
_logger.setLevel(logging.INFO)


class WebSocketConnector(LiveConnector):
    """Opens WebSockets below one URL (``wss://host``, ``ws://127.0.0.1:9090``)."""

    def __init__(self, url: str, label: str) -> None:
        self._url = url.rstrip("/")
        self.label = label

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        """Connect within 10 s."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

        try:
            socket = await connect(
                self._url + path,
                additional_headers=dict(headers),
                # One message may hold search results; audio is far below the library's limit of 1 MiB.
                max_size=None,
                open_timeout=_OPEN_TIMEOUT_S,
                # The session probes by itself, and knows what else was heard meanwhile: the service has been
                # seen to answer pings after 8 to 30 s while it works.
                ping_interval=None,
                close_timeout=_CLOSE_TIMEOUT_S,
                # PCM in base64 hardly shrinks, and each connection would pay 64 KiB for trying.
                compression=None,
                proxy=None if _is_loopback(self._url) else True,
                ssl=await _tls() if urlsplit(self._url).scheme in ("wss", "https") else None,
                logger=_logger,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise ServiceError(f"HTTP {status} from {self.label}", code=status) from None
        except InvalidURI as error:
            raise ServiceError(
                f"{self._url!r} is no address (option url)", remedy="write ws://host:port"
            ) from error
        except ConnectionClosed as error:
            raise LinkClosed(1006, "the connection was dropped as soon as it was made") from error
        except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
            raise LinkClosed(1006, _in_words(error)) from error
        return _WebSocketLink(socket)


class _WebSocketLink:
    """A ``ReceiptLink`` on one open WebSocket: a pong tells that all before its ping has arrived."""

    exact = False
    piece_ns = 40 * MS
    """A message costs the same whatever its length, and the service's detector decides by longer stretches."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self._received = 0

    @property
    def received(self) -> int:
        return self._received

    async def probe(self) -> None:
        from websockets.exceptions import ConnectionClosed

        sent = self._sent
        try:
            await (await self._socket.ping())
        except ConnectionClosed:
            raise self._closed() from None
        self._received = max(self._received, sent)

    async def send(self, message: str | bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(message)
        except ConnectionClosed:
            raise self._closed() from None
        except Exception as error:
            # The library's own state breaks when the other side resets in the middle of a big message.
            raise LinkClosed(1006, f"it broke while it was written to ({type(error).__name__})") from error
        self._sent += 1

    async def recv(self) -> str | bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._socket.recv()
        except ConnectionClosed:
            raise self._closed() from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._socket.close(code, reason)
        if self._socket.protocol.close_rcvd is not None and not self._socket.protocol.close_rcvd_then_sent:
            # The other side answered our goodbye, so it has read everything before it.
            self._received = self._sent

    def abort(self) -> None:
        # By a reset: otherwise the system goes on delivering what it was given, for minutes if need be.
        handle = self._socket.transport.get_extra_info("socket")
        if handle is not None and handle.fileno() >= 0:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.transport.abort()

    def _closed(self) -> LinkClosed:
        code = self._socket.close_code
        return LinkClosed(1006 if code is None else code, self._socket.close_reason or "")


_tls_context: ssl.SSLContext | None = None


async def _tls() -> ssl.SSLContext:
    """The one TLS context of the process: reading all certificates takes 25 ms, so a thread does it, once."""
    global _tls_context
    if _tls_context is None:
        _tls_context = await asyncio.to_thread(ssl.create_default_context)
    return _tls_context


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_words(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        # asyncio puts the address here, which the message that this becomes a part of has already.
        return os.strerror(error.errno or 0)
    return str(error) or type(error).__name__

"""The simulator on real sockets: a WebSocket server whose connections are `Link`s.

Private to the simulator, and loaded only to serve: it imports websockets.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..processors.gemini_live.wire.link import Link, LinkClosed

__all__ = ["WebSocketLink", "serve_websockets"]

_CLOSE_TIMEOUT_S = 2.0

# At DEBUG the library writes every header down, and one of them is the client's key.
_log = logging.getLogger(f"{__name__}.websockets")
_log.setLevel(logging.WARNING)


class WebSocketLink:
    """The server's end of a WebSocket as a `Link`."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        """See `Link.send`: `bytes` make a binary frame, `str` a text frame."""
        try:
            await self._socket.send(message)
        except ConnectionClosed as closed:
            raise _link_closed(closed) from None

    async def recv(self) -> str | bytes:
        """See `Link.recv`."""
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            raise _link_closed(closed) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See `Link.close`."""
        await self._socket.close(code, reason)

    def abort(self) -> None:
        """See `Link.abort`."""
        self._socket.transport.abort()


async def serve_websockets(
    host: str, port: int, accepts: Callable[[str], bool], run: Callable[[Link, str], Awaitable[None]]
) -> Server:
    """Listen, and `run(link, path)` for every connection whose path is accepted; others get 404.

    Raises:
        OSError: the address cannot be had.
    """

    def check(connection: ServerConnection, request: Request) -> Response | None:
        if accepts(request.path):
            return None
        return connection.respond(
            HTTPStatus.NOT_FOUND,
            "This is a simulator of the Live API: the path ends in BidiGenerateContent.\n",
        )

    async def handle(connection: ServerConnection) -> None:
        request = connection.request
        await run(WebSocketLink(connection), request.path if request else "")

    return await serve(
        handle,
        host,
        port,
        process_request=check,
        compression=None,
        max_size=None,
        # The service answers pings and sends none.
        ping_interval=None,
        close_timeout=_CLOSE_TIMEOUT_S,
        logger=_log,
    )


def _link_closed(closed: ConnectionClosed) -> LinkClosed:
    if closed.rcvd is None:
        return LinkClosed(1006)
    return LinkClosed(closed.rcvd.code, closed.rcvd.reason)

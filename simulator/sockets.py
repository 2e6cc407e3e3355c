"""The simulator on real sockets: WebSocket and plain requests, with TLS and without, on one port.

Private to the simulator, and loaded only to serve: it imports websockets.
"""

from __future__ import annotations

import asyncio
import ssl

from .websocket_link import Answer, WebSocketLink

__all__ = ["SocketServer", "listen"]


class SocketServer:
    """A listening server and its connections."""

    def __init__(self, server: asyncio.Server, connections: set[WebSocketLink]) -> None:
        self._server = server
        self._connections = connections
        self.port: int = server.sockets[0].getsockname()[1]

    def stop_listening(self) -> None:
        """Take no more connections."""
        self._server.close()

    async def close(self) -> None:
        """End all connections that are left."""
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()


async def listen(host: str, port: int, answer: Answer, tls: ssl.SSLContext | None) -> SocketServer:
    """Serve; with a context also those who speak TLS.

    Raises:
        OSError: the address cannot be had.
    """
    connections: set[WebSocketLink] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: WebSocketLink(answer, tls, connections), host, port)
    return SocketServer(server, connections)

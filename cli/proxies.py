"""Who a request comes from, by the word of the proxy that has a Unix socket to itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

__all__ = ["BehindSocket"]

_SOCKET = ("the socket", 0)


class BehindSocket:
    """ASGI middleware: believes ``X-Forwarded-For`` and ``-Proto`` of whoever may write to the socket.

    Of several addresses the nearest counts that is none of ``proxies``: what stands in front of it anybody may have
    written, where a proxy adds its own to what it was sent.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str] = ()) -> None:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("client") == _SOCKET:
                scope["client"] = None
            await app(scope, receive, send)

        trusted = [_SOCKET[0], *(proxy for proxy in proxies if proxy != "*")]
        # uvicorn has types of its own for the same things.
        inner: Any = serve
        self._believing: Any = ProxyHeadersMiddleware(inner, trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "lifespan" and scope.get("client") is None:
            scope["client"] = _SOCKET
        await self._believing(scope, receive, send)

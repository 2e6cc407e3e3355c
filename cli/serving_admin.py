"""The admin routes of ``livegraph run``, on a socket of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .admin_socket import listen_admin
from .exits import Fault
from .serving import Serving
from .terminal import Terminal

if TYPE_CHECKING:
    from ..server.pool import Pool

__all__ = ["serving_admin"]

_TAKEN_WITHIN_S = 600.0
"""Whoever taps may hold their terminal for a while; taps themselves give up earlier."""


@asynccontextmanager
async def serving_admin(
    serving: Serving, port: int, pool: Pool, drained: asyncio.Event, terminal: Terminal
) -> AsyncIterator[None]:
    """Serve them while the block runs. ``Fault`` when the address that was asked for cannot be had."""
    from ..server.admin import make_admin_app
    from .web import Patience, WebServer

    try:
        listening = listen_admin(serving.admin, port)
    except Fault as fault:
        if serving.admin:
            raise
        # Nobody asked for it: a server without it is better than none.
        terminal.warn(f"livegraph calls, top and drain cannot reach this server: {fault}")
        listening = None
    if listening is None:
        yield
        return
    listener, path, control = listening
    app = make_admin_app(pool, control=control, drained=drained, taps=serving.wish.taps or "full")
    server = WebServer(app, lambda: None, grace_s=1, patience=Patience(taken_s=_TAKEN_WITHIN_S))
    running = asyncio.create_task(server.serve(sockets=[listener]), name="admin server")
    try:
        yield
    finally:
        server.should_exit = True
        await running
        listener.close()
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

"""uvicorn, as one task of ours: it says when it listens, and leaves the signals to us."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

__all__ = ["WebServer"]


class WebServer(uvicorn.Server):
    """Serves ``app`` until ``should_exit`` is set; ``started`` is called when it listens."""

    def __init__(self, app: ASGIApp, started: Callable[[], None], *, grace_s: int) -> None:
        debug = logging.getLogger("livegraph").isEnabledFor(logging.DEBUG)
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=debug,
                server_header=False,
                timeout_graceful_shutdown=grace_s,
            )
        )
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets=sockets)
        if self.started:
            self._told()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: they are handled outside, for the calls as well."""
        yield

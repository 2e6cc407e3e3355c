"""uvicorn, as one task of ours: it says when it listens, leaves the signals to us, and waits for nobody for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Front", "WebServer"]

_HEAD_WITHIN_S = 10.0
"""From the connection, or the first byte of a further request, to the end of its head."""
_BODY_WITHIN_S = 30.0
_MOST_CONNECTIONS = 2_000
_MOST_HEAD_BYTES = 16 * 1024

_logger = logging.getLogger("livegraph.http")
# uvicorn warns of each request that is none: strangers would fill the log. Errors are ours, and stay.
_logger.addFilter(lambda record: record.levelno != logging.WARNING)


@dataclass(frozen=True, slots=True)
class Front:
    """How a server looks from outside."""

    certfile: Path | None = None
    keyfile: Path | None = None
    root_path: str = ""
    trusted_proxies: Sequence[str] = ()
    """Addresses and networks whose ``X-Forwarded-For`` and ``-Proto`` are believed."""


class WebServer(uvicorn.Server):
    """Serves ``app`` until ``should_exit`` is set; ``started`` is called when it listens."""

    def __init__(
        self, app: ASGIApp, started: Callable[[], None], *, grace_s: int, front: Front | None = None
    ) -> None:
        front = front or Front()
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=_TimedProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                # Paths may hold what opens a call to whoever knows it.
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=grace_s,
                limit_concurrency=_MOST_CONNECTIONS,
                h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
                root_path=front.root_path,
                proxy_headers=bool(front.trusted_proxies),
                forwarded_allow_ips=list(front.trusted_proxies) or None,
                ssl_certfile=front.certfile,
                ssl_keyfile=front.keyfile,
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


class _TimedProtocol(H11Protocol):
    """Closes connections whose heads or bodies do not arrive: uvicorn itself waits for them as long as they like."""

    _deadline: asyncio.TimerHandle | None = None
    _awaited: object = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = _logger

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await(h11.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state: Any = self.conn.their_state
        self._await(state if state in (h11.IDLE, h11.SEND_BODY) else None)

    def _await(self, state: object) -> None:
        """From now on ``state`` is to end in time; the deadline of one that goes on stays."""
        if state is self._awaited:
            return
        self._awaited = state
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if state is not None:
            within_s = _HEAD_WITHIN_S if state is h11.IDLE else _BODY_WITHIN_S
            self._deadline = self.loop.call_later(within_s, self._close)

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

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
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from ..server.sockets.door import MOST_MESSAGE_BYTES

__all__ = ["Front", "WebServer"]

_HEAD_WITHIN_S = 10.0
"""From the connection, or the first byte of a further request, to the end of its head."""
_BODY_WITHIN_S = 30.0
_MOST_CONNECTIONS = 2_000
_MOST_HEAD_BYTES = 16 * 1024
_PING_EVERY_S = 10.0
_PONG_WITHIN_S = 15.0
_FLUSH_WITHIN_S = 3.0
"""For the last words to a WebSocket that is closed; who does not read them is cut off."""

_logger = logging.getLogger("livegraph.http")
# uvicorn warns of each request that is none: strangers would fill the log. Errors are ours, and stay.
_logger.addFilter(lambda record: record.levelno != logging.WARNING)
_socket_logger = logging.getLogger("livegraph.websocket")
# It tells of each socket that opens, with its whole address.
_socket_logger.addFilter(lambda record: record.levelno >= logging.ERROR)


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
                ws=_PatientSocket,
                ws_max_size=MOST_MESSAGE_BYTES,
                ws_ping_interval=_PING_EVERY_S,
                ws_ping_timeout=_PONG_WITHIN_S,
                # Sound does not get smaller by it, and what unpacks to a thousand times its size is an attack.
                ws_per_message_deflate=False,
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


class _PatientSocket(WebSocketsSansIOProtocol):
    """A WebSocket that holds nothing for a far side that reads nothing: uvicorn itself answers every ping, and waits
    without end for what it has written to be taken."""

    _cut: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = _socket_logger
        # At the level of debug it tells the log of each header and each message: what callers are let in by.
        self.conn.logger = _socket_logger
        self.conn.debug = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._cut is not None:
            self._cut.cancel()
        if self.conn.close_rcvd is None:
            # uvicorn takes a connection that broke for one that was closed without a word.
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # uvicorn tells the log of it, with a traceback, and fails where the close has come as well.
                self.frames = []
                self.conn.fail(1007, "text that is no UTF-8")
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # Its answer is lost, as everything is that is written to who does not read.
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_off_soon()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._cut_off_soon()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            # A handshake that was answered by a refusal is over, though uvicorn says that it is not.
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self._cut_off_soon()

    def _cut_off_soon(self) -> None:
        if self._cut is None:
            self._cut = self.loop.call_later(_FLUSH_WITHIN_S, self.transport.abort)


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

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        # RFC 6455, section 4.2.1; what upgrades in HTTP/1.0 is a proxy that does not know what it passes on.
        if event.http_version < b"1.1":
            self.send_400_response("A WebSocket needs HTTP/1.1.")
        else:
            super().handle_websocket_upgrade(event)

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

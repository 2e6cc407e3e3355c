"""uvicorn, as one task of ours: it says when it listens, leaves the signals to us, and waits for nobody for ever."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from ..server.sockets.door import MOST_MESSAGE_BYTES
from .proxies import BehindSocket
from .web_connections import MOST_HEAD_BYTES, Connections, Patience, PatientSocket, TimedProtocol

__all__ = ["Front", "Patience", "WebServer"]

_MOST_CONNECTIONS = 2_000
_PING_EVERY_S = 10.0
_PONG_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Front:
    """How a server looks from outside."""

    certfile: Path | None = None
    keyfile: Path | None = None
    root_path: str = ""
    trusted_proxies: Sequence[str] = ()
    """Addresses and networks whose ``X-Forwarded-For`` and ``-Proto`` are believed."""
    behind_socket: bool = False
    """Whether it listens on a Unix socket, and whoever may write to that is believed as well."""


class WebServer(uvicorn.Server):
    """Serves ``app`` until ``should_exit`` is set; ``started`` is called when it listens."""

    def __init__(
        self,
        app: ASGIApp,
        started: Callable[[], None],
        *,
        grace_s: int,
        front: Front | None = None,
        patience: Patience | None = None,
    ) -> None:
        front = front or Front()
        most = _most_connections()
        if front.behind_socket:
            app = BehindSocket(app, front.trusted_proxies)
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=TimedProtocol,
                ws=PatientSocket,
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
                limit_concurrency=most,
                h11_max_incomplete_event_size=MOST_HEAD_BYTES,
                root_path=front.root_path,
                proxy_headers=bool(front.trusted_proxies) and not front.behind_socket,
                forwarded_allow_ips=list(front.trusted_proxies) or None,
                ssl_certfile=front.certfile,
                ssl_keyfile=front.keyfile,
            )
        )
        self._told = started
        self._patience = patience or Patience()
        self.server_state = Connections(self._patience, most)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve on ``sockets``."""
        await super().startup(sockets=[])
        if not self.started:
            return
        # uvicorn itself leaves a minute for a handshake of TLS, during which nobody sees the connection.
        within_s = self._patience.secure_s if self.config.ssl is not None else None
        for listener in sockets or ():
            server = await asyncio.get_running_loop().create_server(
                self._protocol,
                sock=listener,
                ssl=self.config.ssl,
                backlog=self.config.backlog,
                ssl_handshake_timeout=within_s,
                ssl_shutdown_timeout=within_s,
            )
            self.servers.append(server)
        self._told()

    def _protocol(self) -> asyncio.Protocol:
        return TimedProtocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: they are handled outside, for the calls as well."""
        yield


def _most_connections() -> int:
    """Half of the descriptors that this process may have: the rest is for calls."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if descriptors < 0 else max(64, min(_MOST_CONNECTIONS, descriptors // 2))

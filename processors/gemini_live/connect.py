"""Opening connections over the network. ``websockets`` loads with the first one."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from ...liveapi.link import Link, LinkClosed
from ...pipeline.errors import ServiceError
from ...pipeline.secrecy import bare_address
from .endpoint import LiveConnector

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

        from .websocket_link import TellingConnection, WebSocketLink

        try:
            connection = await connect(
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
                create_connection=TellingConnection,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise ServiceError(f"HTTP {status} from {self.label}", code=status) from None
        except InvalidURI:
            raise ServiceError(
                f"{bare_address(self._url)!r} is no address (option url)", remedy="write ws://host:port"
            ) from None
        except ConnectionClosed as error:
            raise LinkClosed(1006, "the connection was dropped as soon as it was made") from error
        except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
            raise LinkClosed(1006, _in_words(error)) from error
        assert isinstance(connection, TellingConnection)
        return WebSocketLink(connection)


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

"""A WebSocket at the door: refused before it opens or told why it closes, waited for no longer than is decent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ...transports.socket.signals import Data
from ...transports.socket.wire import WireClosed
from ..access.grant import Grant
from ..gate import Gate
from ..limits.buckets import address_key
from ..protocol import Error
from ..refusals import Refusal

__all__ = [
    "DOORKEEPER",
    "MOST_MESSAGE_BYTES",
    "Doorkeeper",
    "SocketWire",
    "Waiting",
    "as_request",
    "deny",
    "first_message",
    "granted",
    "tell_refusal",
]

MOST_MESSAGE_BYTES = 256 * 1024
"""Of one message: seconds of sound, or the longest text."""
_FIRST_WITHIN_S = 10.0
_CLOSE_WITHIN_S = 2.0
_MOST_WAITING = 256
_MOST_WAITING_OF_ONE = 16
_GOING_AWAY, _POLICY, _TOO_BIG = 1001, 1008, 1009
_CODE_OF_STATUS = 4_000
"""Codes above are free for applications: 4401 is what 401 is over HTTP."""


class SocketWire:
    """An accepted WebSocket as a ``Wire``."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self.code = 1000
        """With which it is closed from here."""

    async def receive(self) -> Data:
        """See ``Wire``. A message that is too large closes the socket."""
        try:
            message = await self._websocket.receive()
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WireClosed("the connection broke") from error
        if message["type"] == "websocket.disconnect":
            code = message.get("code") or 1005
            # 1005 is a close without a code, 1001 a page that is left: their callers hung up.
            raise WireClosed("the caller hung up" if code in (1000, 1001, 1005) else "the connection broke")
        data: Data = message["text"] if message.get("text") is not None else message.get("bytes") or b""
        if len(data) > MOST_MESSAGE_BYTES:
            self.code = _TOO_BIG
            raise WireClosed("a message was too large")
        return data

    async def send(self, data: Data) -> None:
        """See ``Wire``."""
        try:
            if isinstance(data, str):
                await self._websocket.send_text(data)
            else:
                await self._websocket.send_bytes(data)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise WireClosed("the connection broke") from error

    async def close(self, reason: str) -> None:
        """See ``Wire``. A far side that reads nothing is not waited for."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._websocket.close(self.code, _short(reason))
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            # It is gone, or takes nothing: the server gives up on it when this route returns.
            return


DOORKEEPER = "livegraph.doorkeeper"
"""In the scope of a socket that is served elsewhere than it is: who is asked there (``Doorkeeper``)."""


class Doorkeeper(Protocol):
    """Who lets callers in where their sockets are, whatever worker has their calls."""

    async def grant(self, bearer: str) -> Grant:
        """What the caller may do who shows this. Raises ``Refusal``."""
        ...

    async def let_in(self, grant: Grant) -> None:
        """Count the caller, and its ticket as used. Raises ``Refusal`` for one who has too many calls."""
        ...

    async def take_back(self, grant: Grant) -> None:
        """The call did not come about: the ticket is as good as before."""
        ...


class Waiting:
    """How many sockets are open whose callers have not said yet what they want."""

    def __init__(self) -> None:
        self._all = 0
        self._of: dict[str, int] = {}

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Count one of ``address``. Raises ``Refusal`` (503) when there are too many."""
        key = address_key(address)
        if self._all >= _MOST_WAITING or self._of.get(key, 0) >= _MOST_WAITING_OF_ONE:
            raise Refusal(
                503,
                "too_many_waiting",
                "Too many sockets are open whose callers have not said what they want.",
                "Send the first message as soon as the socket is open.",
                {"Retry-After": "10"},
            )
        self._all += 1
        self._of[key] = self._of.get(key, 0) + 1
        try:
            yield
        finally:
            self._all -= 1
            self._of[key] -= 1
            if not self._of[key]:
                del self._of[key]


async def first_message(wire: SocketWire) -> Data:
    """What a caller says first. Raises ``Refusal`` (408) when nothing comes in time, ``WireClosed`` when it goes."""
    try:
        async with asyncio.timeout(_FIRST_WITHIN_S):
            return await wire.receive()
    except TimeoutError:
        raise Refusal(
            408,
            "timeout",
            f"No first message came within {_FIRST_WITHIN_S:g} s.",
            "Say hello when the socket is open.",
        ) from None


def as_request(websocket: WebSocket, bearer: str = "") -> Request:
    """The handshake as the request that it is, for whoever says what its sender may do.

    ``bearer`` stands in its ``Authorization`` where the handshake has none: pages cannot set headers of WebSockets.
    """
    scope: dict[str, Any] = {**websocket.scope, "type": "http", "method": "GET"}
    scope["scheme"] = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "ws"), "http")
    scope["headers"] = list(scope["headers"])
    if bearer and "authorization" not in websocket.headers:
        headers = MutableHeaders(scope=scope)
        headers["authorization"] = f"Bearer {bearer}"
    return Request(scope)


async def granted(gate: Gate, websocket: WebSocket, bearer: str) -> Grant:
    """What the caller may do who has opened this socket. Raises ``Refusal``."""
    return await gate.grant(as_request(websocket, bearer))


async def deny(websocket: WebSocket, refusal: Refusal) -> None:
    """Refuse a socket that is not open yet: as an answer over HTTP where the server can, which shows the reason."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        response: Response = refusal.response()
        await websocket.send_denial_response(response)
    else:
        await websocket.close(_POLICY, refusal.code)


async def tell_refusal(websocket: WebSocket, refusal: Refusal) -> None:
    """Say why an open socket is closed, and close it: 4000 and the status of HTTP."""
    error = Error(message=refusal.message, remedy=refusal.remedy, code=refusal.code)
    wire = SocketWire(websocket)
    wire.code = _CODE_OF_STATUS + refusal.status
    try:
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await wire.send(msgspec.json.encode(error).decode())
    except (TimeoutError, WireClosed):
        return
    await wire.close(refusal.code)


def _short(reason: str) -> str:
    """A reason that fits into a close frame: 123 bytes."""
    return reason.encode()[:120].decode(errors="ignore")

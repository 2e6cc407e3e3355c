"""Callers by WebSocket, where their calls are in another process: the socket's events go to and fro as messages.

The process with the port keeps the socket; the worker sees the same ASGI events as if it were its own. So whatever
serves WebSockets beside a desk does so in a worker as well.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..access.grant import Authorize
from ..calls import CallDesk
from ..gate import Gate
from ..pipecat.socket import rtvi_opening
from ..sockets.opening import native_opening
from ..sockets.routes import SocketDoor, no_socket, socket_routes
from ..telephone.accounts import TelephoneAccounts
from ..telephone.door import TelephoneDoor, telephone_streams
from .wire import Message as WireMessage
from .wire import SocketEvent, SocketOpened, SocketOver, packed, unpacked

__all__ = ["SocketsFar", "SocketsHere", "sockets_app"]

_MOST_WAITING = 512
"""Events of one socket that nobody has taken: ten seconds of a telephone's."""
_RESTARTING = 1012
_PASSED = (
    "http_version",
    "scheme",
    "path",
    "root_path",
    "query_string",
    "headers",
    "client",
    "server",
    "subprotocols",
)


def sockets_app(desk: CallDesk, authorize: Authorize | None) -> ASGIApp:
    """The WebSockets of one desk. What guards them, hosts and origins, is where the socket is."""
    door = SocketDoor(desk, Gate(authorize), desk.metrics, (native_opening, rtvi_opening))
    accounts = TelephoneAccounts.from_environment(os.environ)
    telephones = TelephoneDoor(desk, Gate(authorize), desk.metrics, accounts)
    return Starlette(
        routes=[
            *socket_routes(door),
            *telephone_streams(telephones),
            WebSocketRoute("/{elsewhere:path}", no_socket),
        ]
    )


class SocketsHere:
    """The sockets that this process has, and that a worker serves.

    Args:
        say: sends a message to the worker.
    """

    def __init__(self, say: Callable[[WireMessage], None]) -> None:
        self._say = say
        self._sockets: dict[int, asyncio.Queue[Message | None]] = {}
        self._number = 0

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the worker serve this socket; returns when it is done with it, or is gone."""
        self._number += 1
        number = self._number
        events = self._sockets[number] = asyncio.Queue(_MOST_WAITING)
        told = {name: scope[name] for name in _PASSED if scope.get(name) is not None}
        told["extensions"] = {name: {} for name in scope.get("extensions") or {}}
        self._say(SocketOpened(number, packed(told)))
        hearing = asyncio.create_task(self._hear(number, receive), name="socket to its worker")
        opened = over = False
        try:
            while (event := await events.get()) is not None:
                opened = opened or event["type"] == "websocket.accept"
                over = over or event["type"] == "websocket.close"
                await send(event)
            if not over and not hearing.done():
                await send({"type": "websocket.close", "code": _RESTARTING, "reason": "the call was lost"})
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            del self._sockets[number]
            self._say(SocketOver(number))

    async def _hear(self, number: int, receive: Receive) -> None:
        while True:
            event = await receive()
            self._say(SocketEvent(number, packed(event)))
            if event["type"] == "websocket.disconnect":
                return

    def take(self, message: SocketEvent | SocketOver) -> None:
        """The worker has something for a socket, or is done with it."""
        events = self._sockets.get(message.number)
        if events is None:
            return
        event = unpacked(message.event, dict[str, Any]) if isinstance(message, SocketEvent) else None
        _put(events, event)

    def lose(self) -> None:
        """The worker is gone: so are its sockets' calls."""
        for events in self._sockets.values():
            _put(events, None)


class SocketsFar:
    """The sockets that another process has, and that this one serves.

    Args:
        app: serves them.
        say: sends a message to that process.
    """

    def __init__(self, app: ASGIApp, say: Callable[[WireMessage], None]) -> None:
        self._app = app
        self._say = say
        self._sockets: dict[int, tuple[asyncio.Queue[Message | None], asyncio.Task[None]]] = {}

    def take(self, message: SocketOpened | SocketEvent | SocketOver) -> None:
        """A socket was opened, has said something, or is gone."""
        if isinstance(message, SocketOpened):
            events: asyncio.Queue[Message | None] = asyncio.Queue(_MOST_WAITING)
            serving = self._serve(message.number, unpacked(message.scope, dict[str, Any]), events)
            self._sockets[message.number] = (events, asyncio.create_task(serving, name="far socket"))
        elif (there := self._sockets.get(message.number)) is not None:
            if isinstance(message, SocketEvent):
                _put(there[0], unpacked(message.event, dict[str, Any]))
            else:
                _put(there[0], {"type": "websocket.disconnect", "code": 1006})

    async def close(self) -> None:
        """The other process is gone, or wants nothing more."""
        tasks = [task for _, task in self._sockets.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(
        self, number: int, told: Mapping[str, Any], events: asyncio.Queue[Message | None]
    ) -> None:
        scope: Scope = {
            **told,
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "headers": [(bytes(name), bytes(value)) for name, value in told["headers"]],
        }

        async def receive() -> Message:
            event = await events.get()
            return event or {"type": "websocket.disconnect", "code": 1006}

        async def send(event: Message) -> None:
            self._say(SocketEvent(number, packed(event)))

        try:
            await self._app(scope, receive, send)
        finally:
            del self._sockets[number]
            self._say(SocketOver(number))


def _put(events: asyncio.Queue[Message | None], event: Message | None) -> None:
    """Hand it on; one who takes nothing any more loses the socket."""
    if events.full():
        while not events.empty():
            events.get_nowait()
        event = None
    events.put_nowait(event)

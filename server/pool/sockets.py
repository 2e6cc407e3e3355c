"""Callers by WebSocket, where their calls are in another process: the socket's events go to and fro as messages.

The process with the port keeps the socket; the worker sees the same ASGI events as if it were its own. So whatever
serves WebSockets beside a desk does so in a worker as well. HTTP requests can be carried the same way: those that come
to another node's port are.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..access.grant import Authorize, Grant
from ..calls import CallDesk
from ..gate import Gate
from ..pipecat.socket import rtvi_opening
from ..refusals import Refusal
from ..sockets.door import LET_IN, LetIn
from ..sockets.opening import native_opening
from ..sockets.routes import SocketDoor, no_socket, socket_routes
from ..telephone.accounts import TelephoneAccounts
from ..telephone.door import TelephoneDoor, telephone_streams
from .wire import Message as WireMessage
from .wire import Refused, SocketEvent, SocketOpened, SocketOver, packed, unpacked

__all__ = ["SocketsFar", "SocketsHere", "sockets_app"]

logger = logging.getLogger("livegraph.server")

_MOST_WAITING = 512
"""Events of one socket that nobody has taken: ten seconds of a telephone's."""
_COUNTED_WITHIN_S = 5.0
_RESTARTING = 1012
_PASSED = (
    "type",
    "method",
    "http_version",
    "raw_path",
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
    """The sockets and requests that this process has, and that another one serves.

    Args:
        say: sends a message to that one.
    """

    def __init__(self, say: Callable[[WireMessage], None]) -> None:
        self._say = say
        self._sockets: dict[int, asyncio.Queue[Message | None]] = {}
        self._number = 0

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it serve this socket or request; returns when it is done with it, or is gone."""
        self._number += 1
        number = self._number
        events = self._sockets[number] = asyncio.Queue(_MOST_WAITING)
        told = {name: scope[name] for name in _PASSED if scope.get(name) is not None}
        told["extensions"] = {name: {} for name in scope.get("extensions") or {}}
        let_in: LetIn | None = scope.get(LET_IN)
        told[LET_IN] = let_in is not None
        self._say(SocketOpened(number, packed(told)))
        hearing = asyncio.create_task(self._hear(number, receive), name="socket to its worker")
        sent = ""
        try:
            while (event := await events.get()) is not None:
                if event["type"] == LET_IN:
                    self._say(SocketEvent(number, packed(await _asked(let_in, event["grant"]))))
                    continue
                sent = event["type"]
                await send(event)
            if scope["type"] == "http":
                if not sent:
                    await _unserved(scope, receive, send)
            elif sent != "websocket.close" and not hearing.done():
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
            if event["type"] in ("websocket.disconnect", "http.disconnect"):
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
    """The sockets and requests that another process has, and that this one serves.

    Args:
        app: serves them.
        say: sends a message to that process.
    """

    def __init__(self, app: ASGIApp, say: Callable[[WireMessage], None]) -> None:
        self._app = app
        self._say = say
        self._sockets: dict[int, tuple[asyncio.Queue[Message | None], asyncio.Task[None]]] = {}
        self._asking: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        """Sockets whose caller is being counted where the socket is."""

    def take(self, message: SocketOpened | SocketEvent | SocketOver) -> None:
        """A socket was opened, has said something, or is gone."""
        if isinstance(message, SocketOpened):
            events: asyncio.Queue[Message | None] = asyncio.Queue(_MOST_WAITING)
            serving = self._serve(message.number, unpacked(message.scope, dict[str, Any]), events)
            self._sockets[message.number] = (events, asyncio.create_task(serving, name="far socket"))
        elif (there := self._sockets.get(message.number)) is not None:
            event = unpacked(message.event, dict[str, Any]) if isinstance(message, SocketEvent) else None
            asking = self._asking.get(message.number)
            if event is None or event["type"] != LET_IN:
                _put(there[0], event)
            elif asking is not None and not asking.done():
                asking.set_result(event["refused"])

    async def close(self) -> None:
        """The other process is gone, or wants nothing more."""
        tasks = [task for _, task in self._sockets.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(
        self, number: int, told: Mapping[str, Any], events: asyncio.Queue[Message | None]
    ) -> None:
        gone = {"type": f"{told['type']}.disconnect", "code": 1006}
        scope: Scope = {
            **told,
            "asgi": {"version": "3.0"},
            "headers": [(bytes(name), bytes(value)) for name, value in told["headers"]],
        }

        async def receive() -> Message:
            event = await events.get()
            return event or gone

        async def send(event: Message) -> None:
            self._say(SocketEvent(number, packed(event)))

        async def let_in(grant: Grant) -> None:
            answer = self._asking[number] = asyncio.get_running_loop().create_future()
            try:
                await send({"type": LET_IN, "grant": grant})
                async with asyncio.timeout(_COUNTED_WITHIN_S):
                    refused = await answer
            except TimeoutError:
                raise _no_answer() from None
            finally:
                del self._asking[number]
            if refused is not None:
                raise msgspec.convert(refused, Refused).refusal()

        if scope.pop(LET_IN, False):
            scope[LET_IN] = let_in
        try:
            await self._app(scope, receive, send)
        except Exception:
            # One request's fault is no other's: whoever serves it here has answered it, or the far side does.
            logger.exception("a request from another process failed")
        finally:
            del self._sockets[number]
            self._say(SocketOver(number))


async def _asked(let_in: LetIn | None, grant: object) -> Message:
    """Count the caller; what the worker is told of it."""
    try:
        if let_in is not None:
            await let_in(msgspec.convert(grant, Grant))
    except Refusal as refusal:
        return {"type": LET_IN, "refused": msgspec.to_builtins(Refused.of(0, refusal))}
    return {"type": LET_IN, "refused": None}


async def _unserved(scope: Scope, receive: Receive, send: Send) -> None:
    await _no_answer().response()(scope, receive, send)


def _no_answer() -> Refusal:
    words = ("no_answer", "Who serves this does not answer.", "Try again.")
    return Refusal(503, *words, {"Retry-After": "1"})


def _put(events: asyncio.Queue[Message | None], event: Message | None) -> None:
    """Hand it on; one who takes nothing any more loses the socket."""
    if events.full():
        while not events.empty():
            events.get_nowait()
        event = None
    events.put_nowait(event)

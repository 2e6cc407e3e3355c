"""Callers by WebSocket, where their calls are in another process: the socket's events go to and fro as messages.

The process with the port keeps the socket; the worker sees the same ASGI events as if it were its own. So whatever
serves WebSockets beside a desk does so in a worker as well. HTTP requests can be carried the same way: those that come
to another node's port are.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from ..access.grant import Grant
from ..calls import CallDesk
from ..gate import Gate
from ..pipecat.socket import rtvi_opening
from ..refusals import Refusal
from ..sockets.door import DOORKEEPER, Doorkeeper
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
_KEEPER_WITHIN_S = 10.0
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


def sockets_app(desk: CallDesk) -> ASGIApp:
    """The WebSockets of one desk. Who lets their callers in is where the socket is (``Doorkeeper``), and so is what
    guards them, hosts and origins."""
    door = SocketDoor(desk, Gate(None), desk.metrics, (native_opening, rtvi_opening))
    accounts = TelephoneAccounts.from_environment(os.environ)
    telephones = TelephoneDoor(desk, Gate(None), desk.metrics, accounts)
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
        keeper: Doorkeeper | None = scope.get(DOORKEEPER)
        told[DOORKEEPER] = keeper is not None
        self._say(SocketOpened(number, packed(told)))
        hearing = asyncio.create_task(self._hear(number, receive), name="socket to its worker")
        sent, gone = "", False
        try:
            while (event := await events.get()) is not None:
                if event["type"] == DOORKEEPER:
                    if keeper is not None:
                        self._say(SocketEvent(number, packed(await _asked(keeper, event))))
                    continue
                sent = event["type"]
                try:
                    if not gone and not hearing.done():
                        await send(event)
                except (WebSocketDisconnect, RuntimeError, OSError):
                    # Its caller left in this moment: the worker hears of it by what is received, and comes to its end.
                    gone = True
            if scope["type"] == "http":
                if not sent:
                    await _unserved(scope, receive, send)
            elif sent != "websocket.close" and not gone and not hearing.done():
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
        self._asking: dict[int, asyncio.Future[Message]] = {}
        """What is asked where the socket is, by its number."""

    def take(self, message: SocketOpened | SocketEvent | SocketOver) -> None:
        """A socket was opened, has said something, or is gone."""
        if isinstance(message, SocketOpened):
            events: asyncio.Queue[Message | None] = asyncio.Queue(_MOST_WAITING)
            serving = self._serve(message.number, unpacked(message.scope, dict[str, Any]), events)
            self._sockets[message.number] = (events, asyncio.create_task(serving, name="far socket"))
        elif (there := self._sockets.get(message.number)) is not None:
            event = unpacked(message.event, dict[str, Any]) if isinstance(message, SocketEvent) else None
            asking = self._asking.get(message.number)
            if event is None or event["type"] != DOORKEEPER:
                _put(there[0], event)
            elif asking is not None and not asking.done():
                asking.set_result(event)

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

        async def ask(what: str, given: object) -> Message:
            answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            self._asking[number] = answer
            try:
                await send({"type": DOORKEEPER, "asked": what, "given": given})
                async with asyncio.timeout(_KEEPER_WITHIN_S):
                    return await answer
            except TimeoutError:
                raise _no_answer() from None
            finally:
                del self._asking[number]

        if scope.pop(DOORKEEPER, False):
            scope[DOORKEEPER] = _FarKeeper(ask)
        try:
            await self._app(scope, receive, send)
        except Exception:
            # One request's fault is no other's: whoever serves it here has answered it, or the far side does.
            logger.exception("a request from another process failed")
        finally:
            del self._sockets[number]
            self._say(SocketOver(number))


class _FarKeeper:
    """See ``Doorkeeper``: it is asked by messages, where the socket is."""

    def __init__(self, ask: Callable[[str, object], Awaitable[Message]]) -> None:
        self._ask = ask

    async def grant(self, bearer: str) -> Grant:
        return msgspec.convert(await self._asked("grant", bearer), Grant)

    async def let_in(self, grant: Grant) -> None:
        await self._asked("let_in", grant)

    async def take_back(self, grant: Grant) -> None:
        await self._asked("take_back", grant)

    async def _asked(self, what: str, given: object) -> Any:
        answer = await self._ask(what, given)
        if answer["refused"] is not None:
            raise msgspec.convert(answer["refused"], Refused).refusal()
        return answer["value"]


async def _asked(keeper: Doorkeeper, event: Message) -> Message:
    """Ask for a worker; what it is told."""
    given, value = event["given"], None
    try:
        match event["asked"]:
            case "grant":
                value = await keeper.grant(str(given))
            case "let_in":
                await keeper.let_in(msgspec.convert(given, Grant))
            case "take_back":
                await keeper.take_back(msgspec.convert(given, Grant))
    except Refusal as refusal:
        return {"type": DOORKEEPER, "refused": msgspec.to_builtins(Refused.of(0, refusal)), "value": None}
    return {"type": DOORKEEPER, "refused": None, "value": value}


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

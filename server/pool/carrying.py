"""Sockets and requests over a stream: handed on at one end, served at the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from .sockets import SocketsFar, SocketsHere
from .stream import Join, Stream
from .wire import Message, SocketEvent, SocketOpened, SocketOver, WireError

__all__ = ["handing_on", "serving_far"]


@asynccontextmanager
async def handing_on(join: Join) -> AsyncIterator[tuple[SocketsHere, asyncio.Event]]:
    """What carries this process's sockets to the other end, until the block ends; the event tells that that is gone."""
    gone = asyncio.Event()
    stream: Stream | None = None

    def say(message: Message) -> None:
        if stream is not None:
            stream.send(message)

    sockets = SocketsHere(say)

    def heard(message: Message) -> None:
        if not isinstance(message, SocketEvent | SocketOver):
            raise WireError(f"who serves sockets has sent {type(message).__name__}")
        sockets.take(message)

    stream = await join(heard, gone.set)
    try:
        yield sockets, gone
    finally:
        sockets.lose()
        stream.close()


@asynccontextmanager
async def serving_far(join: Join, app: ASGIApp) -> AsyncIterator[asyncio.Event]:
    """Have ``app`` serve what the other end hands on, until the block ends; the event tells that that is gone."""
    gone = asyncio.Event()
    stream: Stream | None = None

    def say(message: Message) -> None:
        if stream is not None:
            stream.send(message)

    far = SocketsFar(app, say)

    def heard(message: Message) -> None:
        if not isinstance(message, SocketOpened | SocketEvent | SocketOver):
            raise WireError(f"who has sockets has sent {type(message).__name__}")
        far.take(message)

    stream = await join(heard, gone.set)
    try:
        yield gone
    finally:
        stream.close()
        await far.close()

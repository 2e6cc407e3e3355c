"""Actors of a Ray cluster that talk with this process in messages (``wire``): said by calls, heard by polling."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from .stream import Heard, Join
from .wire import Message, Unframer, WireError, framed

__all__ = ["InOrder", "Mailbox", "Outbox", "stream_by", "stream_to"]

# Ray's own annotations differ from release to release, and it need not be there where types are checked.
ray: Any = import_module("ray")
RayError: Any = import_module("ray.exceptions").RayError
ActorDiedError: Any = import_module("ray.exceptions").ActorDiedError

_POLL_S = 10.0
_MOST_WAITING = 10_000
_MOST_EARLY = 10_000


class InOrder:
    """Puts what came in another order than it was said in back into that order."""

    def __init__(self) -> None:
        self._early: dict[int, bytes] = {}
        self._next = 0

    def feed(self, number: int, data: bytes) -> Iterator[bytes]:
        """What can be taken now that ``data`` has come, which was said as the one of this ``number``, from 0 on.

        Raises ``WireError`` when one is missing for long.
        """
        self._early[number] = data
        if len(self._early) > _MOST_EARLY:
            raise WireError("a message is missing")
        while (following := self._early.pop(self._next, None)) is not None:
            self._next += 1
            yield following


class Outbox:
    """What waits to be fetched."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)

    def put(self, data: bytes) -> bool:
        """Add to it; whether there was room."""
        try:
            self._waiting.put_nowait(data)
        except asyncio.QueueFull:
            return False
        return True

    async def take(self, over: asyncio.Future[None], within_s: float) -> bytes | None:
        """All that waits, as soon as there is something; empty for nothing, ``None`` when it is over."""
        waiting = asyncio.ensure_future(self._waiting.get())
        waits: set[asyncio.Future[Any]] = {waiting, over}
        done, _ = await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if waiting not in done:
            waiting.cancel()
            return None if over in done else b""
        found = [waiting.result()]
        while not self._waiting.empty():
            found.append(self._waiting.get_nowait())
        return b"".join(found)


class Mailbox:
    """The actor's side: messages come by ``say`` and are fetched by ``hear``. A ``Stream`` for who works in the actor.

    Args:
        path: where Python looks for modules in the process that makes the actor.
    """

    def __init__(self, path: Sequence[str]) -> None:
        sys.path[:] = [*sys.path, *(each for each in path if each not in sys.path)]
        self._unframer = Unframer()
        self._in = InOrder()
        self._out = Outbox()
        self._heard: Heard | None = None
        self._over: Callable[[], None] | None = None
        self._working: asyncio.Task[None] | None = None
        """What the actor is there for: when it is done, so is the stream."""

    async def say(self, number: int, data: bytes) -> None:
        """Messages from the other side. Calls may begin in another order than they were made in: ``number`` has it."""
        assert self._heard is not None
        for following in self._in.feed(number, data):
            for message in self._unframer.feed(following):
                self._heard(message)

    async def hear(self) -> bytes | None:
        """Messages for the other side, as soon as there are some; empty for none, ``None`` when it is over."""
        assert self._working is not None
        return await self._out.take(self._working, _POLL_S)

    def send(self, message: Message) -> None:
        """See ``Stream``."""
        if not self._out.put(framed(message)) and self._over is not None:
            # Nobody fetches them: the other side is gone, or as good as that.
            self._over()

    def close(self) -> None:
        """See ``Stream``: what was sent waits to be fetched."""


class _ActorStream:
    """See ``Stream``: to an actor."""

    def __init__(
        self,
        say: Callable[[int, bytes], object],
        hear: Callable[[], Awaitable[bytes | None]],
        heard: Heard,
        over: Callable[[], None],
    ) -> None:
        self._say = say
        self._hear = hear
        self._heard = heard
        self._over = over
        self._said = 0
        self._polling = asyncio.create_task(self._poll(), name="actor's messages")

    def send(self, message: Message) -> None:
        self._say(self._said, framed(message))
        self._said += 1

    def close(self) -> None:
        self._polling.cancel()

    async def _poll(self) -> None:
        unframer = Unframer()
        try:
            while (data := await self._hear()) is not None:
                for message in unframer.feed(data):
                    self._heard(message)
        except (RayError, WireError):
            # The actor is gone, or its node is.
            pass
        finally:
            self._over()


def stream_by(say: Callable[[int, bytes], object], hear: Callable[[], Awaitable[bytes | None]]) -> Join:
    """A stream by two methods of an actor's handle: one is told numbered messages, the other gives those that wait,
    ``None`` when it is over."""

    async def join(heard: Heard, over: Callable[[], None]) -> _ActorStream:
        return _ActorStream(say, hear, heard, over)

    return join


def stream_to(actor: Any) -> Join:
    """A stream to a ``Mailbox``, by its handle."""
    return stream_by(actor.say.remote, actor.hear.remote)

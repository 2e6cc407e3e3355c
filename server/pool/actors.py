"""Actors of a Ray cluster that talk with this process in messages (``wire``): said by calls, heard by polling."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from .stream import Heard, Join
from .wire import Message, Unframer, WireError, framed

__all__ = ["Mailbox", "stream_to"]

# Ray's own annotations differ from release to release, and it need not be there where types are checked.
ray: Any = import_module("ray")
RayError: Any = import_module("ray.exceptions").RayError
ActorDiedError: Any = import_module("ray.exceptions").ActorDiedError

_POLL_S = 10.0
_MOST_WAITING = 10_000
_MOST_EARLY = 10_000


class Mailbox:
    """The actor's side: messages come by ``say`` and are fetched by ``hear``. A ``Stream`` for who works in the actor.

    Args:
        path: where Python looks for modules in the process that makes the actor.
    """

    def __init__(self, path: Sequence[str]) -> None:
        sys.path[:] = [*sys.path, *(each for each in path if each not in sys.path)]
        self._unframer = Unframer()
        self._early: dict[int, bytes] = {}
        self._next = 0
        self._out: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._heard: Heard | None = None
        self._over: Callable[[], None] | None = None
        self._working: asyncio.Task[None] | None = None
        """What the actor is there for: when it is done, so is the stream."""

    async def say(self, number: int, data: bytes) -> None:
        """Messages from the other side. Calls may begin in another order than they were made in: ``number`` has it."""
        assert self._heard is not None
        self._early[number] = data
        if len(self._early) > _MOST_EARLY:
            raise WireError("a message is missing")
        while (following := self._early.pop(self._next, None)) is not None:
            self._next += 1
            for message in self._unframer.feed(following):
                self._heard(message)

    async def hear(self) -> bytes | None:
        """Messages for the other side, as soon as there are some; empty for none, ``None`` when it is over."""
        assert self._working is not None
        waiting = asyncio.ensure_future(self._out.get())
        done, _ = await asyncio.wait(
            {waiting, self._working}, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting not in done:
            waiting.cancel()
            return None if self._working in done else b""
        found = [waiting.result()]
        while not self._out.empty():
            found.append(self._out.get_nowait())
        return b"".join(found)

    def send(self, message: Message) -> None:
        """See ``Stream``."""
        try:
            self._out.put_nowait(framed(message))
        except asyncio.QueueFull:
            # Nobody fetches them: the other side is gone, or as good as that.
            if self._over is not None:
                self._over()

    def close(self) -> None:
        """See ``Stream``: what was sent waits to be fetched."""


class _ActorStream:
    """See ``Stream``: to an actor."""

    def __init__(self, actor: Any, heard: Heard, over: Callable[[], None]) -> None:
        self._actor = actor
        self._heard = heard
        self._over = over
        self._said = 0
        self._polling = asyncio.create_task(self._poll(), name="actor's messages")

    def send(self, message: Message) -> None:
        self._actor.say.remote(self._said, framed(message))
        self._said += 1

    def close(self) -> None:
        self._polling.cancel()

    async def _poll(self) -> None:
        unframer = Unframer()
        try:
            while (data := await self._actor.hear.remote()) is not None:
                for message in unframer.feed(data):
                    self._heard(message)
        except (RayError, WireError):
            # The actor is gone, or its node is.
            pass
        finally:
            self._over()


def stream_to(actor: Any) -> Join:
    """A stream to a ``Mailbox``, by its handle."""

    async def join(heard: Heard, over: Callable[[], None]) -> _ActorStream:
        return _ActorStream(actor, heard, over)

    return join

"""A Live session over any number of connections: opens them, reads, sends, and comes back when one breaks.

All decisions are elsewhere (`closing`: what an end means; `protocol`: what a message means). The reader hands
every message on at once and waits for nothing but the next one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from ....pipeline.clock import Clock
from ....pipeline.errors import ServiceError
from ....pipeline.units import SECOND, format_duration
from ..wire import ServerMessage, WireError, decode_server
from ..wire.link import Link, LinkClosed
from .closing import Judgement, Then, judge
from .outbox import Outbox

__all__ = ["Session", "SessionOwner", "Wire"]

_OPEN_WITHIN_NS = 10 * SECOND
"""For the first connection, with all that is tried."""
_RESUME_WITHIN_NS = 30 * SECOND
_ATTEMPT_NS = 10 * SECOND
"""For one connection, from the first packet to ``setupComplete``."""
_CLOSE_NS = 1 * SECOND
_BACKOFF_NS = (0, SECOND // 2, SECOND, 2 * SECOND, 4 * SECOND)

Change = Literal["connected", "lost", "resumed", "renewed", "closed"]


@dataclass(frozen=True, slots=True)
class Wire:
    """How to reach the server.

    ``connect`` opens a link, ``setup(handle)`` is its first message, ``where`` names the other side,
    ``credential`` the option that says who we are, and ``redact`` takes secrets out of what the server says.
    """

    connect: Callable[[], Awaitable[Link]]
    setup: Callable[[str], str]
    where: str
    credential: str
    redact: Callable[[str], str]


class SessionOwner(Protocol):
    """Whom a session reports to. Everything here returns at once."""

    def handle(self) -> str:
        """The handle to resume by; empty for none."""
        ...

    def received(self, message: ServerMessage) -> None:
        """The server said something."""
        ...

    def unreadable(self, error: WireError) -> None:
        """The server said something that is no message."""
        ...

    def changed(self, change: Change, detail: str) -> None:
        """A connection was made, lost or replaced; ``renewed``: by one that knows nothing of what was said."""
        ...


class Session:
    """One session. ``open``, then ``run`` until it is cancelled or fails, then ``close``."""

    def __init__(
        self, wire: Wire, outbox: Outbox, owner: SessionOwner, clock: Clock, jitter: random.Random
    ) -> None:
        self._wire = wire
        self._outbox = outbox
        self._owner = owner
        self._clock = clock
        self._jitter = jitter
        self._link: Link | None = None

    async def open(self) -> None:
        """Connect for the first time; errors that can pass are retried. Raises ``ServiceError``."""
        deadline_ns = self._clock.now_ns() + _OPEN_WITHIN_NS
        for delay_ns in self._delays():
            await self._sleep(delay_ns, deadline_ns)
            judged = await self._attempt("", deadline_ns)
            if judged is None:
                self._owner.changed("connected", self._wire.where)
                return
            if judged.then is not Then.RESUME or self._clock.now_ns() >= deadline_ns:
                raise judged.error

    async def run(self) -> None:
        """Read and send, over as many connections as it takes. Raises ``ServiceError`` when none can be had."""
        while True:
            assert self._link is not None
            closed = await self._converse(self._link)
            await self._drop_link()
            judged = self._judge(closed, opening=False)
            if judged.then is Then.GIVE_UP:
                self._owner.changed("closed", "")
                raise judged.error
            self._owner.changed("lost", str(judged.error))
            await self._come_back(judged)

    async def close(self) -> None:
        """Say goodbye. Safe to call at any time."""
        if self._link is not None:
            await self._drop_link()
            self._owner.changed("closed", "")

    # One connection ----------------------------------------------------------------------------

    async def _converse(self, link: Link) -> LinkClosed:
        """Use ``link`` until it ends; returns how it did."""
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(self._send(link), name="gemini_live.sender")
            closed = await self._read(link)
            sender.cancel()
        return closed

    async def _read(self, link: Link) -> LinkClosed:
        while True:
            try:
                raw = await link.recv()
            except LinkClosed as closed:
                return closed
            self._take(raw)

    def _take(self, raw: str | bytes) -> ServerMessage | None:
        try:
            message = decode_server(raw)
        except WireError as error:
            self._owner.unreadable(error)
            return None
        self._owner.received(message)
        return message

    async def _send(self, link: Link) -> None:
        while True:
            message = self._outbox.take()
            if message is None:
                await self._outbox.filled()
                continue
            try:
                await link.send(message)
            except LinkClosed:
                # The reader learns of it too, and says how the link ended.
                self._outbox.put_back()
                return
            except BaseException:
                self._outbox.put_back()
                raise
            self._outbox.sent()

    # Making connections ------------------------------------------------------------------------

    async def _come_back(self, judged: Judgement) -> None:
        began_ns = self._clock.now_ns()
        deadline_ns = began_ns + _RESUME_WITHIN_NS
        handle = "" if judged.then is Then.AFRESH else self._owner.handle()
        for delay_ns in self._delays():
            await self._sleep(delay_ns, deadline_ns)
            failed = await self._attempt(handle, deadline_ns)
            if failed is not None and failed.then is Then.AFRESH and handle:
                handle = ""
                failed = await self._attempt(handle, deadline_ns)
            if failed is None:
                took = format_duration((self._clock.now_ns() - began_ns) // 1_000_000 * 1_000_000)
                self._owner.changed("resumed" if handle else "renewed", f"{self._wire.where}, after {took}")
                return
            if failed.then is Then.GIVE_UP:
                raise failed.error
            if self._clock.now_ns() >= deadline_ns:
                within = format_duration(_RESUME_WITHIN_NS)
                raise ServiceError(
                    f"the connection was lost and could not be made again within {within}: {failed.error}",
                    code=failed.error.code,
                    retryable=True,
                ) from failed.error

    async def _attempt(self, handle: str, deadline_ns: int) -> Judgement | None:
        """Try once; ``None`` when the link is up, else what the failure means."""
        left_ns = max(SECOND, min(_ATTEMPT_NS, deadline_ns - self._clock.now_ns()))
        try:
            async with asyncio.timeout(left_ns / SECOND):
                self._link = await self._wire.connect()
                await self._link.send(self._wire.setup(handle))
                await self._until_set_up(self._link)
            return None
        except TimeoutError:
            failed: LinkClosed | ServiceError = LinkClosed(1006, "no answer in time")
        except (LinkClosed, ServiceError) as error:
            failed = error
        await self._drop_link()
        judged = self._judge(failed, opening=True)
        if judged.then is Then.AFRESH and not handle:
            return Judgement(Then.GIVE_UP, judged.error)
        return judged

    async def _until_set_up(self, link: Link) -> None:
        while True:
            message = self._take(await link.recv())
            if message is not None and message.setup_complete is not None:
                return

    async def _drop_link(self) -> None:
        """Close the old connection: the service refuses a new one to the same session before that."""
        link, self._link = self._link, None
        if link is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_NS / SECOND):
                await link.close()
        except (TimeoutError, LinkClosed):
            link.abort()
        except BaseException:
            link.abort()
            raise

    def _judge(self, ended: LinkClosed | ServiceError, *, opening: bool) -> Judgement:
        if isinstance(ended, LinkClosed):
            ended = LinkClosed(ended.code, self._wire.redact(ended.reason))
        return judge(ended, opening=opening, where=self._wire.where, credential=self._wire.credential)

    def _delays(self) -> Iterator[int]:
        """How long to wait before each attempt, for ever. Calls that broke together do not come back together."""
        yield from (self._jittered(delay_ns) for delay_ns in _BACKOFF_NS)
        while True:
            yield self._jittered(_BACKOFF_NS[-1])

    def _jittered(self, delay_ns: int) -> int:
        return round(delay_ns * self._jitter.uniform(0.75, 1.25))

    async def _sleep(self, delay_ns: int, deadline_ns: int) -> None:
        now_ns = self._clock.now_ns()
        await self._clock.sleep_until_ns(min(now_ns + delay_ns, max(now_ns, deadline_ns)))

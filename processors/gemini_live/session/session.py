"""A Live session over any number of connections: opens them, reads, sends, replaces them, comes back when one breaks.

Decisions are elsewhere (`closing`: what an end means; `renewal`: when to replace a connection; `outbox`: what must
go out again). The reader hands every message on at once and waits for nothing but the next one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Literal, Protocol

from ....pipeline.clock import Clock
from ....pipeline.errors import ServiceError
from ....pipeline.units import MS, SECOND, format_duration
from ..wire import ServerMessage, WireError, decode_server
from ..wire.link import Link, LinkClosed, ReceiptLink
from .closing import Then
from .connecting import Connecting, Failure, Wire
from .outbox import Outbox
from .renewal import DEFAULT_RENEW_AFTER_NS, Renewal

__all__ = ["Session", "SessionOwner"]

_OPEN_WITHIN_NS = 10 * SECOND
"""For the first connection, with all that is tried."""
_HANDLE_WITHIN_NS = 30 * SECOND
"""For coming back to the same session; then a fresh one has to do."""
_MOST_REFUSALS = 6
"""The same in attempts that the server answered: about 11 s. It may hold on to a connection that is no more."""
_RETURN_WITHIN_NS = 60 * SECOND
_ALIVE_NS = 10 * SECOND
"""A connection on which nothing arrives for so long is none, whatever the operating system believes."""
_PROBE_EVERY_NS = 500 * MS
"""While something is unsure: after a loss at most so much of what the server had is said again."""
_IDLE_PROBE_NS = 10 * SECOND
_REPEAT_NS = 2 * SECOND
"""Of a connection that worked until the server closed it, no more than this is said again, however slow its pongs."""
_PART_NS = 1 * SECOND
_QUIET_POLL_NS = 100 * MS

Change = Literal["connected", "lost", "renewing", "resumed", "renewed", "closed"]


class SessionOwner(Protocol):
    """Whom a session reports to. Everything here returns at once."""

    def handle(self) -> str:
        """The handle to resume by; empty for none."""
        ...

    def able(self) -> tuple[bool, bool]:
        """Whether the server can take the session up again as it is now, and whether it ever may."""
        ...

    def quiet_since_ns(self) -> int | None:
        """Since when nobody speaks and nothing is under way; ``None`` when something is."""
        ...

    def received(self, message: ServerMessage) -> None:
        """The server said something."""
        ...

    def unreadable(self, error: WireError) -> None:
        """The server said something that is no message."""
        ...

    def afresh(self) -> None:
        """The old session cannot be had any more: the next connection begins a new one."""
        ...

    def changed(self, change: Change, detail: str) -> None:
        """A connection was made, lost or replaced; ``renewed``: by one to a new session."""
        ...


class Session:
    """One session. ``open``, then ``run`` until it is cancelled or fails, then ``close``.

    Args:
        receipts: whether what the link knows of what has arrived counts; not where the server tells by itself.
        renew_after_ns: age of a connection from which on it is replaced at a quiet moment.
    """

    def __init__(
        self,
        wire: Wire,
        outbox: Outbox,
        owner: SessionOwner,
        clock: Clock,
        jitter: random.Random,
        *,
        receipts: bool = True,
        renew_after_ns: int = DEFAULT_RENEW_AFTER_NS,
    ) -> None:
        self._connecting = Connecting(wire, self._is_set_up, clock, jitter)
        self._outbox = outbox
        self._owner = owner
        self._clock = clock
        self._receipts = receipts
        self._renew_after_ns = renew_after_ns
        self._link: Link | None = None
        self._renewal = Renewal(0)
        self._hurry = asyncio.Event()
        self._heard_ns = 0
        self._sending = self._parting = False

    async def open(self, handle: str = "") -> None:
        """Connect for the first time; errors that can pass are retried. Raises ``ServiceError``.

        With ``handle`` it takes up an earlier session; when that is gone, a new one begins.
        """
        deadline_ns = self._clock.now_ns() + _OPEN_WITHIN_NS
        for delay_ns in self._connecting.delays():
            await self._connecting.sleep(delay_ns, deadline_ns)
            got = await self._connecting.attempt(handle, deadline_ns)
            if not isinstance(got, Failure):
                self._use(got)
                self._owner.changed("connected", self._connecting.wire.where)
                return
            then = got.judged.then
            if then is Then.AFRESH:
                handle = ""
                self._owner.afresh()
            elif then is Then.GIVE_UP or self._clock.now_ns() >= deadline_ns:
                raise got.judged.error

    async def run(self) -> None:
        """Read and send, over as many connections as it takes. Raises ``ServiceError`` when none can be had."""
        while True:
            assert self._link is not None
            closed = await self._converse(self._link)
            await self._leave(closed)
            if closed is None:
                self._owner.changed("renewing", "")
                await self._come_back(self._owner.handle())
                continue
            judged = self._connecting.judge(closed, opening=False)
            if judged.then is Then.GIVE_UP:
                self._owner.changed("closed", "")
                raise judged.error
            self._owner.changed("lost", str(judged.error))
            await self._come_back("" if judged.then is Then.AFRESH else self._owner.handle())

    async def close(self) -> None:
        """Say goodbye. Safe to call at any time."""
        link, self._link = self._link, None
        if link is not None:
            await self._connecting.drop(link)
            self._owner.changed("closed", "")

    def go_away(self, left_ns: int | None) -> None:
        """The server ends this connection in ``left_ns``, or soon."""
        self._renewal.go_away(left_ns, self._clock.now_ns())
        self._hurry.set()

    def renew(self) -> None:
        """Replace the connection at the next quiet moment, so that a new setup takes effect."""
        self._renewal.ask(self._clock.now_ns())
        self._hurry.set()

    # One connection ----------------------------------------------------------------------------

    async def _converse(self, link: Link) -> LinkClosed | None:
        """Use ``link`` until it ends, and return how it did; ``None`` when it is to be replaced."""
        ended: asyncio.Future[LinkClosed | None] = asyncio.get_running_loop().create_future()

        def end(how: LinkClosed | None) -> None:
            if not ended.done():
                ended.set_result(how)

        self._parting = False
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(link, end), name="gemini_live.reader")
            sender = group.create_task(self._send(link), name="gemini_live.sender")
            watchers = [group.create_task(self._renew(end), name="gemini_live.renewer")]
            if isinstance(link, ReceiptLink):
                watchers.append(group.create_task(self._watch(link, end), name="gemini_live.watcher"))
            how = await ended
            for task in watchers:
                task.cancel()
            if how is None:
                await self._part(link, reader, sender)
            sender.cancel()
            reader.cancel()
        return how

    async def _read(self, link: Link, end: Callable[[LinkClosed], None]) -> None:
        while True:
            try:
                raw = await link.recv()
            except LinkClosed as closed:
                end(closed)
                return
            self._take(raw)

    def _take(self, raw: str | bytes) -> ServerMessage | None:
        self._heard_ns = self._clock.now_ns()
        try:
            message = decode_server(raw)
        except WireError as error:
            self._owner.unreadable(error)
            return None
        self._owner.received(message)
        return message

    def _is_set_up(self, raw: str | bytes) -> bool:
        message = self._take(raw)
        return message is not None and message.setup_complete is not None

    async def _send(self, link: Link) -> None:
        outbox = self._outbox
        while not self._parting:
            message = outbox.take()
            if message is None:
                await outbox.filled()
                continue
            self._sending = True
            try:
                await link.send(message)
            except LinkClosed:
                # The reader learns of it too, and says how the link ended.
                outbox.put_back()
                return
            except BaseException:
                outbox.put_back()
                raise
            finally:
                self._sending = False
            outbox.sent(self._clock.now_ns())
            if self._receipts and not isinstance(link, ReceiptLink):
                outbox.confirm(outbox.number)

    async def _watch(self, link: ReceiptLink, end: Callable[[LinkClosed], None]) -> None:
        """Learn what has arrived; find out when nothing does any more, though no end was told."""
        clock = self._clock
        probed_ns = clock.now_ns()
        while True:
            await clock.sleep_until_ns(clock.now_ns() + _PROBE_EVERY_NS)
            now_ns = clock.now_ns()
            if not self._outbox.unsure and not self._sending and now_ns < probed_ns + _IDLE_PROBE_NS:
                continue
            probed_ns = now_ns
            try:
                async with asyncio.timeout(_ALIVE_NS / SECOND):
                    await link.probe()
            except TimeoutError:
                if self._heard_ns < probed_ns:
                    end(LinkClosed(1006, f"no sign of life for {format_duration(_ALIVE_NS)}"))
                    return
            except LinkClosed:
                # The reader says how the link ended.
                return
            if self._receipts:
                self._outbox.confirm(link.received - self._connecting.preamble)

    async def _renew(self, end: Callable[[None], None]) -> None:
        """Wait for the moment to replace the connection."""
        while True:
            now_ns = self._clock.now_ns()
            able, hope = self._owner.able()
            if self._renewal.due(now_ns, self._owner.quiet_since_ns(), able=able, hope=hope):
                end(None)
                return
            self._hurry.clear()
            wait_ns = max(self._renewal.from_ns - now_ns, _QUIET_POLL_NS)
            try:
                async with asyncio.timeout(wait_ns / SECOND):
                    await self._hurry.wait()
            except TimeoutError:
                continue

    async def _part(self, link: Link, reader: asyncio.Task[None], sender: asyncio.Task[None]) -> None:
        """Leave a connection that works: what is under way arrives, in both directions."""
        self._parting = True
        if self._sending:
            await asyncio.wait({sender}, timeout=_PART_NS / SECOND)
        sender.cancel()
        await asyncio.wait({sender})
        try:
            async with asyncio.timeout(_PART_NS / SECOND):
                if isinstance(link, ReceiptLink):
                    await link.probe()
        except (TimeoutError, LinkClosed):
            # Then it is not known what has arrived, and it goes out again.
            pass
        await self._connecting.drop(link)
        await asyncio.wait({reader}, timeout=_PART_NS / SECOND)

    async def _leave(self, closed: LinkClosed | None) -> None:
        """Close what is left of a connection, before another is opened, and find out what it did not carry."""
        link, self._link = self._link, None
        if link is not None and closed is not None and closed.code == 1006:
            # Nobody is there to say goodbye to. And what may still wait on the way must not arrive any more: it is
            # sent again, and the session would hear it twice.
            link.abort()
        elif link is not None:
            await self._connecting.drop(link)
        since_ns = 0
        if self._receipts:
            if isinstance(link, ReceiptLink):
                self._outbox.confirm(link.received - self._connecting.preamble)
            if closed is not None and closed.code != 1006:
                since_ns = self._clock.now_ns() - _REPEAT_NS
        self._outbox.rewind(since_ns)

    def _use(self, link: Link) -> None:
        self._link = link
        self._heard_ns = self._clock.now_ns()
        self._renewal = Renewal(self._heard_ns, self._renew_after_ns)

    # Coming back -------------------------------------------------------------------------------

    async def _come_back(self, handle: str) -> None:
        """Connect again: to the same session while there is hope for it, then to a new one."""
        clock, connecting = self._clock, self._connecting
        began_ns = clock.now_ns()
        resumed, refusals = bool(handle), 0
        if not handle:
            self._begin_afresh()
        delays = connecting.delays()
        while True:
            await connecting.sleep(next(delays), began_ns + _RETURN_WITHIN_NS)
            got = await connecting.attempt(handle, began_ns + _RETURN_WITHIN_NS)
            now_ns = clock.now_ns()
            if not isinstance(got, Failure):
                self._use(got)
                took = format_duration((now_ns - began_ns) // MS * MS)
                self._owner.changed(
                    "resumed" if resumed else "renewed", f"{connecting.wire.where}, after {took}"
                )
                return
            error = got.judged.error
            refusals += got.reached
            if got.judged.then is Then.GIVE_UP:
                raise error
            gone = got.judged.then is Then.AFRESH
            if handle and (gone or refusals >= _MOST_REFUSALS or now_ns >= began_ns + _HANDLE_WITHIN_NS):
                handle, resumed = "", False
                delays = connecting.delays()
                self._begin_afresh()
            elif now_ns >= began_ns + _RETURN_WITHIN_NS:
                within = format_duration(_RETURN_WITHIN_NS)
                raise ServiceError(
                    f"the connection was lost and could not be made again within {within}: {error}",
                    code=error.code,
                    retryable=True,
                ) from error

    def _begin_afresh(self) -> None:
        self._outbox.start_afresh()
        self._owner.afresh()

"""A Live session over any number of connections: opens them, reads, sends, replaces them, comes back when one breaks.

One connection at a time is in use (`connection`), and made and ended by `connecting`. Decisions are elsewhere, and
pure: `closing` (what an end means), `renewal` (when to replace a connection), `outbox` (what must go out again).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from ....liveapi import ServerMessage, WireError, decode_server
from ....liveapi.link import Link
from ....pipeline.clock import Clock
from ....pipeline.errors import ServiceError
from ....pipeline.units import MS, SECOND, format_duration
from .closing import Then
from .connecting import Connecting, Failure, Wire, drop
from .connection import Connection
from .delegate import SessionDelegate
from .outbox import Outbox
from .renewal import DEFAULT_RENEW_AFTER_NS

__all__ = ["Session"]

_OPEN_WITHIN_NS = 10 * SECOND
"""For the first connection, with all that is tried."""
_HANDLE_WITHIN_NS = 30 * SECOND
"""For coming back to the same session; then a fresh one has to do."""
_MOST_REFUSALS = 6
"""The same in attempts that the server answered: about 11 s. It may hold on to a connection that is no more."""
_MOST_REFUSALS_AFTER_SILENCE = 2
"""After a connection that fell silent it does: for a quarter of an hour, and nobody waits that long."""
_RETURN_WITHIN_NS = 60 * SECOND
_SHORT_NS = 2 * SECOND
"""A connection that is lost so soon after it was made was no success: the next is not asked for at once."""
_REFUSING = (1007, 1008, 1009)
"""A running call goes on after the first of these, though not after a second that nothing explains."""
_MOST_UNREAD = 2
"""Connections one after the other that were set up and then took nothing: the server is not one to talk to."""


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
        delegate: SessionDelegate,
        clock: Clock,
        jitter: random.Random,
        *,
        receipts: bool = True,
        renew_after_ns: int = DEFAULT_RENEW_AFTER_NS,
    ) -> None:
        self._connecting = Connecting(wire, self._is_set_up, clock, jitter)
        self._outbox = outbox
        self._delegate = delegate
        self._clock = clock
        self._receipts = receipts
        self._renew_after_ns = renew_after_ns
        self._connection: Connection | None = None
        self._anew = False
        self._refused = False
        """Whether the service has refused a message in this call, which it may do once."""
        self._setup_is_old = False
        self._unread = 0
        self._made_ns = 0
        self._told_to_go = False
        self._short = 0
        """Connections one after the other that were lost as soon as they were made."""
        self._short_since_ns = 0

    async def open(self, handle: str = "") -> None:
        """Connect for the first time; errors that can pass are retried. Raises ``ServiceError``.

        With ``handle`` it takes up an earlier session; when that is gone, a new one begins.
        """
        deadline_ns = self._clock.now_ns() + _OPEN_WITHIN_NS
        why: ServiceError | None = None
        for delay_ns in self._connecting.delays():
            await self._connecting.sleep(delay_ns, deadline_ns)
            got = await self._connecting.attempt(handle, deadline_ns)
            if not isinstance(got, Failure):
                self._use(got)
                self._delegate.changed("connected", self._connecting.wire.where)
                return
            then = got.judged.then
            # Of an attempt that was cut short nothing is known: what an earlier one said is the reason.
            why = why if got.hurried and why is not None else got.judged.error
            if then is Then.AFRESH:
                handle = ""
                self._delegate.afresh()
            elif then is Then.GIVE_UP or self._clock.now_ns() >= deadline_ns:
                raise why

    async def run(self) -> None:
        """Read and send, over as many connections as it takes. Raises ``ServiceError`` when none can be had."""
        while True:
            assert self._connection is not None
            closed = await self._connection.use()
            connection, self._connection = self._connection, None
            await connection.leave(closed)
            if closed is None:
                self._count_short(ended=self._told_to_go)
                self._delegate.changed("renewing", "")
                anew, self._anew = self._anew, False
                await self._come_back("" if anew else self._delegate.handle())
                continue
            self._unread = self._unread + 1 if connection.fell_silent and not connection.answered else 0
            if self._unread >= _MOST_UNREAD:
                self._delegate.changed("closed", "")
                where = self._connecting.wire.where
                raise ServiceError(f"{where} takes connections and reads nothing", code=1006, retryable=True)
            judged = self._connecting.judge(closed, opening=False, first=not self._refused)
            too_big = closed.code == 1009 and not self._outbox.drop_oversized() and self._refused
            self._refused, self._anew = self._refused or closed.code in _REFUSING, False
            if judged.then is Then.GIVE_UP or too_big:
                self._delegate.changed("closed", "")
                raise judged.error
            self._delegate.changed("lost", str(judged.error))
            self._count_short(ended=True)
            handle = "" if judged.then is Then.AFRESH else self._delegate.handle()
            await self._come_back(handle, silent=connection.fell_silent)

    async def close(self) -> None:
        """Say goodbye. Safe to call at any time."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await drop(connection.link)
            self._delegate.changed("closed", "")

    def go_away(self, left_ns: int | None) -> None:
        """The server ends this connection in ``left_ns``, or soon."""
        self._told_to_go = True
        if self._connection is not None:
            self._connection.go_away(left_ns)

    def changed(self) -> None:
        """What the owner says of itself, quiet or able, has changed."""
        if self._connection is not None:
            self._connection.changed()

    def renew(self) -> None:
        """Replace the connection at the next quiet moment, so that a new setup takes effect."""
        if self._connection is not None:
            self._connection.renew()
        else:
            # One that is being made may have been set up before.
            self._setup_is_old = True

    def begin_anew(self) -> None:
        """Leave this session now, and begin another, which is told of the conversation."""
        self._anew = True
        if self._connection is not None:
            self._connection.leave_now()

    def _use(self, link: Link) -> None:
        self._connection = Connection(
            link,
            self._connecting.preamble,
            self._outbox,
            self._delegate,
            self._clock,
            self._take,
            receipts=self._receipts,
            renew_after_ns=self._connecting.jittered(self._renew_after_ns),
        )
        self._made_ns = self._clock.now_ns()
        self._told_to_go = False
        if self._setup_is_old:
            self._connection.renew()

    def _take(self, raw: str | bytes) -> ServerMessage | None:
        try:
            message = decode_server(raw, on_misfit=self._delegate.unreadable)
        except WireError as error:
            self._delegate.unreadable(error)
            return None
        self._delegate.received(message)
        return message

    def _is_set_up(self, raw: str | bytes) -> bool:
        message = self._take(raw)
        return message is not None and message.setup_complete is not None

    def _count_short(self, *, ended: bool) -> None:
        """A connection is over; ``ended``: because the server wanted it."""
        if self._clock.now_ns() - self._made_ns >= _SHORT_NS:
            self._short = 0
            return
        if not ended:
            return
        if not self._short:
            self._short_since_ns = self._made_ns
        self._short += 1

    # Coming back -------------------------------------------------------------------------------

    async def _come_back(self, handle: str, *, silent: bool = False) -> None:
        """Connect again: to the same session while there is hope for it, then to a new one.

        ``silent``: the connection before this fell silent, so that the server may still hold it.
        """
        most_refusals = _MOST_REFUSALS_AFTER_SILENCE if silent else _MOST_REFUSALS
        clock, connecting = self._clock, self._connecting
        # Connections that were of no use count as attempts, and the time since the first of them.
        refusals = max(0, self._short - 1)
        began_ns = self._short_since_ns if refusals else clock.now_ns()
        if refusals >= most_refusals:
            handle = ""
        resumed = bool(handle)
        if not handle:
            self._begin_afresh()
        delays: Iterator[int] = itertools.islice(connecting.delays(), refusals, None)
        if clock.now_ns() >= began_ns + _RETURN_WITHIN_NS:
            within = format_duration(_RETURN_WITHIN_NS)
            where = connecting.wire.where
            raise ServiceError(
                f"{where} takes connections and ends them at once: {self._short} within {within}",
                code=1006,
                retryable=True,
            )
        while True:
            await connecting.sleep(next(delays), began_ns + _RETURN_WITHIN_NS)
            self._setup_is_old = False
            got = await connecting.attempt(handle, began_ns + _RETURN_WITHIN_NS)
            now_ns = clock.now_ns()
            if not isinstance(got, Failure):
                self._use(got)
                took = format_duration((now_ns - began_ns) // MS * MS)
                self._delegate.changed(
                    "resumed" if resumed else "renewed", f"{connecting.wire.where}, after {took}"
                )
                return
            error = got.judged.error
            refusals += got.reached
            if got.judged.then is Then.GIVE_UP:
                raise error
            gone = got.judged.then is Then.AFRESH
            if handle and (gone or refusals >= most_refusals or now_ns >= began_ns + _HANDLE_WITHIN_NS):
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
        self._delegate.afresh()

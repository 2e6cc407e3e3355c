"""One connection, from the moment it is set up: read, written to, watched, and left in good time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ....liveapi.link import EagerLink, Link, LinkClosed, ReceiptLink
from ....pipeline.clock import Clock
from ....pipeline.units import MS, SECOND, format_duration
from ..alarm import Alarm
from .connecting import drop
from .delegate import SessionDelegate
from .outbox import Outbox
from .renewal import Renewal

__all__ = ["Connection"]

_ALIVE_NS = 30 * SECOND
"""A connection on which nothing arrives for so long is none, whatever the operating system believes. The service has
been seen to answer pings after 8 to 30 s while it works, and to think in silence for 12 s."""
_UNREAD_NS = 60 * SECOND
"""One that sends and owes a sign for so long of having read anything does not read."""
_SUSPECT_NS = 5 * SECOND
"""One that owes a sign of life for so long is not waited for when there is another reason to leave it."""
_PROBE_EVERY_NS = 500 * MS
"""While something is unsure: after a loss at most so much of what the server had is said again."""
_QUIET_PROBE_NS = 2 * SECOND
"""The same while the user is silent: to send silence twice takes nothing away."""
_IDLE_PROBE_NS = 10 * SECOND
_PIECE_EVERY = 16
"""In how many messages it is asked how long they are to be."""
_PART_NS = 1 * SECOND


class Connection:
    """A link in use.

    Args:
        preamble: messages that were sent over it already.
        take: is given every message at once, and returns at once.
        receipts: whether what the link knows of what has arrived counts; not where the server tells by itself.
        renew_after_ns: age from which on it is replaced at a quiet moment.
    """

    def __init__(
        self,
        link: Link,
        preamble: int,
        outbox: Outbox,
        delegate: SessionDelegate,
        clock: Clock,
        take: Callable[[str | bytes], object],
        *,
        receipts: bool,
        renew_after_ns: int,
    ) -> None:
        self.link = link
        self._preamble = preamble
        self._outbox = outbox
        self._delegate = delegate
        self._clock = clock
        self._take = take
        self._receipts = receipts
        self._heard_ns = clock.now_ns()
        self._renewal = Renewal(self._heard_ns, renew_after_ns)
        self._over: asyncio.Future[LinkClosed | None] = asyncio.get_running_loop().create_future()
        """How it ends; ``None`` when it is left, to be replaced."""
        self._due = Alarm(clock, self._look)
        """Rings when it may be the moment to replace it."""
        self._ask = False
        """Whether something was sent of which it should be known soon whether it has arrived."""
        self._wake = asyncio.Event()
        """Set for the watcher to look."""
        self._asked_ns: int | None = None
        """Since when the other side owes an answer to a probe."""
        self._sending = self._parting = False
        self.answered = False
        """Whether a probe was ever answered: the other side reads what it is sent."""
        self.fell_silent = False
        """Whether it ended because nothing came any more."""

    def go_away(self, left_ns: int | None) -> None:
        """The server ends this connection in ``left_ns``, or soon."""
        self._renewal.go_away(left_ns, self._clock.now_ns())
        self._look()

    def renew(self) -> None:
        """Replace the connection at the next quiet moment, so that a new setup takes effect."""
        self._renewal.ask(self._clock.now_ns())
        self._look()

    def leave_now(self) -> None:
        """End it as soon as possible: another session is to begin."""
        now_ns = self._clock.now_ns()
        if self._asked_ns is not None and now_ns - max(self._asked_ns, self._heard_ns) >= _SUSPECT_NS:
            # Nobody seems to be there: then the session may be had again on another connection.
            self.fell_silent = True
            self._end(LinkClosed(1006, "no sign of life and no answer"))
            return
        self._renewal.insist(now_ns)
        self._look()

    def changed(self) -> None:
        """What the session's owner says of itself has changed."""
        self._look()

    async def use(self) -> LinkClosed | None:
        """Use it until it ends, and return how it did; ``None`` when it was left, to be replaced."""
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(), name="gemini_live.reader")
            sender = group.create_task(self._send(), name="gemini_live.sender")
            watcher = None
            if isinstance(self.link, ReceiptLink):
                watcher = group.create_task(self._watch(self.link), name="gemini_live.watcher")
            self._look()
            try:
                how = await self._over
            finally:
                self._due.cancel()
            if watcher is not None:
                watcher.cancel()
            if how is None:
                await self._part(reader, sender)
            sender.cancel()
            reader.cancel()
        return how

    async def leave(self, closed: LinkClosed | None) -> None:
        """Close what is left of it, before another is opened, and put back what it did not carry."""
        link = self.link
        if closed is not None and closed.code == 1006:
            # Nobody is there to say goodbye to. And what may still wait on the way must not arrive any more: it is
            # sent again, and the session would hear it twice.
            link.abort()
        else:
            await drop(link)
        if self._receipts and isinstance(link, ReceiptLink):
            self._outbox.confirm(link.received - self._preamble)
        # What is not confirmed goes out again: a word said twice is better than one that nobody hears.
        self._outbox.rewind()

    def _end(self, how: LinkClosed | None) -> None:
        if not self._over.done():
            self._over.set_result(how)

    def _look(self) -> None:
        """See whether it is the moment to replace it, or when that will be."""
        if self._over.done():
            return
        able, hope = self._delegate.able()
        due_ns = self._renewal.due_ns(self._delegate.quiet_since_ns, able=able, hope=hope)
        if due_ns is not None and due_ns <= self._clock.now_ns():
            self._end(None)
        else:
            self._due.set(due_ns)

    # Tasks -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            try:
                raw = await self.link.recv()
            except LinkClosed as closed:
                self._end(closed)
                return
            except Exception as error:
                self._end(_as_lost(error))
                return
            self._heard_ns = self._clock.now_ns()
            self._take(raw)

    async def _send(self) -> None:
        link, outbox = self.link, self._outbox
        # Asked once: whether something has a protocol's members costs more than to encode a message.
        arrives = self._receipts and not isinstance(link, ReceiptLink)
        send_now = link.send_now if isinstance(link, EagerLink) else None

        def sent() -> None:
            if outbox.sent(self._clock.now_ns()):
                self._ask = True
                self._wake.set()
            if arrives:
                outbox.confirm(outbox.number)
            if not outbox.number % _PIECE_EVERY:
                outbox.piece_ns = getattr(link, "piece_ns", 0)

        def at_once() -> bool:
            """Send in the step in which it came, which costs no wake-up of this task."""
            if send_now is None or self._sending or self._parting or (message := outbox.take()) is None:
                return False
            if not send_now(message):
                outbox.put_back()
                return False
            sent()
            return True

        outbox.piece_ns = getattr(link, "piece_ns", 0)
        outbox.at_once = at_once
        try:
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
                except Exception as error:
                    # Whatever it is: over such a link nothing goes any more.
                    outbox.put_back()
                    self._end(_as_lost(error))
                    return
                except BaseException:
                    outbox.put_back()
                    raise
                finally:
                    self._sending = False
                sent()
        finally:
            outbox.at_once = None

    async def _watch(self, link: ReceiptLink) -> None:
        """Learn what has arrived; find out when nothing does any more, though no end was told."""
        clock, wait = self._clock, asyncio.get_running_loop().call_later
        probe = link.probe_along if isinstance(link, EagerLink) else link.probe
        probed_ns = clock.now_ns()
        while True:
            # A timer that sets the same event costs half of what a timeout does.
            timer = wait(_PROBE_EVERY_NS / SECOND, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                timer.cancel()
            self._wake.clear()
            asked, self._ask = self._ask, False
            now_ns = clock.now_ns()
            unsure = self._outbox.unsure or self._sending
            soon = asked or self._delegate.user_may_speak
            every_ns = (0 if soon else _QUIET_PROBE_NS) if unsure else _IDLE_PROBE_NS
            if now_ns < probed_ns + every_ns:
                continue
            probed_ns = now_ns
            # One that was not answered in time is still owed.
            asked_ns = self._asked_ns = self._asked_ns or now_ns
            try:
                async with asyncio.timeout(_ALIVE_NS / SECOND):
                    await probe()
                self._asked_ns, self.answered = None, True
            except TimeoutError:
                if self._heard_ns < probed_ns:
                    self.fell_silent = True
                    self._end(LinkClosed(1006, f"no sign of life for {format_duration(_ALIVE_NS)}"))
                    return
                if clock.now_ns() - asked_ns >= _UNREAD_NS:
                    self.fell_silent = True
                    self._end(LinkClosed(1006, f"nothing was read for {format_duration(_UNREAD_NS)}"))
                    return
            except LinkClosed:
                # The reader says how the link ended.
                return
            except Exception as error:
                self._end(_as_lost(error))
                return
            if self._receipts:
                self._outbox.confirm(link.received - self._preamble)

    async def _part(self, reader: asyncio.Task[None], sender: asyncio.Task[None]) -> None:
        """Leave a connection that works: what is under way arrives, in both directions."""
        link, self._parting = self.link, True
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
        await drop(link)
        await asyncio.wait({reader}, timeout=_PART_NS / SECOND)


def _as_lost(error: Exception) -> LinkClosed:
    """A link that raises what it should not is a lost link; its words say what it was."""
    return LinkClosed(1006, f"{type(error).__name__}: {error}"[:120])

"""Making and ending one connection: within a deadline, and judged when it fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from ....liveapi.link import Link, LinkClosed
from ....pipeline.clock import Clock
from ....pipeline.errors import ServiceError
from ....pipeline.units import SECOND
from .closing import Judgement, Then, judge

__all__ = ["Connecting", "Failure", "Wire", "drop"]

_ATTEMPT_NS = 10 * SECOND
"""From the first packet to ``setupComplete``."""
_CLOSE_NS = 1 * SECOND
_BACKOFF_NS = (0, SECOND // 2, SECOND, 2 * SECOND, 4 * SECOND)


@dataclass(frozen=True, slots=True)
class Wire:
    """How to reach the server.

    ``connect`` opens a link, ``setup(handle)`` is its first message, ``seed`` gives what a session without a handle
    is told before anything else. ``where`` names the other side, ``credential`` the option that says who we are,
    ``redact`` takes secrets out of what the server says, ``option_at`` gives the option for a field of the setup, and
    ``renew_credential`` says whether another credential can be had when one is refused.
    """

    connect: Callable[[], Awaitable[Link]]
    setup: Callable[[str], str]
    seed: Callable[[], Sequence[str]]
    where: str
    credential: str
    redact: Callable[[str], str]
    option_at: Callable[[str], str]
    renew_credential: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed. ``reached``: the server was there; ``hurried``: there was no time for more."""

    judged: Judgement
    reached: bool
    hurried: bool = False


class Connecting:
    """Opens and closes links to one server. ``take`` is given every message that comes before the link is up."""

    def __init__(
        self, wire: Wire, take: Callable[[str | bytes], bool], clock: Clock, jitter: random.Random
    ) -> None:
        self.wire = wire
        self.preamble = 0
        """How many messages were sent over the newest link before it was up."""
        self._take = take
        self._clock = clock
        self._jitter = jitter
        self._renewed_credential = False
        """Whether a refused credential was replaced since a connection was last made."""

    async def attempt(self, handle: str, deadline_ns: int) -> Link | Failure:
        """Try once: a link on which the session is set up, or why there is none."""
        left_ns = max(SECOND, min(_ATTEMPT_NS, deadline_ns - self._clock.now_ns()))
        link: Link | None = None
        timed_out = False
        try:
            async with asyncio.timeout(left_ns / SECOND):
                link = await self.wire.connect()
                await link.send(self.wire.setup(handle))
                while not self._take(await link.recv()):
                    pass
                seed = () if handle else self.wire.seed()
                for message in seed:
                    await link.send(message)
                self.preamble = 1 + len(seed)
            self._renewed_credential = False
            return link
        except TimeoutError:
            timed_out = True
            failed: LinkClosed | ServiceError = LinkClosed(1006, "no answer in time")
        except (LinkClosed, ServiceError) as error:
            failed = error
        except BaseException:
            if link is not None:
                link.abort()
            raise
        if link is not None:
            await drop(link)
        judged = self.judge(failed, opening=True, resuming=bool(handle))
        if judged.then is Then.AFRESH and not handle:
            judged = Judgement(Then.GIVE_UP, judged.error)
        return Failure(judged, link is not None, timed_out and left_ns < _ATTEMPT_NS)

    def judge(
        self, ended: LinkClosed | ServiceError, *, opening: bool, resuming: bool = False, first: bool = False
    ) -> Judgement:
        """What the end of a connection means. A credential that can be had anew is no reason to give up, once."""
        if isinstance(ended, LinkClosed):
            ended = LinkClosed(ended.code, self.wire.redact(ended.reason))
        wire = self.wire
        judged = judge(
            ended,
            opening=opening,
            where=wire.where,
            credential=wire.credential,
            resuming=resuming,
            first=first,
            option_at=wire.option_at,
        )
        refused = judged.then is Then.GIVE_UP and f"(option {wire.credential})" in str(judged.error)
        if refused and wire.renew_credential() and not self._renewed_credential:
            self._renewed_credential = True
            return Judgement(Then.RESUME, judged.error)
        return judged

    def delays(self) -> Iterator[int]:
        """How long to wait before each attempt, for ever. Calls that broke together do not come back together."""
        yield from (self._jittered(delay_ns) for delay_ns in _BACKOFF_NS)
        while True:
            yield self._jittered(_BACKOFF_NS[-1])

    async def sleep(self, delay_ns: int, deadline_ns: int) -> None:
        """Wait, but not beyond the deadline."""
        now_ns = self._clock.now_ns()
        await self._clock.sleep_until_ns(min(now_ns + delay_ns, max(now_ns, deadline_ns)))

    def jittered(self, age_ns: int) -> int:
        """The age at which a connection is replaced: calls that began together do not do so together."""
        return round(age_ns * self._jitter.uniform(0.85, 1.0))

    def _jittered(self, delay_ns: int) -> int:
        return round(delay_ns * self._jitter.uniform(0.75, 1.25))


async def drop(link: Link) -> None:
    """Close a connection: the service refuses a new one to the same session before that."""
    try:
        async with asyncio.timeout(_CLOSE_NS / SECOND):
            await link.close()
    except (TimeoutError, LinkClosed):
        link.abort()
    except BaseException:
        link.abort()
        raise

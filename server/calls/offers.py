"""Offers that were seen before: one offer makes one call, however often it comes. Sans-IO, but for the futures."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..offering import Answered
from ..refusals import Refusal

__all__ = ["OfferBook", "offer_mark"]

_MOST_MARKS = 4_096
_MARKED = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:")


def offer_mark(sdp: str) -> str:
    """What tells one offer from another: the credentials and the key in it, however the rest of it is written."""
    lines = sorted({line.strip() for line in sdp.splitlines() if line.startswith(_MARKED)})
    return hashlib.sha256("\n".join(lines or [sdp]).encode(errors="replace")).hexdigest()


class OfferBook:
    """Offers that are being answered or wait for their callers, and those that have made their call."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[asyncio.Future[Answered], object]] = {}
        self._used: OrderedDict[str, None] = OrderedDict()

    async def once(self, mark: str, asked: object, answer: Callable[[], Awaitable[Answered]]) -> Answered:
        """The answer to this offer: the one that it had, where it came before, or else what ``answer`` gives.

        Raises ``Refusal`` as ``look_up`` does, and what ``answer`` raises.
        """
        before = self.look_up(mark, asked)
        if before is not None:
            return await asyncio.shield(before)
        answering = self.begin(mark, asked)
        try:
            answered = await answer()
        except BaseException as error:
            # Cancelled as well: whoever sent the same offer waits for this answer.
            self.forget(mark)
            lost = Refusal(503, "no_answer", "The call could not be set up.", "Make a new offer.")
            answering.set_exception(error if isinstance(error, Refusal) else lost)
            # It may be that nobody else waits for it.
            answering.exception()
            raise
        answering.set_result(answered)
        return answered

    def look_up(self, mark: str, asked: object) -> asyncio.Future[Answered] | None:
        """The answer to this offer where it came before and asked for the same; ``None`` for a fresh one.

        Raises ``Refusal`` (409) for one that has made its call, or was made for another one.
        """
        answering = self._open.get(mark)
        if answering is not None and answering[1] == asked:
            return answering[0]
        if mark in self._used:
            raise Refusal(
                409,
                "offer_used",
                "This offer was answered before, and its call is on or over.",
                "Make a new offer.",
            )
        if answering is not None:
            raise Refusal(409, "offer_used", "This offer was made for another call.", "Make a new offer.")
        return None

    def begin(self, mark: str, asked: object) -> asyncio.Future[Answered]:
        """A fresh offer is being answered."""
        answering: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._open[mark] = (answering, asked)
        return answering

    def forget(self, mark: str) -> None:
        """It is answered no more: what it asked for did not come about. Again is fine."""
        with suppress(KeyError):
            del self._open[mark]

    def use_up(self, mark: str) -> None:
        """It has made its call: it makes no other. Again is fine."""
        self.forget(mark)
        self._used[mark] = None
        if len(self._used) > _MOST_MARKS:
            self._used.popitem(last=False)

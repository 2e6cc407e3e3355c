"""The offers and answers of one caller: the first, further ones, and those by which it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...pipeline.errors import TransportError
from .link import Link
from .links import Answer, Links
from .resume_token import ResumeToken
from .sdp import checked_candidates, read_offer
from .sdp.offer import Offer

__all__ = ["Signalling"]


class Signalling:
    """Answers a caller's offers by its links, one after another.

    Args:
        links: the caller's.
        now_ns: the clock.
        is_over: whether the call is; nothing is answered then.
        renewed: is called with a link that has taken other terms.
    """

    def __init__(
        self,
        links: Links,
        now_ns: Callable[[], int],
        is_over: Callable[[], bool],
        renewed: Callable[[Link], None],
    ) -> None:
        self.answer = Answer("", "answer")
        """The last one."""
        self.offered_ns = 0
        """When a fresh link has answered the caller last, who has to connect by it."""
        self.token = ResumeToken()
        self._links = links
        self._now_ns = now_ns
        self._is_over, self._renewed = is_over, renewed
        self._renewing = asyncio.Lock()

    async def begin(self, offer: Offer) -> None:
        """Answer the first offer. Raises ``BadOffer``."""
        self._links.current = await self._links.open(offer)
        self._answered(self._links.current)

    def add_candidates(self, candidates: object) -> None:
        """See ``Peer.add_candidates``."""
        for candidate in checked_candidates(candidates):
            if self._is_over() or not self._links.add_candidate(candidate):
                return

    async def renegotiate(self, sdp: object, kind: object, *, replace: bool) -> Answer:
        """See ``Peer.renegotiate``."""
        return await self._renew(read_offer(sdp, kind), replace=replace)

    async def resume(self, token: str, sdp: object, kind: object) -> Answer:
        """See ``Peer.resume``."""
        if not self.token.matches(token):
            raise TransportError("the token is not good any more")
        offer = read_offer(sdp, kind)
        self._check_open()
        # A second offer with it comes too late, whatever becomes of this one.
        self.token.spend(token)
        return await self._renew(offer, replace=True)

    async def _renew(self, offer: Offer, *, replace: bool) -> Answer:
        async with self._renewing:
            self._check_open()
            link = None if replace else await self._links.renew(offer)
            if link is None:
                self._answered(await self._links.open_next(offer))
            else:
                self.answer = Answer(link.answer, "answer")
                self._renewed(link)
        return self.answer

    def _answered(self, link: Link) -> None:
        self.answer = Answer(link.answer, "answer")
        self.offered_ns = self._now_ns()

    def _check_open(self) -> None:
        if self._is_over():
            raise TransportError("the call is over")

"""The connections of one caller: the one there is, one that is to take its place, and those that are being left."""

from __future__ import annotations

import asyncio
import secrets
from typing import NamedTuple

from .link import Link, LinkListener
from .network import Network
from .sdp.offer import Offer

__all__ = ["Answer", "Links"]

_MOST_CANDIDATES = 128


class Answer(NamedTuple):
    """What a caller gets back for an offer."""

    sdp: str
    type: str


class Links:
    """Opens, replaces and closes links; whoever owns it hears of them as their listener.

    Args:
        name: of the caller, for its tasks.
        video: whether pictures of the caller are wanted.
    """

    def __init__(self, network: Network, listener: LinkListener, name: str, *, video: bool) -> None:
        self.current: Link | None = None
        """The one that is heard."""
        self.coming: Link | None = None
        """The one that takes over when it stands."""
        self._network = network
        self._listener = listener
        self._name = name
        self._video = video
        self._cname = secrets.token_urlsafe(8)
        self._candidates = 0
        self._partings: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> Link | None:
        """The one that was opened last."""
        return self.coming or self.current

    async def open(self, offer: Offer) -> Link:
        """Answer ``offer`` by a link, whose ``answer`` it is. Raises ``BadOffer``; nothing is left behind then."""
        link = Link(self._network, self._listener, secrets.randbits(31) + 1, self._cname, self._video)
        try:
            await link.open(offer)
        except BaseException:
            await link.close()
            raise
        return link

    async def renew(self, offer: Offer) -> Link | None:
        """Answer ``offer`` by the newest link, which is returned, if it is of that connection. Raises ``BadOffer``."""
        link = self.newest
        if link is None or link.over or not link.is_same(offer):
            return None
        await link.renew(offer)
        return link

    async def open_next(self, offer: Offer) -> Link:
        """Answer ``offer`` by a link that takes over when it stands, instead of any other that was to."""
        fresh = await self.open(offer)
        self.forget_coming()
        self.coming = fresh
        return fresh

    def take_over(self) -> None:
        """The link that was coming stands: it is the current one now."""
        old, self.current, self.coming = self.current, self.coming, None
        if old is not None:
            self._part(old)

    def forget_coming(self) -> None:
        """Nothing takes over any more."""
        if self.coming is not None:
            link, self.coming = self.coming, None
            self._part(link)

    def add_candidate(self, candidate: str) -> bool:
        """Where the caller may be, for the newest link; False when it has told more than can be true."""
        if self._candidates >= _MOST_CANDIDATES:
            return False
        self._candidates += 1
        if self.newest is not None:
            self.newest.add_candidate(candidate)
        return True

    def send_rtp(self, packet: bytes) -> None:
        """Over the current link, if there is one."""
        if self.current is not None:
            self.current.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> None:
        """Over the current link, if there is one."""
        if self.current is not None:
            self.current.send_rtcp(packet)

    async def close(self) -> None:
        """Close all of them, and return when nothing is left."""
        for link in (self.current, self.coming):
            if link is not None:
                self._part(link)
        if self._partings:
            await asyncio.wait(self._partings)

    def _part(self, link: Link) -> None:
        """Close a link while the call goes on."""
        task = asyncio.create_task(link.close(), name=f"peer {self._name} parts")
        self._partings.add(task)
        task.add_done_callback(self._partings.discard)

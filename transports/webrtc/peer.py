"""One caller: the sound both ways, and messages, over one connection after another.

::

    peer = await Peer.accept(offer_sdp)
    ...answer the caller with peer.answer and peer.id...
    await plan.call(resources={Peer: peer}).run()
    await peer.close("the call is over")
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from aiortc import RTCDataChannel

from ...pipeline.clock import clock_of_loop
from ...pipeline.units import SECOND
from .channel import MessageChannel
from .link import Link
from .links import Answer, Links
from .listeners import Listeners
from .milestones import Milestones
from .network import Network, shared_network
from .presence import Presence
from .rtp.audio_in import AudioInput
from .rtp.audio_out import AudioOutput
from .rtp.session import MediaSession
from .rtp.statistics import MediaStatistics
from .sdp import read_offer
from .sdp.terms import Terms
from .signalling import Signalling
from .vigil import Vigil

__all__ = ["Answer", "Peer", "PeerState"]

logger = logging.getLogger("livegraph.webrtc")

PeerState = Literal["connecting", "connected", "away", "closed"]


class Peer:
    """A caller, from the offer to the end. Made by ``accept``; the one who made it closes it.

    It closes itself, with a reason, when no connection comes about, and when the caller hangs up. A caller that nothing
    authentic has been heard of for a while is *away*: its sound is awaited, what it would hear waits, and for
    ``resume_within_ns`` it may come back: by itself, by a restart of ICE (``renegotiate``), or over another connection
    (``resume``). Then the call goes on; otherwise it is over.
    """

    def __init__(self, network: Network, connect_within_ns: int, silence_ns: int, video: bool) -> None:
        self.id = secrets.token_urlsafe(16)
        """Unguessable: whoever knows it may steer the call."""
        self.resume_within_ns = 0
        """For how long the call waits for a caller who was lost."""
        self.resumes = False
        """Whether the caller comes back when it has closed its connection without hanging up, as our page does when
        it is reloaded."""
        self.resume_at_least_ns = 0
        """For how long the call waits where it waits at all: some clients take long to notice that they are lost."""
        self._network = network
        self._clock = clock_of_loop()
        self._presence = Presence(silence_ns)
        self._terms: Terms | None = None
        self._state: PeerState = "connecting"
        self._milestones = Milestones()
        self._links = Links(network, self, self.id[:6], video=video)
        self._signalling = Signalling(
            self._links, self._clock.now_ns, lambda: self._milestones.is_over, self._renewed
        )
        self._away: Listeners[bool] = Listeners()
        self._messages = MessageChannel(
            lambda: self._lose("the caller hung up", hung_up=True), self._clock.now_ns
        )
        self._media = MediaSession(
            clock=self._clock, send_rtp=self._links.send_rtp, send_rtcp=self._links.send_rtcp
        )
        self._life = asyncio.create_task(self._live(connect_within_ns), name=f"peer {self.id[:6]}")

    @classmethod
    async def accept(
        cls,
        sdp: object,
        kind: object = "offer",
        *,
        network: Network | None = None,
        video: bool = False,
        connect_within_ns: int = 15 * SECOND,
        silence_ns: int = 5 * SECOND,
    ) -> Peer:
        """Answer a caller's offer.

        Args:
            sdp, kind: the offer and its ``type``, as they came.
            network: how the caller reaches us; by default one that all callers of this loop share.
            video: whether pictures of the caller are wanted.
            connect_within_ns: until the connection must stand.
            silence_ns: after which a caller that is not heard of is away: nothing has come that only it can have sent.

        Raises ``BadOffer`` when the offer cannot be understood. Nothing is left behind then.
        """
        offer = read_offer(sdp, kind)
        network = shared_network() if network is None else network
        await network.hold()
        peer = cls(network, connect_within_ns, silence_ns, video)
        try:
            await peer._signalling.begin(offer)
        except BaseException:
            await peer.close("refused")
            raise
        return peer

    @property
    def answer(self) -> Answer:
        """The last answer to an offer of the caller."""
        return self._signalling.answer

    # State -------------------------------------------------------------------------------------

    @property
    def state(self) -> PeerState:
        """``connecting``, ``connected``, ``away``, ``closed``."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it closed; empty while it has not."""
        return self._milestones.why_closed

    async def reached(self) -> None:
        """Return when the caller has proved where it is, before anything is encrypted.

        Raises ``TransportError`` when the peer closed instead.
        """
        await self._milestones.reached()

    async def connected(self) -> None:
        """Return when sound and messages can flow. Raises ``TransportError`` when the peer closed instead."""
        await self._milestones.connected()

    async def closed(self) -> str:
        """Return when the peer has closed and nothing of it is left, with the reason."""
        return await self._milestones.closed()

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with the reason as soon as the peer begins to close; returns what takes it back."""
        return self._milestones.on_over(listener)

    def on_away(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``listener`` with ``True`` when the caller is lost and with ``False`` when it is back."""
        return self._away.add(listener)

    def leave(self, within_ns: int) -> None:
        """The caller says that it goes and may resume the call at once: it is waited for ``within_ns``."""
        if self._state in ("connected", "away") and not self._milestones.is_over:
            if self._state == "connected":
                self._wait_for_caller("the caller hung up", lasting=True)
            self._presence.left(self._clock.now_ns(), within_ns)

    async def close(self, reason: str = "closed") -> None:
        """Hang up, once the last messages are out, and return when nothing is left.

        Again is fine; the first reason counts.
        """
        self._milestones.end(reason)
        await self.closed()

    # What goes through it ------------------------------------------------------------------------

    @property
    def media(self) -> MediaSession:
        """The caller's microphone, ear, camera and keys."""
        return self._media

    @property
    def audio_in(self) -> AudioInput:
        """The caller's microphone."""
        return self._media.audio_in

    @property
    def audio_out(self) -> AudioOutput:
        """The caller's ear."""
        return self._media.audio_out

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a JSON object to the page, as soon as its channel is open. Never waits; bounded, see ``channel``."""
        self._messages.send(message)

    async def told(self) -> None:
        """Return when what was sent is with the caller's channel; at once where its offer has none.

        Raises ``TransportError`` when the peer closed instead.
        """
        await self.connected()
        link = self._links.current
        if link is not None and link.agreement.data is not None:
            await self._milestones.before_closed(self._messages.sent())

    def on_message(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call ``listener`` for every message of the page; returns what ends that."""
        return self._messages.listen(listener)

    def speak(
        self,
        read_with: Callable[[dict[str, Any]], Iterable[dict[str, Any]]],
        on_label: Callable[[str], object],
    ) -> None:
        """Have what comes read by ``read_with`` before listeners get it, and tell ``on_label`` each channel's name."""
        self._messages.read_with, self._messages.on_label = read_with, on_label

    @property
    def unclear(self) -> int:
        """How many texts of its page were no message."""
        return self._messages.unclear

    def statistics(self) -> MediaStatistics:
        """The numbers of the call's media up to now."""
        return self._media.statistics(self._clock.now_ns())

    def dropped(self) -> dict[str, int]:
        """How much came on the connection that there is and could not be used, by why."""
        return {} if self._link is None else self._link.counts()

    @property
    def remote_address(self) -> str:
        """Where the caller is, for people; empty while that is not known."""
        return "" if self._link is None else self._link.remote_address

    # Further offers ---------------------------------------------------------------------------------

    async def add_candidates(self, candidates: object) -> None:
        """More addresses of the caller, as they were trickled; see ``checked_candidates``. Raises ``BadOffer``."""
        self._signalling.add_candidates(candidates)

    async def renegotiate(self, sdp: object, kind: object = "offer", *, replace: bool = False) -> Answer:
        """Answer a further offer of the caller: other media, or a restart of ICE. The call goes on.

        An offer of another connection than there is (one with another fingerprint), and any with ``replace``, is
        answered with a new one, which takes over when it stands.

        Raises ``BadOffer``; the call then goes on as before. ``TransportError`` when it is over.
        """
        return await self._signalling.renegotiate(sdp, kind, replace=replace)

    async def resume(self, token: str, sdp: object, kind: object = "offer") -> Answer:
        """Answer an offer that carries ``token``: the call goes on over a connection of its own. See ``renegotiate``.

        Raises ``TransportError`` when the token is not the one that is good.
        """
        return await self._signalling.resume(token, sdp, kind)

    def is_token(self, token: str) -> bool:
        """Whether ``token`` is the one that is good now."""
        return self._signalling.token.matches(token)

    @property
    def resume_token(self) -> str:
        """Good for one ``resume``, after which there is another."""
        return self._signalling.token.value

    # What links tell -----------------------------------------------------------------------------------

    def link_reached(self, link: Link) -> None:
        """See ``LinkListener``."""
        self._milestones.reach()

    def link_secured(self, link: Link) -> None:
        """See ``LinkListener``."""
        if self._milestones.is_over or link not in (self._links.current, self._links.coming):
            return
        if link is self._links.coming:
            self._links.take_over()
        self._terms = None
        self._messages.detach()
        self._presence.connected(self._clock.now_ns())
        back = self._state == "away"
        self._state = "connected"
        self._attach(link)
        self._milestones.connect()
        if back:
            self._away.tell(False)

    def link_heard(self, link: Link) -> None:
        """See ``LinkListener``."""
        if link is self._links.current and not link.over and self._presence.heard(self._clock.now_ns()):
            self._came_back(link)

    def link_rtp(self, link: Link, packet: bytes) -> None:
        """See ``LinkListener``."""
        if link is self._links.current:
            now_ns = self._clock.now_ns()
            if self._presence.heard(now_ns):
                self._came_back(link)
            self._media.receive_rtp(packet, now_ns)

    def link_rtcp(self, link: Link, packet: bytes) -> None:
        """See ``LinkListener``."""
        if link is self._links.current:
            self._media.receive_rtcp(packet, self._presence.heard_ns)

    def link_channel(self, link: Link, channel: RTCDataChannel) -> None:
        """See ``LinkListener``."""
        if link is self._links.current:
            self._messages.adopt(channel)

    def link_over(self, link: Link, reason: str, *, hung_up: bool) -> None:
        """See ``LinkListener``."""
        if link is self._links.coming:
            self._links.forget_coming()
        elif link is self._links.current:
            self._lose(reason, hung_up=hung_up)

    # Inside --------------------------------------------------------------------------------------

    @property
    def _link(self) -> Link | None:
        """The connection that is heard."""
        return self._links.current

    def _came_back(self, link: Link) -> None:
        """A caller who was lost is heard again."""
        if self._state == "away" and not self._milestones.is_over:
            self._state = "connected"
            self._terms = None
            self._attach(link)
            self._away.tell(False)

    def _renewed(self, link: Link) -> None:
        """A link has taken other terms."""
        if link is self._links.current and link.secured and self._state == "connected":
            self._attach(link)

    def _attach(self, link: Link) -> None:
        terms = link.agreement.terms
        if terms != self._terms:
            self._terms = terms
            self._media.attach(terms, self._clock.now_ns())

    def _lose(self, reason: str, *, hung_up: bool = False) -> None:
        """The connection carries nothing: wait for the caller, or end."""
        if self._state == "away" or self._milestones.is_over:
            return
        moves = self._links.coming is not None
        if self._state == "connecting" or not (moves or self.resume_within_ns):
            self._milestones.end(reason)
        elif hung_up and not (moves or self.resumes):
            # Who has closed one connection while another is to take its place has not hung up.
            self._milestones.end(reason)
        else:
            self._wait_for_caller(reason, lasting=hung_up)

    def _wait_for_caller(self, reason: str, *, lasting: bool) -> None:
        """Be away; ``lasting`` when it will not come back over the connection that there is."""
        self._state = "away"
        now_ns = self._clock.now_ns()
        within_ns = max(self.resume_within_ns, self.resume_at_least_ns) if self.resume_within_ns else 0
        self._presence.lost(now_ns, reason, within_ns)
        self._media.detach(now_ns)
        if lasting:
            self._messages.detach()
        logger.info("peer %s is away: %s", self.id[:6], reason)
        self._away.tell(True)

    async def _live(self, connect_within_ns: int) -> None:
        """Watch over the deadlines, then take everything down. The only place that does."""
        vigil = Vigil(self._milestones, self._presence, self._links, self._signalling, self._lose)
        try:
            await vigil.keep(self._clock, connect_within_ns)
        except asyncio.CancelledError:
            self._milestones.end("cancelled")
            raise
        finally:
            self._state = "closed"
            try:
                await self._take_down()
            finally:
                logger.info("peer %s closed: %s", self.id[:6], self._milestones.why_over)
                self._milestones.close()

    async def _take_down(self) -> None:
        """Every step is taken, whatever another raises."""
        try:
            await self._messages.drain()
        finally:
            try:
                self._media.close()
            finally:
                await self._links.close()
                await self._network.release()

"""One association with a caller: the way there, the encryption, and the channel for data. A caller may need several."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiortc import RTCDataChannel

from ...pipeline.errors import TransportError
from .ice.lite import Credentials
from .ice.route import Route
from .network import Network
from .sctp import Association
from .sdp.agree import Agreement, Role, agree
from .sdp.answer import Local, write_answer
from .sdp.candidates import is_usable
from .sdp.errors import BadOffer
from .sdp.offer import Offer
from .secure import SecureTransport

__all__ = ["Link", "LinkListener"]

logger = logging.getLogger("livegraph.webrtc")

_CLOSE_WITHIN_S = 2.0


class LinkListener(Protocol):
    """Who owns a link. None of these may raise or wait."""

    def link_reached(self, link: Link) -> None:
        """The caller has proved where it is."""
        ...

    def link_secured(self, link: Link) -> None:
        """Media can flow."""
        ...

    def link_heard(self, link: Link) -> None:
        """Something came that only the caller can have sent."""
        ...

    def link_rtp(self, link: Link, packet: bytes) -> None:
        """An RTP packet, decrypted: that was heard as well."""
        ...

    def link_rtcp(self, link: Link, packet: bytes) -> None:
        """RTCP, decrypted."""
        ...

    def link_channel(self, link: Link, channel: RTCDataChannel) -> None:
        """The caller opened a data channel."""
        ...

    def link_over(self, link: Link, reason: str, *, hung_up: bool) -> None:
        """It will not carry anything any more; ``hung_up`` when the caller has closed it."""
        ...


class Link:
    """From an offer to its end; ``open`` makes it, ``close`` ends it."""

    def __init__(self, network: Network, listener: LinkListener, ssrc: int, cname: str, video: bool) -> None:
        self.reached = False
        self.secured = False
        self.answer = ""
        self._network = network
        self._listener = listener
        self._ssrc, self._cname, self._video = ssrc, cname, video
        self._session, self._version = secrets.randbits(62), 1
        self._route: Route | None = None
        self._agreement: Agreement | None = None
        self._secure: SecureTransport | None = None
        self._association: Association | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._data_starts: asyncio.Task[None] | None = None
        self._over = False
        self.send_rtp: Callable[[bytes], None] = _drop
        """Encrypt and send a packet; dropped while nothing can be sent."""
        self.send_rtcp: Callable[[bytes], None] = _drop
        """The same for RTCP."""

    @property
    def agreement(self) -> Agreement:
        """What was agreed last."""
        assert self._agreement is not None, "open() comes first"
        return self._agreement

    @property
    def over(self) -> bool:
        """Whether it will not carry anything any more."""
        return self._over

    @property
    def remote_address(self) -> str:
        """Where the caller is, for people; empty while that is not known."""
        return "" if self._route is None else self._route.remote_address

    def counts(self) -> dict[str, int]:
        """What came and was dropped, by why."""
        secure = {} if self._secure is None else dict(self._secure.counts)
        data = {} if self._association is None else dict(self._association.counts)
        return secure | data

    async def open(self, offer: Offer) -> str:
        """Answer the first offer. Raises ``BadOffer``; then nothing has to be closed."""
        agreement = self._agree(offer)
        self._route = await self._network.route(self)
        self._agreement = agreement
        self._secure = SecureTransport(
            self._network.certificate,
            agreement.transport.fingerprints,
            agreement.role,
            self._route.send,
            self._on_data,
        )
        self.send_rtp, self.send_rtcp = self._secure.send_rtp, self._secure.send_rtcp
        self._connect(agreement)
        return self._write()

    def is_same(self, offer: Offer) -> bool:
        """Whether ``offer`` is of the connection that this link is the other end of: it has the same fingerprint."""
        agreement = self._agree(offer)
        return set(agreement.transport.fingerprints) == set(self.agreement.transport.fingerprints)

    async def renew(self, offer: Offer) -> str:
        """Answer a further offer of the same connection: other terms, or a restart of ICE. Raises ``BadOffer``."""
        before = self.agreement
        agreement = self._agree(offer, before.role)
        if agreement.role != before.role:
            raise BadOffer("the offer changes the DTLS role of the connection that it goes on with (a=setup)")
        self._agreement = agreement
        self._version += 1
        assert self._route is not None
        if agreement.transport.credentials != before.transport.credentials:
            await self._route.restart()
            self._connect(agreement)
        else:
            for candidate in agreement.transport.candidates:
                self.add_candidate(candidate)
        if agreement.data is not None and before.data is None:
            self._start_data()
        return self._write()

    def add_candidate(self, candidate: str) -> None:
        """Where the caller may be: the text after ``candidate:``."""
        if self._route is not None and is_usable(f"candidate:{candidate}"):
            self._route.add_candidate(candidate)

    async def close(self) -> None:
        """Tell the caller and let go of everything, at most 2 s later; again is fine."""
        self._over = True
        for task in (self._handshake, self._data_starts):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        # One step may fail, as with a network that is gone: the others are taken all the same.
        steps: list[Callable[[], Awaitable[None]]] = []
        if self._association is not None:
            steps.append(self._association.stop)
        if self._secure is not None:
            steps.append(self._secure.close)
        for step in steps:
            try:
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await step()
            except Exception:
                logger.warning("a connection could not be closed in order", exc_info=True)
        if self._route is not None:
            await self._route.close()

    # What the route tells --------------------------------------------------------------------------

    def on_check(self) -> None:
        """See ``RouteListener``."""
        if not self._over:
            self._listener.link_heard(self)

    def on_nominated(self) -> None:
        """See ``RouteListener``."""
        if self._over:
            return
        if not self.reached:
            self.reached = True
            self._handshake = asyncio.create_task(self._shake_hands(), name="DTLS")
            self._listener.link_reached(self)

    def on_lost(self, reason: str) -> None:
        """See ``RouteListener``."""
        self._end(reason, hung_up=False)

    def on_datagram(self, data: bytes) -> None:
        """See ``RouteListener``. By the first byte (RFC 7983), and RTCP by the second (RFC 5761)."""
        secure = self._secure
        if secure is None or self._over:
            return
        first = data[0]
        if 128 <= first < 192:
            if len(data) > 1 and 192 <= data[1] < 224:
                packet = secure.unprotect_rtcp(data)
                if packet is not None:
                    self._listener.link_heard(self)
                    self._listener.link_rtcp(self, packet)
            else:
                packet = secure.unprotect_rtp(data)
                if packet is not None:
                    self._listener.link_rtp(self, packet)
        elif 20 <= first < 64:
            secure.receive(data)

    # Inside ------------------------------------------------------------------------------------------

    def _agree(self, offer: Offer, role: Role | None = None) -> Agreement:
        lite = self._network.ice == "lite"
        return agree(offer, audio_ssrc=self._ssrc, cname=self._cname, video=self._video, lite=lite, role=role)

    def _connect(self, agreement: Agreement) -> None:
        assert self._route is not None
        for candidate in agreement.transport.candidates:
            self.add_candidate(candidate)
        theirs = agreement.transport.credentials
        self._route.connect(Credentials(theirs.ufrag, theirs.pwd))

    def _write(self) -> str:
        assert self._route is not None
        local = Local(
            session=self._session,
            version=self._version,
            credentials=self._route.credentials,
            fingerprint=self._network.certificate.fingerprint,
            candidates=self._route.candidates,
            lite=self._route.lite,
        )
        self.answer = write_answer(self.agreement, local)
        return self.answer

    async def _shake_hands(self) -> None:
        assert self._secure is not None
        try:
            await self._secure.start()
        except TransportError as error:
            self._end(str(error), hung_up=False)
            return
        self.secured = True
        self._listener.link_secured(self)
        self._start_data()
        reason = await self._secure.closed()
        self._end(
            "the caller hung up" if reason == "closed" else "the connection failed",
            hung_up=reason == "closed",
        )

    def _start_data(self) -> None:
        data, secure = self.agreement.data, self._secure
        if data is None or secure is None or not self.secured or self._association is not None:
            return
        self._association = Association(
            secure,
            lambda channel: self._listener.link_channel(self, channel),
            port=data.port,
            most_bytes=data.most_bytes,
        )
        self._data_starts = asyncio.create_task(self._association.start(), name="SCTP")

    async def _on_data(self, data: bytes) -> None:
        if self._over or self._association is None:
            return
        self._listener.link_heard(self)
        await self._association.receive(data)

    def _end(self, reason: str, *, hung_up: bool) -> None:
        if not self._over:
            self._over = True
            self._listener.link_over(self, reason, hung_up=hung_up)


def _drop(packet: bytes) -> None:
    """Before there is anything to send it by."""

"""One caller: a peer connection, the sound both ways, and messages.

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
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

from ...pipeline.clock import clock_of_loop
from ...pipeline.errors import TransportError
from ...pipeline.units import MS, SECOND, format_duration
from .addresses import offered_addresses
from .channel import MessageChannel
from .media_in import AudioReceiver, TrackReceiver
from .media_out import AudioSender, OpusTrack
from .opus import SILENCE
from .sdp import BadOffer, checked_candidates, checked_offer

__all__ = ["Answer", "Peer", "PeerState"]

logger = logging.getLogger("livegraph.webrtc")

PeerState = Literal["connecting", "connected", "closed"]

_CLOSE_WITHIN_S = 5.0
_MOST_CANDIDATES = 128
_LOOK_EVERY_NS = 500 * MS


class Answer(NamedTuple):
    """What the caller gets back."""

    sdp: str
    type: str


class Peer:
    """A caller, from the offer to the end. Made by ``accept``; the one who made it closes it.

    It closes itself, with a reason, when no connection comes about, when the caller hangs up, and when nothing
    has been heard of it for a while: no sound, no message, and none of the checks by which a browser keeps a
    connection alive.
    """

    def __init__(self, pc: RTCPeerConnection, connect_within_ns: int, silence_ns: int) -> None:
        self.id = secrets.token_urlsafe(16)
        """Unguessable: whoever knows it may steer the call."""
        self.answer = Answer("", "answer")
        self._pc = pc
        self._connect_within_ns = connect_within_ns
        self._silence_ns = silence_ns
        self._clock = clock_of_loop()
        self._heard_ns = 0
        self._candidates = 0
        self._state: PeerState = "connecting"
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[str] = loop.create_future()
        self._reached: asyncio.Future[None] = loop.create_future()
        self._connected: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[str] = loop.create_future()
        self._messages = MessageChannel(self._heard, lambda: self._end("the caller hung up"))
        self._receiver = TrackReceiver()
        self._draining: asyncio.Task[None] | None = None
        self._sender = OpusTrack()
        pc.on("iceconnectionstatechange", self._ice_changed)
        pc.on("connectionstatechange", self._connection_changed)
        pc.on("track", self._track_came)
        pc.on("datachannel", self._messages.adopt)
        self._life = asyncio.create_task(self._live(), name=f"peer {self.id[:6]}")

    @classmethod
    async def accept(
        cls,
        sdp: object,
        kind: object = "offer",
        *,
        ice_servers: Sequence[Mapping[str, Any]] = (),
        addresses: Sequence[str] | None = None,
        connect_within_ns: int = 15 * SECOND,
        silence_ns: int = 8 * SECOND,
    ) -> Peer:
        """Answer a caller's offer.

        Args:
            sdp, kind: the offer and its ``type``, as they came.
            ice_servers: as in a browser: mappings with ``urls``, ``username`` and ``credential``.
            addresses: those of this machine that the caller is offered; by default all but loopback, and
                loopback where there is no other. See ``machine_addresses``.
            connect_within_ns: until the connection must stand.
            silence_ns: after which a caller that is not heard of is gone.

        Raises ``BadOffer`` when the offer cannot be understood. Nothing is left behind then.
        """
        offer = RTCSessionDescription(checked_offer(sdp, kind), "offer")
        # No ICE server unless asked for: aiortc would use a public one, and wait for it where it is out of reach.
        servers = [RTCIceServer(**server) for server in ice_servers]
        pc = RTCPeerConnection(RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        peer = cls(pc, connect_within_ns, silence_ns)
        try:
            await peer._negotiate(offer, addresses)
        except BaseException as error:
            await peer.close("refused")
            if isinstance(error, TransportError) or not isinstance(error, Exception):
                raise
            # aiortc answers what it does not understand with whatever its parser ran into.
            raise BadOffer(f"the offer cannot be understood: {str(error) or type(error).__name__}") from error
        return peer

    # State -------------------------------------------------------------------------------------

    @property
    def state(self) -> PeerState:
        """``connecting``, ``connected``, ``closed``."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it closed; empty while it has not."""
        return self._closed.result() if self._closed.done() else ""

    async def reached(self) -> None:
        """Return when the caller has shown, by a check with the answer's password, that it is at its address.

        The keys are agreed on after that. Raises ``TransportError`` when the peer closed instead.
        """
        either: set[asyncio.Future[Any]] = {self._reached, self._closed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._reached.done():
            raise TransportError(self.reason)

    async def connected(self) -> None:
        """Return when sound and messages can flow. Raises ``TransportError`` when the peer closed instead."""
        either: set[asyncio.Future[Any]] = {self._connected, self._closed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._connected.done():
            raise TransportError(self.reason)

    async def closed(self) -> str:
        """Return when the peer has closed and nothing of it is left, with the reason."""
        return await asyncio.shield(self._closed)

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with the reason as soon as the peer begins to close; returns what takes it back."""

        def tell(over: asyncio.Future[str]) -> None:
            listener(over.result())

        def take_back() -> None:
            self._over.remove_done_callback(tell)

        self._over.add_done_callback(tell)
        return take_back

    async def close(self, reason: str = "closed") -> None:
        """Hang up, once the last messages are out, and return when nothing is left.

        Again is fine; the first reason counts.
        """
        self._end(reason)
        await self.closed()

    # What goes through it ------------------------------------------------------------------------

    @property
    def audio_in(self) -> AudioReceiver:
        """The caller's microphone."""
        return self._receiver

    @property
    def audio_out(self) -> AudioSender:
        """The caller's ear."""
        return self._sender

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a JSON object to the page, as soon as its channel is open. Never waits; bounded, see ``channel``."""
        self._messages.send(message)

    def on_message(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call ``listener`` for every message of the page; returns what ends that."""
        return self._messages.listen(listener)

    async def add_candidates(self, candidates: object) -> None:
        """More addresses of the caller, as they were trickled; see ``checked_candidates``. Raises ``BadOffer``."""
        for text, mid, index in checked_candidates(candidates):
            if self._candidates >= _MOST_CANDIDATES or self._over.done():
                return
            self._candidates += 1
            candidate = candidate_from_sdp(text)
            candidate.sdpMid, candidate.sdpMLineIndex = mid, index
            try:
                await self._pc.addIceCandidate(candidate)
            except ValueError as error:
                raise BadOffer(f"a candidate cannot be used: {error}") from error

    # Inside --------------------------------------------------------------------------------------

    async def _negotiate(self, offer: RTCSessionDescription, addresses: Sequence[str] | None) -> None:
        audio = self._pc.addTransceiver(self._sender, direction="sendrecv")
        # Only Opus: the packets are ready-made, whatever else the caller prefers.
        known = RTCRtpReceiver.getCapabilities("audio")
        assert known is not None
        audio.setCodecPreferences([codec for codec in known.codecs if codec.mimeType.lower() == "audio/opus"])
        await self._pc.setRemoteDescription(offer)
        for transceiver in self._pc.getTransceivers():
            if transceiver is not audio:
                transceiver.direction = "inactive"
        self._watch_checks()
        self._watch_packets(audio.receiver)
        with offered_addresses(addresses):
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        description = self._pc.localDescription
        self.answer = Answer(description.sdp, description.type)

    def _watch_checks(self) -> None:
        """Notice the checks by which the caller's browser keeps the connection alive, sound or no sound."""
        for transceiver in self._pc.getTransceivers():
            connection: Any = transceiver.receiver.transport.transport._connection
            received = connection.request_received

            def noticed(*args: Any, received: Callable[..., None] = received) -> None:
                self._heard()
                received(*args)

            connection.request_received = noticed

    def _watch_packets(self, receiver: Any) -> None:
        """Notice packets as they come, and put silence into empty ones: aiortc's decoder would fail on the rest."""
        handle = receiver._handle_rtp_packet

        async def noticed(packet: Any, arrival_time_ms: int) -> None:
            self._heard()
            packet.payload = packet.payload or SILENCE
            await handle(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = noticed

    def _track_came(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._draining is None:
            self._draining = asyncio.create_task(self._receiver.drain(track), name=f"peer {self.id[:6]} in")

    def _ice_changed(self) -> None:
        if self._pc.iceConnectionState == "completed" and not self._reached.done():
            self._reached.set_result(None)

    def _connection_changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected" and not self._connected.done() and not self._over.done():
            self._state = "connected"
            self._heard()
            self._connected.set_result(None)
        elif state == "failed":
            self._end("the connection failed")
        elif state == "closed":
            self._end("the caller hung up")

    def _heard(self) -> None:
        self._heard_ns = self._clock.now_ns()

    def _end(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)

    async def _live(self) -> None:
        """Watch over the deadlines, then take everything down. The only place that does."""
        try:
            while not self._over.done():
                await asyncio.wait({self._over}, timeout=_LOOK_EVERY_NS / SECOND)
                self._check_deadlines(self._clock.now_ns())
        except asyncio.CancelledError:
            self._end("cancelled")
            raise
        finally:
            self._state = "closed"
            try:
                await self._take_down()
            finally:
                logger.info("peer %s closed: %s", self.id[:6], self._over.result())
                self._closed.set_result(self._over.result())

    def _check_deadlines(self, now_ns: int) -> None:
        if self._state == "connecting":
            if now_ns >= self._connect_within_ns:
                self._end(f"no connection within {format_duration(self._connect_within_ns)}")
        elif now_ns - self._heard_ns >= self._silence_ns:
            self._end(f"nothing was heard of the caller for {format_duration(self._silence_ns)}")

    async def _take_down(self) -> None:
        await self._messages.drain()
        self._sender.stop()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._pc.close()
        except TimeoutError:
            logger.error(
                "peer %s did not close within %.0f s and is left behind", self.id[:6], _CLOSE_WITHIN_S
            )
        if self._draining is not None:
            self._draining.cancel()
            await asyncio.wait({self._draining})
        self._receiver.end()

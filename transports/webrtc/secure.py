"""The encryption of a call: DTLS and SRTP (RFC 5763, 5764). Of aiortc only its DTLS transport and its certificate.

Media does not pass through tasks: after the handshake ``protect`` and ``unprotect`` are plain calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

from aiortc.rtcdtlstransport import (
    X509_DIGEST_ALGORITHMS,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
    certificate_digest,
)
from OpenSSL import SSL

from ...pipeline.errors import TransportError
from .srtp import Error, Protection

__all__ = ["Certificate", "Fingerprint", "SecureTransport"]

logger = logging.getLogger("livegraph.webrtc")

_MOST_WAITING = 256
"""DTLS records. A handshake has about a dozen, and what is lost of a channel's is sent again."""
_MOST_RECORD_BYTES = 2_048
_MOST_OF_HANDSHAKE = 256
"""Datagrams. Whoever sends more before the handshake is done does not mean to finish it: endless cookies, fragments
without an end, one greeting after another. Each costs OpenSSL more than any packet of media."""
_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305"
)
_HANDSHAKE_WITHIN_S = 30.0
_RECORD = struct.Struct("!BBxH6xH")
_APPLICATION_DATA = 23
_MOST_SOURCES = 32
_LEAST_RTCP_BYTES = 8
_LEAST_RTP_BYTES = 12

Fingerprint = tuple[str, str]
"""The name of a hash, such as ``sha-256``, and its value in pairs of capitals with colons between."""


class _SharedCertificate(RTCCertificate):
    """A certificate whose OpenSSL context is made once: it costs a call 0.2 ms and some memory.

    aiortc's ciphers are for certificates with elliptic curves; GStreamer's callers have RSA.
    """

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> Any:
        made = self.__dict__.get("_shared")
        if made is None:
            made = self.__dict__["_shared"] = super()._create_ssl_context(srtp_profiles)
            made.set_cipher_list(_CIPHERS)
            # Records are few and far between: their buffers, 24 KB of a call, need not be kept from one to the next.
            made.set_mode(SSL.MODE_RELEASE_BUFFERS)
        return made


class Certificate:
    """Who we are to callers: self-signed, made anew for each process, the same for all of its calls."""

    def __init__(self) -> None:
        self.rtc: RTCCertificate = _SharedCertificate.generateCertificate()

    @cached_property
    def fingerprint(self) -> str:
        """The value of the ``a=fingerprint`` line."""
        return next(
            f"{print_.algorithm} {print_.value}"
            for print_ in self.rtc.getFingerprints()
            if print_.algorithm == "sha-256"
        )


class _Records:
    """What aiortc's DTLS transport asks of the ICE transport below it."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_now = send
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def put(self, record: bytes) -> None:
        self._waiting.append(record)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    async def _recv(self) -> bytes:
        while not self._waiting:
            if self._closed:
                raise ConnectionError("the transport is closed")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._waiting.popleft()

    async def _send(self, data: bytes) -> None:
        self._send_now(data)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Dtls(RTCDtlsTransport):
    """aiortc's, which would want every fingerprint of an offer to match; RFC 8122, section 5.1, wants one."""

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True) if self._ssl else None
        offered: dict[str, set[str]] = {}
        for each in remoteParameters.fingerprints:
            if each.algorithm in X509_DIGEST_ALGORITHMS:
                offered.setdefault(each.algorithm, set()).add(each.value)
        # Of several hashes the strongest counts, or a weak one could be used to get in.
        strongest = max(offered, default="")
        if (
            certificate is None
            or not strongest
            or certificate_digest(certificate, strongest) not in offered[strongest]
        ):
            self._set_state(State.FAILED)


class SecureTransport:
    """One caller's association. ``start`` shakes hands; ``closed`` tells when it is over.

    Args:
        certificate: ours.
        fingerprints: the caller's, of which one must match: nobody else can answer.
        role: ``client`` when we begin the handshake.
        send: takes a datagram for the caller. Never waits.
        on_data: what came for the data channel, decrypted: awaited, so the next record waits meanwhile.
    """

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Sequence[Fingerprint],
        role: Literal["client", "server"],
        send: Callable[[bytes], None],
        on_data: Callable[[bytes], Any],
    ) -> None:
        self.counts: Counter[str] = Counter()
        """What was dropped, by why: ``rtp`` and ``rtcp`` that is not authentic or a repetition, ``dtls`` that is no
        record or more than a handshake takes, ``data`` that broke its reader, and ``unsendable`` packets of ours."""
        self.role: Literal["client", "server"] = role
        self._send = send
        self._on_data = on_data
        self._records = _Records(send)
        ice: Any = self._records
        self._dtls = _Dtls(ice, [certificate.rtc])
        self._dtls._set_role(role)
        self._dtls._data_receiver = self
        self._parameters = RTCDtlsParameters([RTCDtlsFingerprint(*each) for each in fingerprints])
        self._rx: Any = None
        self._tx: Any = None
        self._ways: Protection | None = None
        self._sources: dict[bytes, None] = {}
        self._of_handshake = 0
        """Datagrams that came before the handshake was done."""
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def ready(self) -> bool:
        """Whether packets can be protected."""
        return self._tx is not None

    @property
    def over(self) -> bool:
        """Whether it has failed, or either side has closed it."""
        return self._over.done()

    async def start(self) -> None:
        """Shake hands with the caller. Raises ``TransportError`` when that fails, or takes longer than 30 s."""
        try:
            async with asyncio.timeout(_HANDSHAKE_WITHIN_S):
                await self._dtls.start(self._parameters)
        except TimeoutError:
            raise TransportError("the caller did not finish the DTLS handshake") from None
        if self._dtls.state != "connected":
            raise TransportError("the DTLS handshake with the caller failed")
        task: Any = self._dtls._task
        task.add_done_callback(self._ended)
        self._rx, self._tx = self._dtls._rx_srtp, self._dtls._tx_srtp
        self._ways = Protection(self._rx, self._tx)

    def receive(self, record: bytes) -> None:
        """A datagram whose first byte is 20 to 63 came: DTLS. What cannot be that is dropped."""
        if len(record) > _MOST_RECORD_BYTES or not _are_sound_records(record):
            self.counts["dtls"] += 1
            return
        if self._ways is None:
            self._of_handshake += 1
            if self._of_handshake > _MOST_OF_HANDSHAKE:
                self.counts["dtls"] += 1
                return
        self._records.put(record)

    def unprotect_rtp(self, packet: bytes) -> bytes | None:
        """The RTP packet in an SRTP packet; ``None`` when it is not authentic, a repetition, or too early."""
        ways = self._ways
        if ways is None or len(packet) < _LEAST_RTP_BYTES:
            self.counts["rtp"] += 1
            return None
        try:
            plain = ways.unprotect(packet)
        except (Error, ValueError):
            self.counts["rtp"] += 1
            return None
        if packet[8:12] not in self._sources:
            self._bound_sources(packet[8:12])
        return plain

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The same for RTCP."""
        ways = self._ways
        if ways is None or len(packet) < _LEAST_RTCP_BYTES:
            self.counts["rtcp"] += 1
            return None
        try:
            plain = ways.unprotect_rtcp(packet)
        except (Error, ValueError):
            self.counts["rtcp"] += 1
            return None
        if packet[4:8] not in self._sources:
            self._bound_sources(packet[4:8])
        return plain

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send an RTP packet; nothing before the handshake and after the end."""
        if self._ways is None:
            return
        try:
            self._send(self._ways.protect(packet))
        except (Error, ValueError):
            # Too long for a datagram, or no RTP at all.
            self.counts["unsendable"] += 1

    def send_rtcp(self, packet: bytes) -> None:
        """The same for RTCP."""
        if self._ways is None:
            return
        try:
            self._send(self._ways.protect_rtcp(packet))
        except (Error, ValueError):
            self.counts["unsendable"] += 1

    def _bound_sources(self, source: bytes) -> None:
        """libsrtp keeps keys and a window for every source that it has ever heard of; the oldest have to go."""
        self._sources[source] = None
        if len(self._sources) > _MOST_SOURCES:
            oldest = next(iter(self._sources))
            del self._sources[oldest]
            with contextlib.suppress(Error):
                self._rx.remove_stream(int.from_bytes(oldest))

    async def send_data(self, data: bytes) -> None:
        """Encrypt and send what the data channel sends; nothing before the handshake and after the end."""
        if self.ready and not self.over:
            await self._dtls._send_data(data)

    async def closed(self) -> str:
        """Return when the association is over, with the reason: ``closed`` by the caller or by us, or ``broken``."""
        return await asyncio.shield(self._over)

    async def close(self) -> None:
        """Tell the caller and end; again is fine."""
        self._rx = self._tx = self._ways = None
        task: asyncio.Future[None] | None = self._dtls._task
        await self._dtls.stop()
        self._records.close()
        if task is not None:
            await asyncio.wait({task})
        self._finish("closed")

    async def _handle_data(self, data: bytes) -> None:
        # The name is aiortc's. An exception would end its task, and with that the association.
        try:
            await self._on_data(data)
        except Exception:
            self.counts["data"] += 1
            logger.debug("a packet for the data channel could not be handled", exc_info=True)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._rx = self._tx = self._ways = None
        broken = not task.cancelled() and task.exception() is not None
        self._finish("broken" if broken else "closed")

    def _finish(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)


def _are_sound_records(datagram: bytes) -> bool:
    """Whether a datagram is whole records of DTLS 1.2 (RFC 6347, section 4.1).

    OpenSSL gives a handshake up for a record of a type that it does not know, and for data that is not encrypted.
    """
    at, size = 0, len(datagram)
    while at + _RECORD.size <= size:
        kind, major, epoch, length = _RECORD.unpack_from(datagram, at)
        if not 20 <= kind <= _APPLICATION_DATA or major != 0xFE or (kind == _APPLICATION_DATA and not epoch):
            return False
        at += _RECORD.size + length
    return at == size

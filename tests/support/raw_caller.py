"""A caller made by hand, on a network in memory: every datagram of both sides can be seen, moved and lost."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import struct
import zlib
from collections.abc import Callable
from typing import Any

from livegraph.transports.webrtc.ice.mux import Source
from livegraph.transports.webrtc.ice.route import Route, RouteListener
from livegraph.transports.webrtc.network import Network
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.secure import Certificate, SecureTransport

__all__ = ["CERTIFICATE", "MemoryNetwork", "RawCaller", "check", "rtp"]

CERTIFICATE = Certificate()
"""Of all raw callers."""


def check(
    local: str,
    password: str,
    *,
    remote: str = "them",
    nominate: bool = True,
    controlled: bool = False,
    extra: bytes = b"",
) -> bytes:
    """A connectivity check as browsers send it: for the agent called ``local`` with ``password``."""

    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)

    body = attribute(0x0006, f"{local}:{remote}".encode())
    body += attribute(0x0024, struct.pack("!I", 1_853_824_767))
    body += attribute(0x8029 if controlled else 0x802A, secrets.token_bytes(8))
    body += attribute(0x0025, b"") if nominate else b""
    body += extra
    head = struct.pack("!HHI", 1, len(body) + 24, 0x2112A442) + secrets.token_bytes(12) + body
    head += attribute(0x0008, hmac.digest(password.encode(), head, "sha1"))
    head = head[:2] + struct.pack("!H", len(body) + 32) + head[4:]
    return head + attribute(0x8028, struct.pack("!I", zlib.crc32(head) ^ 0x5354554E))


def rtp(sequence: int, timestamp: int, payload: bytes, *, ssrc: int = 77, payload_type: int = 111) -> bytes:
    """A packet of sound."""
    return (
        struct.pack("!BBHII", 0x80, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload
    )


class MemoryNetwork(Network):
    """A network whose one socket is a list: ``sent`` has every datagram that the server sent, and where to."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[bytes, Source]] = []
        self._there: dict[Source, Callable[[bytes], None]] = {}

    async def hold(self) -> None:
        """Nothing has to be opened."""

    async def release(self) -> None:
        """Nothing has to be closed."""

    async def route(self, listener: RouteListener) -> Route:
        return self.mux.join(listener, ("1 1 udp 2130706431 192.0.2.1 40000 typ host",))

    def listen(self, source: Source, hear: Callable[[bytes], None]) -> None:
        """Whoever is at ``source`` hears what is sent there."""
        self._there[source] = hear

    # The channel's side.

    def send(self, data: bytes, to: Source) -> None:
        self.sent.append((data, to))
        hear = self._there.get(to)
        if hear is not None:
            # On a network nothing is heard before it has been said.
            asyncio.get_running_loop().call_soon(hear, data)

    def drop(self, source: Source) -> None:
        pass


class RawCaller:
    """Offers, proves where it is, shakes hands, sends packets. ``source`` is where it is now."""

    def __init__(self, network: MemoryNetwork, source: Source = ("198.51.100.7", 5_000)) -> None:
        self.network = network
        self.source = source
        self.ufrag, self.pwd = secrets.token_hex(4), secrets.token_hex(16)
        self.heard: list[bytes] = []
        """RTP of the server, decrypted."""
        self.replies: list[bytes] = []
        """STUN of the server."""
        self.data: list[bytes] = []
        """SCTP of the server, decrypted."""
        self.alive = True
        self.local = self.password = ""
        self.secure = SecureTransport(CERTIFICATE, [], "server", self.transmit, self._take)
        network.listen(source, self._hear)

    async def _take(self, data: bytes) -> None:
        self.data.append(data)

    def offer(self, *, data: bool = False) -> str:
        """An offer of this connection."""
        transport = [
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.pwd}",
            f"a=fingerprint:{CERTIFICATE.fingerprint}",
            "a=setup:actpass",
        ]
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE 0{' 1' if data else ''}"]
        lines += ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", *transport, "a=mid:0", "a=sendrecv"]
        lines += ["a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1"]
        if data:
            lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", *transport]
            lines += ["a=mid:1", "a=sctp-port:5000"]
        return "".join(f"{line}\r\n" for line in lines)

    def answered(self, answer: str) -> None:
        """Take the answer."""
        found = dict(
            line[2:].split(":", 1) for line in answer.split("\r\n") if line.startswith("a=") and ":" in line
        )
        self.local, self.password = found["ice-ufrag"], found["ice-pwd"]
        self.secure._parameters.fingerprints[:] = [_fingerprint(found["fingerprint"])]

    async def connect(self, peer: Peer) -> None:
        """Take the answer and shake hands."""
        self.answered(peer.answer.sdp)
        shaking = asyncio.create_task(self.secure.start())
        self.check()
        await shaking
        await peer.connected()

    def check(self, **options: Any) -> None:
        """Send a connectivity check from here."""
        self.transmit(check(self.local, self.password, remote=self.ufrag, **options))

    def transmit(self, data: bytes) -> None:
        """Send a datagram from here; nothing once it is not ``alive``."""
        if self.alive:
            self.network.mux.receive(self.network, self.source, data)

    def say(self, sequence: int, payload: bytes, **options: Any) -> None:
        """Send 20 ms of sound."""
        self.transmit(self.secure._tx.protect(rtp(sequence, 960 * sequence, payload, **options)))

    def move(self, source: Source) -> None:
        """Be somewhere else from now on; nothing is told."""
        self.network._there.pop(self.source, None)
        self.source = source
        self.network.listen(source, self._hear)

    def renew(self) -> None:
        """Other credentials for the next offer: a restart of ICE."""
        self.ufrag, self.pwd = secrets.token_hex(4), secrets.token_hex(16)

    def vanish(self) -> None:
        """Be killed."""
        self.alive = False
        self.network._there.pop(self.source, None)

    async def close(self) -> None:
        """Let go; says goodbye if it is alive."""
        await self.secure.close()

    def _hear(self, data: bytes) -> None:
        if data[0] < 4:
            self.replies.append(data)
        elif data[0] < 64:
            self.secure.receive(data)
        elif not 192 <= data[1] < 224 and (packet := self.secure.unprotect_rtp(data)) is not None:
            self.heard.append(packet)


def _fingerprint(text: str) -> Any:
    from aiortc.rtcdtlstransport import RTCDtlsFingerprint

    return RTCDtlsFingerprint(*text.split(" ", 1))

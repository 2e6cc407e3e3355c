"""Callers that cost next to nothing, so that many fit beside a server on one machine: what they send was made before.

Each has a socket of its own, proves where it is, shakes hands and then sends 20 ms of sound in each 20 ms; what comes
is counted by the headers alone, which are not encrypted. They speak to any server that is an ICE-lite agent.

    python benchmarks/light_callers.py URL AT_ONCE EVERY_S

are so many at once, and one more each EVERY_S seconds, until SIGINT; then they tell how late their own clock came.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import re
import secrets
import struct
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from livegraph.transports.webrtc.secure import Certificate, SecureTransport

__all__ = ["LightCaller", "speak"]

_CHECK_EVERY = 100
"""Packets: a check each two seconds keeps the call alive."""
_TOLD_OF = 5_000
"""Beats: the last ten seconds."""


class LightCaller(asyncio.DatagramProtocol):
    """One call. ``packets`` are payloads of Opus, said again and again."""

    certificate: Certificate | None = None

    def __init__(self, packets: Sequence[bytes]) -> None:
        self.heard = 0
        """Packets of sound that came."""
        self.held_ns: list[int] = []
        """How long after the one before each of them came."""
        LightCaller.certificate = certificate = LightCaller.certificate or Certificate()
        self._certificate = certificate
        self._packets = packets
        self._count = 0
        self._last_ns = 0
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        self._theirs = self._their_password = ""
        self._server = ("", 0)
        self._transport: Any = None
        self._secure: SecureTransport | None = None

    async def open(self, url: str) -> None:
        """Call; returns when sound can flow."""
        answer = (await asyncio.to_thread(_post, url, {"sdp": self._offer(), "type": "offer"}))["sdp"]
        found = dict(re.findall(r"^a=([a-z-]+):(.*?)\r?$", answer, re.MULTILINE))
        self._theirs, self._their_password = found["ice-ufrag"], found["ice-pwd"]
        kind, _, value = found["fingerprint"].partition(" ")
        host, port = re.findall(r"a=candidate:\S+ 1 udp \d+ ([0-9.]+) (\d+) typ host", answer)[0]
        self._server = (host, int(port))
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=self._server)
        secure = self._secure = SecureTransport(
            self._certificate, [(kind, value)], "server", self._transport.sendto, _ignore
        )
        self._check()
        await secure.start()

    async def close(self) -> None:
        """Hang up."""
        if self._secure is not None:
            await self._secure.close()
        if self._transport is not None:
            self._transport.close()

    def say(self) -> None:
        """The next 20 ms."""
        assert self._secure is not None
        number = self._count
        self._count += 1
        payload = self._packets[number % len(self._packets)]
        head = struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, 960 * number & 0xFFFFFFFF, 77)
        self._secure.send_rtp(head + payload)
        if number % _CHECK_EVERY == 0:
            self._check()

    def connection_made(self, transport: Any) -> None:
        """See ``asyncio.DatagramProtocol``."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """See ``asyncio.DatagramProtocol``."""
        if 20 <= data[0] < 64 and self._secure is not None:
            self._secure.receive(data)
        elif data[0] >= 128 and not 192 <= data[1] < 224:
            self.heard += 1
            now_ns = time.monotonic_ns()
            self.held_ns.append(now_ns - self._last_ns)
            self._last_ns = now_ns

    def _offer(self) -> str:
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0"]
        lines += [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "c=IN IP4 0.0.0.0",
            "a=mid:0",
            "a=sendrecv",
            "a=rtcp-mux",
        ]
        lines += [f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{self._password}", "a=setup:actpass"]
        lines += [f"a=fingerprint:{self._certificate.fingerprint}", "a=rtpmap:111 opus/48000/2"]
        return "".join(f"{line}\r\n" for line in [*lines, "a=fmtp:111 useinbandfec=1"])

    def _check(self) -> None:
        body = _attribute(0x0006, f"{self._theirs}:{self._ufrag}".encode()) + _attribute(0x0024, bytes(4))
        body += _attribute(0x802A, secrets.token_bytes(8)) + _attribute(0x0025, b"")
        head = struct.pack("!HHI", 1, len(body) + 24, 0x2112A442) + secrets.token_bytes(12) + body
        head += _attribute(0x0008, hmac.digest(self._their_password.encode(), head, "sha1"))
        head = head[:2] + struct.pack("!H", len(body) + 32) + head[4:]
        self._transport.sendto(head + _attribute(0x8028, struct.pack("!I", zlib.crc32(head) ^ 0x5354554E)))


async def speak(callers: Sequence[LightCaller], seconds: float, late_s: deque[float] | None = None) -> None:
    """Let all of them say 20 ms in each 20 ms, a tenth of them in each 2 ms.

    Who is late says all the same what is due: a server that is loaded is spared nothing. ``late_s`` takes by how much.
    """
    began = time.monotonic()
    for number in range(int(seconds * 500)):
        for caller in callers[number % 10 :: 10]:
            caller.say()
        due = began + (number + 1) * 0.002
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if late_s is not None:
            late_s.append(time.monotonic() - due)


async def _ignore(data: bytes) -> None:
    pass


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _post(url: str, body: object) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


async def _more(url: str, at_once: int, every_s: float) -> None:
    """Callers in one process: so many at once, then one more each ``every_s`` for as long as they are taken."""
    callers: list[LightCaller] = []
    packets = [bytes([0xF8, 0xFF, 0xFE])]
    late_s: deque[float] = deque(maxlen=_TOLD_OF)
    speaking = asyncio.create_task(speak(callers, 3_600, late_s))
    try:
        while True:
            began = time.monotonic()
            caller = LightCaller(packets)
            try:
                await caller.open(url)
                callers.append(caller)
            except urllib.error.HTTPError as refused:
                print(f"  a caller more was refused: {refused.code}", flush=True)
            if len(callers) >= at_once:
                await asyncio.sleep(max(0.0, began + every_s - time.monotonic()))
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        ranked = sorted(late_s)
        print(
            f"  callers: 99 of 100 beats within {1_000 * ranked[len(ranked) * 99 // 100]:.1f} ms", flush=True
        )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_more(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))

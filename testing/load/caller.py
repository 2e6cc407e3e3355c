"""One caller over WebRTC, cheap enough for a hundred in a process.

It is a whole one: it searches its way (ICE, of which it has the lead), shakes hands (DTLS), sends and takes encrypted
sound, and has the data channel that pages have. What it says was encoded beforehand. It adapts to nothing, and has no
buffer against jitter: it tells when packets came.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from aiortc import RTCDataChannel
from aiortc.rtcdatachannel import RTCDataChannelParameters

from ...pipeline.errors import TransportError
from ...transports.webrtc.opus import OpusDecoder
from ...transports.webrtc.rtp.packets import build_rtp, is_rtcp
from ...transports.webrtc.sctp import Association
from ...transports.webrtc.secure import Certificate, SecureTransport
from .checks import candidates_of, check, is_answer, new_transaction, values_of
from .hearing import Hearing

__all__ = ["LoadCaller", "Signal"]

_RATE = 16_000
_SAMPLES = 960
_CHECK_EVERY_S = 0.1
_CONSENT_EVERY_S = 2.5
_CONNECT_WITHIN_S = 15.0
_CHECKS_UNDER_WAY = 16
_SILENT_S = 2.0
_PAYLOAD_TYPE = 111

Signal = Callable[[str], Awaitable[str]]
"""Takes the offer to the server; what it answers."""


class LoadCaller:
    """One call.

    Args:
        certificate: may be shared by all callers of a process: to make one costs more than a handshake.
        room: Opus packets of what it is like where nobody speaks, repeated without end.
        time: seconds of a steady clock.
    """

    def __init__(self, certificate: Certificate, room: Sequence[bytes], time: Callable[[], float]) -> None:
        self.hearing = Hearing(OpusDecoder(_RATE).decode)
        self.sent = 0
        self._came = (0, 0.0)
        self.messages: list[dict[str, Any]] = []
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done when the call is over, with why."""
        self._certificate = certificate
        self._room = room
        self._time = time
        self._words: list[bytes] = []
        self._said: asyncio.Future[float] | None = None
        self._ufrag, self._pwd = secrets.token_hex(4), secrets.token_hex(16)
        self._tie = secrets.token_bytes(8)
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbelow(1 << 15)
        self._transactions: deque[bytes] = deque(maxlen=_CHECKS_UNDER_WAY)
        self._way: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.DatagramTransport | None = None
        self._secure: SecureTransport | None = None
        self._association: Association | None = None
        self._channel: RTCDataChannel | None = None
        self._opened = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def offer(self) -> str:
        """What it offers: sound both ways, and the channel."""
        transport = (
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{self._ufrag}",
            f"a=ice-pwd:{self._pwd}",
            f"a=fingerprint:{self._certificate.fingerprint}",
            "a=setup:actpass",
        )
        lines = (
            *("v=0", f"o=- {secrets.randbits(40)} 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"),
            *(f"m=audio 9 UDP/TLS/RTP/SAVPF {_PAYLOAD_TYPE}", *transport, "a=mid:0", "a=sendrecv"),
            *("a=rtcp-mux", f"a=rtpmap:{_PAYLOAD_TYPE} opus/48000/2"),
            f"a=fmtp:{_PAYLOAD_TYPE} minptime=10;useinbandfec=1",
            *("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", *transport, "a=mid:1", "a=sctp-port:5000"),
        )
        return "".join(f"{line}\r\n" for line in lines)

    async def open(self, signal: Signal) -> None:
        """Call; returns when the channel is open. Raises ``TransportError``, and what ``signal`` raises."""
        answer = await signal(self.offer())
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await self._connect(answer)
        except TimeoutError:
            raise TransportError(f"no connection within {_CONNECT_WITHIN_S:.0f} s") from None

    async def _connect(self, answer: str) -> None:
        said = values_of(answer)
        loop = asyncio.get_running_loop()
        places = candidates_of(answer)
        if not places or "ice-ufrag" not in said or "fingerprint" not in said:
            raise TransportError("the answer names no way to the server")
        four = [place for place in places if ":" not in place[0]]
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._receive), local_addr=("0.0.0.0", 0) if four else ("::", 0)
        )
        algorithm, _, value = said["fingerprint"].partition(" ")
        role: Literal["client", "server"] = "client" if said.get("setup") == "passive" else "server"
        self._secure = SecureTransport(
            self._certificate,
            [(algorithm, value)],
            role,
            self._send,
            self._take_data,
        )
        self._tasks.append(
            loop.create_task(
                self._check(said["ice-ufrag"], said["ice-pwd"], four or places), name="load caller's checks"
            )
        )
        await self._way
        await self._secure.start()
        self._tasks.append(loop.create_task(self._until_closed(self._secure), name="load caller's end"))
        self._association = association = Association(self._secure, lambda _: None)
        await association.start()
        sctp: Any = association._sctp
        self._channel = RTCDataChannel(sctp, RTCDataChannelParameters(label="livegraph"))
        self._channel.on("open", self._opened.set)
        self._channel.on("message", self._take_message)
        if self._channel.readyState != "open":
            await self._opened.wait()

    async def _check(self, remote: str, password: str, places: Sequence[tuple[str, int]]) -> None:
        """Search a way, then show now and then that it is still wanted (RFC 7675)."""
        assert self._transport is not None
        while True:
            self._transactions.append(new_transaction())
            request = check(remote, self._ufrag, password, self._transactions[-1], self._tie)
            for place in [self._way.result()] if self._way.done() else places:
                self._transport.sendto(request, place)
            await asyncio.sleep(_CONSENT_EVERY_S if self._way.done() else _CHECK_EVERY_S)

    async def _until_closed(self, secure: SecureTransport) -> None:
        why = await secure.closed()
        if not self.over.done():
            self.over.set_result(
                f"the server has {why} the connection" if why == "closed" else f"it is {why}"
            )

    def tick(self) -> None:
        """20 ms are over: send what was said meanwhile."""
        secure = self._secure
        if secure is None or not secure.ready:
            return
        self._look_whether_it_lives()
        if self._words:
            payload = self._words.pop()
        else:
            if self._said is not None and not self._said.done():
                # The packet before this one was the last, and held what was said until now.
                self._said.set_result(self._time())
            self._said = None
            payload = self._room[self.sent % len(self._room)]
        stamp = self.sent * _SAMPLES
        secure.send_rtp(
            build_rtp(
                _PAYLOAD_TYPE, self._sequence + self.sent & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc, payload
            )
        )
        self.sent += 1

    def _look_whether_it_lives(self) -> None:
        """A server sends fifty packets a second, in silence too: one that is not heard of is gone."""
        now_s, came = self._time(), self.hearing.packets
        if came != self._came[0] or not came:
            self._came = (came, now_s)
        elif now_s - self._came[1] > _SILENT_S and not self.over.done():
            self.over.set_result(f"nothing came for {_SILENT_S:.0f} s")

    def say(self, packets: Sequence[bytes]) -> asyncio.Future[float]:
        """Say this from the next tick on; done when the last of it is sent, with the time."""
        self._words = list(reversed(packets))
        self._said = asyncio.get_running_loop().create_future()
        return self._said

    def hang_up(self) -> None:
        """Say goodbye as a page does."""
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send('{"type":"hangup"}')

    async def close(self) -> None:
        """Let go of everything; again is fine."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._association is not None:
            await self._association.stop()
        if self._secure is not None:
            await self._secure.close()
        if self._transport is not None:
            self._transport.close()
        if not self.over.done():
            self.over.set_result("hung up")

    def _send(self, data: bytes) -> None:
        if self._transport is not None and self._way.done():
            self._transport.sendto(data, self._way.result())

    def _receive(self, data: bytes, source: tuple[Any, ...]) -> None:
        if not data:
            return
        if data[0] < 4:
            if not self._way.done() and any(is_answer(data, each) for each in self._transactions):
                self._way.set_result((source[0], source[1]))
        elif self._secure is not None and 20 <= data[0] < 64:
            self._secure.receive(data)
        elif self._secure is not None and len(data) > 1 and not is_rtcp(data):
            packet = self._secure.unprotect_rtp(data)
            if packet is not None:
                self.hearing.hear(packet, self._time())

    async def _take_data(self, data: bytes) -> None:
        if self._association is not None:
            await self._association.receive(data)

    def _take_message(self, text: object) -> None:
        message = json.loads(text) if isinstance(text, str) else {}
        if message.get("type") in ("ready", "end", "error"):
            self.messages.append(message)
        if message.get("type") == "end" and not self.over.done():
            self.over.set_result(f"the server ended it: {message.get('reason')}")


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, tuple[Any, ...]], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._receive(data, addr)

"""Nothing that arrives ends a call or holds memory: each of these has ended calls of servers like this one."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline.clock import run_virtual
from livegraph.testing.leaks import no_tasks_left, open_files
from livegraph.transports.webrtc.network import LOOPBACK, Network
from livegraph.transports.webrtc.opus import OpusEncoder
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.sdp import BadOffer
from support.offers import CHROMIUM
from support.raw_caller import MemoryNetwork, RawCaller, rtp
from support.webrtc import Caller

pytestmark = pytest.mark.timeout(180)

NOW = struct.pack("!LL", 90 * 960, 77)
"""Time stamp and source."""
TONE = np.round(8_000 * np.sin(np.arange(320) / 5)).astype(np.int16)


async def connected(network: MemoryNetwork) -> tuple[RawCaller, Peer]:
    caller = RawCaller(network)
    peer = await Peer.accept(caller.offer(data=True), network=network)
    await caller.connect(peer)
    peer.audio_in.listen(16_000)
    return caller, peer


async def is_heard(caller: RawCaller, peer: Peer) -> None:
    """The caller's own source, a second and a half of it."""
    encoder = OpusEncoder(16_000)
    before = peer.statistics().received_packets
    for number in range(100, 175):
        caller.say(number, encoder.encode(TONE))
        await asyncio.sleep(0.02)
    assert peer.statistics().received_packets >= before + 10
    assert peer.state == "connected"


def test_empty_datagrams_from_anybody_end_no_call() -> None:
    """Some thousands, by real sockets, to the media port: from strangers and from the machine that calls."""

    async def main() -> None:
        async with Network(hosts=LOOPBACK) as network:
            caller = Caller(440)
            peer = await caller.call(network=network)
            peer.audio_in.listen(16_000)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.connect(("127.0.0.1", network.port))
                for _ in range(100):
                    for _ in range(40):
                        stranger.send(b"")
                    await asyncio.sleep(0)
                await asyncio.sleep(0.2)
            assert network.mux.counts["empty"] > 200
            assert peer.state == "connected"
            before = peer.statistics().received_packets
            async with asyncio.timeout(20):
                while peer.statistics().received_packets < before + 10:
                    await asyncio.sleep(0.02)
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_sources_are_bounded_and_leave_nothing_behind() -> None:
    """Two thousand of them in one call: no task, no file, no key is kept for them, and the caller is heard."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await connected(network)
            tasks, files = len(asyncio.all_tasks()), len(open_files())
            for number in range(2_000):
                caller.transmit(caller.secure._tx.protect(rtp(1, 1, b"\xf8\xff\xfe", ssrc=1_000 + number)))
                caller.transmit(
                    caller.secure._tx.protect_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 9_000 + number))
                )
            assert len(asyncio.all_tasks()) <= tasks and len(open_files()) <= files
            link: Any = peer._link
            assert len(link._secure._sources) <= 32
            await is_heard(caller, peer)
            await peer.close()
            await caller.close()

    run_virtual(main())


@pytest.mark.parametrize(
    "rtcp",
    [
        b"\x8f\xce\x00\x05" + bytes(8) + b"REMB\x40\x00\x00\x01\x00\x00",
        b"\x8f\xce\x00\x04" + bytes(8) + b"REMB\xff\x00\x00\x01",
        b"\x8f\xce\x00\x03" + bytes(8) + b"REMB",
        b"\x9f\xc8\x00\x01" + bytes(4),
        b"\x81\xca\x00\x02" + bytes(4) + b"\x01\xff\x00\x00",
        b"\x80\xcc\xff\xff" + bytes(8),
        b"\x81\xc9\x00\x01" + bytes(4),
        b"\xa0\xc9\x00\x01" + bytes(3) + b"\xff",
    ],
)
def test_reports_of_the_wrong_length_end_no_call(rtcp: bytes) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        caller, peer = await connected(network)
        caller.transmit(caller.secure._tx.protect_rtcp(rtcp + bytes(-len(rtcp) % 4)))
        await is_heard(caller, peer)
        await peer.close()
        await caller.close()

    run_virtual(main())


@pytest.mark.parametrize(
    "packet",
    [
        # An audio level of two bytes, and extensions that are longer than the packet, of either form.
        b"\x90\x6f\x00\x01" + NOW + b"\xbe\xde\x00\x01\x11\x7f\x7f\x00" + b"\xf8\xff\xfe",
        b"\x90\x6f\x00\x01" + NOW + b"\xbe\xde\xff\xff\x11\x7f",
        b"\x90\x6f\x00\x01" + NOW + b"\x10\x00\x00\x01\x01\xff\x00\x00" + b"\xf8\xff\xfe",
        b"\x8f\x6f\x00\x01" + NOW,
        b"\xa0\x6f\x00\x01" + NOW + b"\xff",
        b"\xa0\x6f\x00\x01" + NOW + b"\xf8\x00",
        b"\x80\x6f\x00\x01" + NOW,
        b"\x80\x6f\x00\x01" + NOW + b"\xff",
        b"\x80\x6f\x00\x01" + NOW + b"\xff" * 1_200,
        b"\x80\x7f\x00\x01" + NOW + b"x",
    ],
)
def test_odd_packets_of_sound_end_no_call(packet: bytes) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        caller, peer = await connected(network)
        try:
            caller.transmit(caller.secure._tx.protect(packet))
        except Exception:  # libsrtp does not even send it
            caller.transmit(packet + bytes(10))
        await is_heard(caller, peer)
        await peer.close()
        await caller.close()

    run_virtual(main())


RECORD = b"\xfe\xfd" + bytes(8)
"""Version, epoch 0 and number of a DTLS record; its type goes before, its length behind."""


@pytest.mark.parametrize(
    "datagram",
    [
        b"\x14",
        b"\x16\xfe\xfd",
        b"\x16" + RECORD + b"\x00\x00",
        b"\x16" + RECORD + b"\xff\xff" + bytes(1_400),
        b"\x16" + RECORD + b"\x00\x28" + bytes(20),
        b"\x16\x03\x03" + bytes(8) + b"\x00\x04" + bytes(4),
        b"\x17" + RECORD + b"\x00\x04abcd",
        b"\x28" + RECORD + b"\x00\x02ab",
        b"\x3f" + RECORD + b"\x00\x02ab",
        b"\x16" + RECORD + b"\x00\x00" + b"\x17" + RECORD + b"\x00\x01x",
        b"\x16\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x04abcd",
        b"\x15\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x02\x01\x00",
        bytes(range(40, 60)) * 60,
    ],
)
@pytest.mark.parametrize("turns", [0, 2, 5])
def test_what_is_no_record_disturbs_no_handshake(datagram: bytes, turns: int) -> None:
    """From the caller's own address, at any moment of it."""

    async def main() -> None:
        network = MemoryNetwork()
        caller = RawCaller(network)
        peer = await Peer.accept(caller.offer(), network=network)
        caller.answered(peer.answer.sdp)
        caller.check()
        connecting = asyncio.create_task(caller.connect(peer))
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(20):
            caller.transmit(datagram)
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await connecting
        assert peer.state == "connected"
        await peer.close()
        await caller.close()

    run_virtual(main())


def test_a_bundle_that_names_nobody_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """No task, no traceback; and no place at the mux for offers that are refused."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            for _ in range(20):
                peer = await Peer.accept(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 7 8"), network=network)
                await peer.close()
                with pytest.raises(BadOffer):
                    await Peer.accept(CHROMIUM.replace("opus", "speex"), network=network)
            assert len(network.mux) == 0

    with caplog.at_level(logging.WARNING):
        run_virtual(main())
    assert not caplog.records


def test_a_transport_that_breaks_is_told_as_that() -> None:
    """Not as a hang-up: the reader of its records fails, as by a fault of the library."""

    async def main() -> None:
        network = MemoryNetwork()
        caller, peer = await connected(network)
        link: Any = peer._link

        link._secure._records._waiting = _Broken()
        link._secure._records._wake()
        assert await peer.closed() == "the connection failed"
        await caller.close()

    class _Broken(list[bytes]):
        def __bool__(self) -> bool:
            return True

        def popleft(self) -> bytes:
            raise RuntimeError("a library broke")

    run_virtual(main())


def test_taking_down_goes_on_whatever_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages, the media and the channel all fail; the place at the mux is free and the peer is closed."""

    def fails(*_: object) -> None:
        raise RuntimeError("cannot")

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await connected(network)
            link: Any = peer._link
            monkeypatch.setattr(peer._messages, "drain", fails)
            monkeypatch.setattr(peer._media, "close", fails)
            monkeypatch.setattr(link._association, "stop", fails)
            closing = asyncio.create_task(peer.close("enough"))
            await asyncio.wait({closing}, timeout=10)
            assert peer.reason == "enough" and len(network.mux) == 0
            await asyncio.gather(closing, peer._life, return_exceptions=True)
            peer.media.detach(0)
            await caller.close()

    run_virtual(main())

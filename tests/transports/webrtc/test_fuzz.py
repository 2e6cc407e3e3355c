"""Two hundred thousand mutated datagrams into a connected mux: nothing breaks, and nothing is sent to strangers.

And ten thousand mutated packets that a caller has encrypted itself, which no authentication stops.

STUN, DTLS, SRTP and SRTCP as two callers really sent them, with accidents, from each caller's own address, from the
other's and from strangers'. ``LIVEGRAPH_TEST_DATAGRAMS`` has another number of them.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline.clock import run_virtual
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.ice.mux import Source
from livegraph.transports.webrtc.opus import OpusEncoder
from livegraph.transports.webrtc.peer import Peer
from support.raw_caller import MemoryNetwork, RawCaller, rtp

_COUNT = int(os.environ.get("LIVEGRAPH_TEST_DATAGRAMS", "200000"))
_AT_ONCE = 500
ONE: Source = ("198.51.100.7", 5_000)
TWO: Source = ("203.0.113.9", 6_000)
STRANGERS: tuple[Source, ...] = tuple((f"192.0.2.{number}", 1_000 + number) for number in range(50))


def mutated(datagram: bytes, random: Random) -> bytes:
    """A datagram after one to three accidents, which may leave it as it was but for its length."""
    data = bytearray(datagram)
    for _ in range(random.randint(1, 3)):
        match random.randrange(6):
            case 0 if data:
                data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            case 1:
                del data[random.randint(0, len(data)) :]
            case 2:
                data += random.randbytes(random.choice((1, 4, 100, 1_400)))
            case 3 if len(data) > 4:
                at = random.randrange(len(data) - 2)
                data[at : at + 2] = random.choice((b"\x00\x00", b"\xff\xff", b"\x00\x04", b"\x7f\xff"))
            case 4 if data:
                at = random.randrange(len(data))
                data[at:at] = data[at : at + random.randrange(40)]
            case _:
                return random.randbytes(random.choice((0, 1, 2, 3, 8, 12, 20, 60, 1_500)))
    return bytes(data)


@pytest.mark.timeout(300)
def test_mutated_datagrams_disturb_nobody() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        broken: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: broken.append(context))
        random = Random(2026)
        encoder = OpusEncoder(16_000)
        tone = np.round(8_000 * np.sin(np.arange(encoder.samples) / 5)).astype(np.int16)
        async with no_tasks_left():
            network = MemoryNetwork()
            callers = [RawCaller(network, ONE), RawCaller(network, TWO)]
            recorded: list[bytes] = []
            peers = []
            for caller in callers:
                transmit = caller.transmit

                def tapped(data: bytes, transmit: Any = transmit) -> None:
                    recorded.append(data)
                    transmit(data)

                caller.transmit = tapped  # type: ignore[method-assign]
                caller.secure._send = caller.secure._records._send_now = tapped
                peer = await Peer.accept(caller.offer(data=True), network=network)
                peer.audio_in.listen(16_000)
                await caller.connect(peer)
                peers.append(peer)
            for number in range(40):
                for caller in callers:
                    caller.say(number, encoder.encode(tone))
                    caller.secure.send_rtcp(b"\x80\xc9\x00\x01" + (77).to_bytes(4))
                    await caller.secure.send_data(bytes(12) + b"\x04\x00\x00\x04")
                    caller.check()
                await asyncio.sleep(0.02)
            kinds = Counter(
                "stun" if data[0] < 4 else "dtls" if data[0] < 64 else "media" for data in recorded
            )
            assert min(kinds["stun"], kinds["dtls"], kinds["media"]) > 20, kinds

            network.sent.clear()
            for begun in range(0, _COUNT, _AT_ONCE):
                for _ in range(_AT_ONCE):
                    source = random.choice((ONE, TWO, random.choice(STRANGERS)))
                    network.mux.receive(network, source, mutated(random.choice(recorded), random))
                # What is overheard and said again by somebody else is no better.
                network.mux.receive(network, random.choice(STRANGERS), random.choice(recorded))
                for caller in callers:
                    caller.check()
                await asyncio.sleep(0.005 if begun % 2_000 else 0.02)

            assert not broken, broken[:3]
            assert {to for _, to in network.sent} <= {ONE, TWO}
            assert [peer.remote_address for peer in peers] == ["198.51.100.7:5000", "203.0.113.9:6000"]
            assert [peer.state for peer in peers] == ["connected", "connected"]
            assert len(network.mux.seated) <= 2 and len(asyncio.all_tasks()) < 12
            for caller, peer in zip(callers, peers, strict=True):
                before = peer.statistics().received_packets
                heard = len(caller.heard)
                for number in range(20):
                    caller.say(1_000 + number, encoder.encode(tone))
                    await asyncio.sleep(0.02)
                assert peer.statistics().received_packets - before == 20
                assert len(caller.heard) - heard >= 18
                sound = np.concatenate([await peer.audio_in.recv() for _ in range(5)])  # type: ignore[misc]
                assert sound.dtype == np.int16
                await peer.close()
                await caller.close()
            assert len(network.mux) == 0

    run_virtual(main())


@pytest.mark.timeout(120)
def test_mutated_packets_of_a_caller_disturb_no_other() -> None:
    """Sound, RED, keys and reports with accidents, encrypted as they should be: the other call misses no packet."""

    async def main() -> None:
        broken: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
        random = Random(12)
        encoder = OpusEncoder(16_000)
        tone = np.round(8_000 * np.sin(np.arange(encoder.samples) / 5)).astype(np.int16)
        payload = encoder.encode(tone)
        async with no_tasks_left():
            network = MemoryNetwork()
            rude, other = callers = [RawCaller(network, ONE), RawCaller(network, TWO)]
            peers = [await Peer.accept(caller.offer(data=True), network=network) for caller in callers]
            for caller, peer in zip(callers, peers, strict=True):
                peer.audio_in.listen(16_000)
                peer.audio_in.hand_to(lambda samples, media_ns: None)
                await caller.connect(peer)
            extended = b"\xbe\xde\x00\x02\x10\x7f\x22abc\x31xy\x00\x00"
            plain = [
                rtp(1, 960, payload),
                rtp(2, 1_920, bytes((0x80 | 111, 0x0F, 0x00, 0x20, 111)) + payload, payload_type=63),
                rtp(3, 2_880, b"\x05\x8a\x01\x90", payload_type=126),
                b"\x90" + rtp(4, 3_840, extended + payload)[1:],
                b"\xa2" + rtp(5, 4_800, bytes(8) + payload + b"\x00\x00\x03")[1:],
            ]
            reports = [
                b"\x81\xc8\x00\x0c" + (77).to_bytes(4) + bytes(44),
                b"\x81\xc9\x00\x07" + (77).to_bytes(4) + bytes(24),
                b"\x81\xcb\x00\x01" + (77).to_bytes(4),
                b"\x81\xcd\x00\x03" + bytes(8) + b"\x00\x01\xff\xff",
                b"\x8f\xcd\x00\x06"
                + bytes(8)
                + b"\x00\x01\x00\x07\x00\x00\x01\x00\xd5\x55\x01\x02\x03\x04\x05\x06",
                b"\x8f\xce\x00\x05" + bytes(8) + b"REMB\x01\x00\x10\x00" + bytes(4),
                b"\x80\xcf\x00\x04" + (77).to_bytes(4) + b"\x04\x00\x00\x02" + bytes(8),
            ]
            sent = 0
            for number in range(10_000):
                if number % 20 == 0:
                    other.say(number // 20, payload)
                    if number % 1_000 == 0:
                        rude.check()
                        other.check()
                    await asyncio.sleep(0.02)
                kind, protect = random.choice(
                    ((plain, rude.secure._tx.protect), (reports, rude.secure._tx.protect_rtcp))
                )
                packet = mutated(random.choice(kind), random)
                if kind is plain and len(packet) >= 12:
                    packet = packet[:2] + struct.pack("!H", number) + packet[4:]  # no repetition
                try:
                    packet = protect(packet)
                except Exception:  # libsrtp does not send everything
                    continue
                rude.transmit(packet)
                sent += 1
            assert sent > 5_000 and not broken, (sent, broken[:3])
            assert peers[0].state == peers[1].state == "connected"
            numbers = peers[1].statistics()
            assert (numbers.received_packets, numbers.lost_packets, numbers.malformed_packets) == (500, 0, 0)
            assert len(other.heard) >= 495
            before = peers[0].statistics().received_packets
            for number in range(30_000, 30_100):
                rude.say(number, payload)
                await asyncio.sleep(0.02)
            assert peers[0].statistics().received_packets - before >= 90
            for caller, peer in zip(callers, peers, strict=True):
                await peer.close()
                await caller.close()

    run_virtual(main())

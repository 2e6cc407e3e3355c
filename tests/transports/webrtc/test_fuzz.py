"""Two hundred thousand mutated datagrams into a connected mux: nothing breaks, and nothing is sent to strangers.

STUN, DTLS, SRTP and SRTCP as two callers really sent them, with accidents, from each caller's own address, from the
other's and from strangers'. ``LIVEGRAPH_TEST_DATAGRAMS`` has another number of them.
"""

from __future__ import annotations

import asyncio
import os
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
from support.raw_caller import MemoryNetwork, RawCaller

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

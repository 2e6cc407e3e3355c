"""A server that searches its own way to the caller (`--ice full`): host candidates, STUN and TURN by aioice."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from livegraph.pipeline.errors import TransportError
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.network import Network
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.sdp import BadOffer
from support.webrtc import Caller


@pytest.mark.leaks
def test_it_searches_its_way_and_sound_and_messages_flow() -> None:
    async def main() -> None:
        async with no_tasks_left(), Network(ice="full") as network:
            caller = Caller(440)
            peer = await caller.call(network=network)
            assert "ice-lite" not in peer.answer.sdp and peer.remote_address
            peer.audio_in.listen(16_000)
            said = np.concatenate(
                [piece for _ in range(50) if (piece := await peer.audio_in.recv()) is not None]
            )
            assert np.abs(said[-4_000:]).max() > 4_000
            peer.send({"type": "hello"})
            async with asyncio.timeout(5):
                while not caller.messages:
                    await asyncio.sleep(0.01)
            # A check of the caller's is a sign of life here, too.
            assert peer.state == "connected"
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_what_is_trickled_is_taken_and_names_cost_nothing() -> None:
    async def main() -> None:
        async with Network(ice="full") as network:
            caller = Caller()
            lines = (await caller.offer()).split("\r\n")
            found = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
            bare = "\r\n".join(line for line in lines if "candidate" not in line)
            peer = await Peer.accept(bare, network=network)
            local = "candidate:1 1 udp 2113937151 0b2f6d1e-6c1c-4a3c-9c57-5f1d1f8f0a11.local 50000 typ host"
            items = [{"candidate": text, "sdp_mid": "0"} for text in [local, *found, *found]]
            async with asyncio.timeout(1):
                await peer.add_candidates(items)
            await caller.answered(peer)
            await peer.connected()
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_a_caller_that_is_not_found_is_given_up() -> None:
    async def main() -> None:
        async with no_tasks_left(), Network(ice="full") as network:
            caller = Caller()
            peer = await Peer.accept(await caller.offer(), network=network, connect_within_ns=1_000_000_000)
            await caller.hang_up()
            with pytest.raises(TransportError, match="no connection within 1s"):
                await peer.connected()
            await peer.closed()
            with pytest.raises(BadOffer):
                await Peer.accept("v=0\r\n", network=network)

    asyncio.run(main())

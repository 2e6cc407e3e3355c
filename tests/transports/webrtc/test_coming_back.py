"""A caller who comes back at an awkward moment: twice, while it moves, while it searches anew, before it is there."""

from __future__ import annotations

import asyncio

import pytest

from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import TransportError
from livegraph.pipeline.units import SECOND
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.peer import Answer, Peer
from livegraph.transports.webrtc.sdp import BadOffer
from livegraph.transports.webrtc.secure import SecureTransport
from support.raw_caller import CERTIFICATE, MemoryNetwork, RawCaller

MOBILE, OTHER = ("203.0.113.99", 40_001), ("192.0.2.55", 6_000)


async def joined(network: MemoryNetwork, **options: bool) -> tuple[RawCaller, Peer]:
    """A connected call that waits half a minute for a lost caller."""
    caller = RawCaller(network)
    peer = await Peer.accept(caller.offer(**options), network=network)
    peer.resume_within_ns = 30 * SECOND
    await caller.connect(peer)
    return caller, peer


async def stands(caller: RawCaller, answer: str) -> None:
    """The caller connects by this answer."""
    caller.answered(answer)
    shaking = asyncio.create_task(caller.secure.start())
    caller.check()
    await shaking
    await asyncio.sleep(0.05)


async def sounds(caller: RawCaller, peer: Peer) -> bool:
    """Whether what this caller sends is heard."""
    before = peer.statistics().received_packets
    for number in range(10):
        caller.say(number, b"\x0b\x01\x02", ssrc=900 + caller.source[1])
        await asyncio.sleep(0.02)
    return peer.statistics().received_packets > before


def test_of_two_who_come_with_the_same_token_one_is_let_in() -> None:
    """At the same moment: the other is told that the token is not good any more, and the call goes on with the one."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await joined(network)
            token = peer.resume_token
            first, second = RawCaller(network, MOBILE), RawCaller(network, OTHER)
            results = await asyncio.gather(
                peer.resume(token, first.offer()),
                peer.resume(token, second.offer()),
                return_exceptions=True,
            )
            (answer,) = [one for one in results if isinstance(one, Answer)]
            (refused,) = [one for one in results if not isinstance(one, Answer)]
            assert isinstance(refused, TransportError)
            assert results[0] is answer
            await stands(first, answer.sdp)
            assert peer.state == "connected" and peer.remote_address.startswith(MOBILE[0])
            await peer.close()
            for one in (caller, first, second):
                await one.close()
            assert not len(network.mux)

    run_virtual(main())


def test_who_comes_back_twice_is_heard_where_it_came_last() -> None:
    """A page that is reloaded while it was coming back: the first attempt takes nothing over any more."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await joined(network)
            peer.audio_in.listen(16_000)
            first, second = RawCaller(network, MOBILE), RawCaller(network, OTHER)
            early = await peer.resume(peer.resume_token, first.offer())
            late = await peer.resume(peer.resume_token, second.offer())
            first.answered(early.sdp)
            first.check()
            await stands(second, late.sdp)
            assert peer.remote_address.startswith(OTHER[0])
            assert await sounds(second, peer)
            assert caller.secure.over, "the old connection was told that it is"
            await peer.close()
            for one in (caller, first, second):
                await one.close()
            assert not len(network.mux)

    run_virtual(main())


def test_a_caller_that_moves_while_it_comes_back_is_heard_throughout() -> None:
    """The old connection carries sound, from wherever its checks come, until the new one stands."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await joined(network)
            peer.audio_in.listen(16_000)
            again = RawCaller(network, OTHER)
            answer = await peer.resume(peer.resume_token, again.offer())
            caller.move(MOBILE)
            caller.check()
            await asyncio.sleep(0.05)
            assert peer.remote_address.startswith(MOBILE[0])
            assert await sounds(caller, peer)
            await stands(again, answer.sdp)
            assert peer.remote_address.startswith(OTHER[0]) and await sounds(again, peer)
            await peer.close()
            for one in (caller, again):
                await one.close()

    run_virtual(main())


@pytest.mark.parametrize("reached", [False, True])
def test_ice_may_be_restarted_before_the_encryption_stands(reached: bool) -> None:
    """The network changes in the middle of the handshake: it goes on over the new way."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller = RawCaller(network)
            peer = await Peer.accept(caller.offer(), network=network)
            caller.answered(peer.answer.sdp)
            if reached:
                caller.check()
                await asyncio.sleep(0.01)
            caller.renew()
            answer = await peer.renegotiate(caller.offer())
            caller.move(MOBILE)
            await stands(caller, answer.sdp)
            async with asyncio.timeout(10):
                await peer.connected()
            assert peer.remote_address.startswith(MOBILE[0])
            await peer.close()
            await caller.close()

    run_virtual(main())


def test_a_restart_keeps_the_roles_of_the_handshake() -> None:
    """A caller who began the handshake leaves the choice open later on; one who wants the other role is refused."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller = RawCaller(network)
            caller.secure = SecureTransport(CERTIFICATE, [], "client", caller.transmit, caller._take)
            peer = await Peer.accept(caller.offer().replace("actpass", "active"), network=network)
            assert "a=setup:passive" in peer.answer.sdp
            await caller.connect(peer)
            caller.renew()
            answer = await peer.renegotiate(caller.offer())
            assert "a=setup:passive" in answer.sdp
            with pytest.raises(BadOffer, match="DTLS role"):
                await peer.renegotiate(caller.offer().replace("actpass", "passive"))
            assert peer.state == "connected"
            await peer.close()
            await caller.close()

    run_virtual(main())


def test_a_call_that_ends_while_its_caller_comes_back_leaves_nothing() -> None:
    """Nor is an offer answered that comes when the call is over."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await joined(network)
            again = RawCaller(network, MOBILE)
            answer = await peer.resume(peer.resume_token, again.offer())
            again.answered(answer.sdp)
            again.check()
            await peer.close("enough")
            for late in (
                peer.resume(peer.resume_token, RawCaller(network, OTHER).offer()),
                peer.renegotiate(again.offer()),
            ):
                with pytest.raises(TransportError):
                    await late
            await peer.add_candidates([{"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"}])
            for one in (caller, again):
                await one.close()
            assert not len(network.mux)

    run_virtual(main())


def test_an_offer_that_cannot_be_read_does_not_spend_the_token() -> None:
    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller, peer = await joined(network)
            token = peer.resume_token
            for bad in (
                "",
                "v=0\r\no=-\r\n",
                None,
                "\ud800",
                "v=0\r\no=x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
            ):
                with pytest.raises(BadOffer):
                    await peer.resume(token, bad)
            again = RawCaller(network, MOBILE)
            await stands(again, (await peer.resume(peer.resume_token, again.offer())).sdp)
            assert peer.remote_address.startswith(MOBILE[0])
            await peer.close()
            for one in (caller, again):
                await one.close()

    run_virtual(main())

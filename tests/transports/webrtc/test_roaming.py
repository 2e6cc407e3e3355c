"""A call outlives its connections: it moves with its caller, and goes on over another one, and not a word is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from livegraph.audio import Pcm
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import TransportError
from livegraph.pipeline.units import SECOND
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.opus import OpusEncoder
from livegraph.transports.webrtc.peer import Peer
from support.raw_caller import MemoryNetwork, RawCaller, check

MOBILE = ("203.0.113.99", 40_001)
RATE = 16_000


def speech(packets: int) -> list[bytes]:
    """A tone that rises, as Opus: every packet is unlike the others."""
    encoder = OpusEncoder(RATE)
    at = np.arange(packets * encoder.samples) / RATE
    pcm = np.round(9_000 * np.sin(2 * np.pi * (200 + 100 * at) * at)).astype(np.int16)
    return [encoder.encode(piece) for piece in pcm.reshape(packets, -1)]


class Counting:
    """A source that knows how much of it was taken."""

    drained = False

    def __init__(self) -> None:
        self.pulled = 0

    def pull(self, samples: int) -> Pcm:
        self.pulled += samples
        return np.full(samples, 1_000, np.int16)


@asynccontextmanager
async def connected(
    *, resume_within_ns: int = 30 * SECOND, data: bool = False, **options: Any
) -> AsyncIterator[tuple[MemoryNetwork, RawCaller, Peer]]:
    async with no_tasks_left():
        network = MemoryNetwork()
        caller = RawCaller(network)
        peer = await Peer.accept(caller.offer(data=data), network=network, **options)
        peer.resume_within_ns = resume_within_ns
        await caller.connect(peer)
        try:
            yield network, caller, peer
        finally:
            await peer.close()
            await caller.close()


async def say(caller: RawCaller, packets: list[bytes], first: int, ssrc: int = 77) -> None:
    """Twenty milliseconds each."""
    for number, payload in enumerate(packets, first):
        caller.say(number, payload, ssrc=ssrc)
        await asyncio.sleep(0.02)


async def taken(peer: Peer, samples: int) -> Pcm:
    pieces: list[Pcm] = []
    async with asyncio.timeout(30):
        while sum(map(len, pieces)) < samples:
            piece = await peer.audio_in.recv()
            assert piece is not None
            pieces.append(piece)
    return np.concatenate(pieces)


async def words_heard(peer: Peer, pieces: int) -> None:
    """Return when so many pieces of 20 ms with words in them were heard; what is between them is silence."""
    loud = 0
    async with asyncio.timeout(30):
        while loud < pieces:
            piece = await peer.audio_in.recv()
            assert piece is not None
            loud += int(np.abs(piece).max() > 4_000)


async def unmoved(words: list[bytes]) -> Pcm:
    """What is heard of the words on a call where nothing happens."""
    async with connected() as (_, caller, peer):
        peer.audio_in.listen(RATE)
        hearing = asyncio.create_task(taken(peer, 320 * len(words)))
        await say(caller, words, 0)
        return await hearing


@pytest.mark.parametrize("restart", [False, True])
def test_a_call_moves_to_another_address_and_not_a_sample_is_lost(restart: bool) -> None:
    """Wi-Fi to mobile in the middle of a word, by the caller's checks alone or with a restart of ICE."""

    async def main() -> None:
        words = speech(50)
        expected = await unmoved(words)
        async with connected() as (network, caller, peer):
            peer.audio_in.listen(RATE)
            hearing = asyncio.create_task(taken(peer, 320 * 50))
            await say(caller, words[:20], 0)
            before = peer.answer
            assert peer.remote_address == "198.51.100.7:5000"
            if restart:
                caller.renew()
                answer = await peer.renegotiate(caller.offer())
                caller.answered(answer.sdp)
                assert answer != before
                # The old way carries sound until the new one stands.
                await say(caller, words[20:30], 20)
            caller.move(MOBILE)
            caller.check()
            await say(caller, words[30 if restart else 20 :], 30 if restart else 20)
            heard = await hearing
            assert np.array_equal(heard, expected)
            assert peer.remote_address == "203.0.113.99:40001" and peer.state == "connected"
            network.sent.clear()
            await asyncio.sleep(0.2)
            assert network.sent and {to for _, to in network.sent} == {MOBILE}
            assert peer.statistics().lost_packets == 0

    run_virtual(main())


def test_after_a_restart_the_old_password_is_good_for_nothing() -> None:
    async def main() -> None:
        async with connected() as (network, caller, peer):
            old = (caller.local, caller.password)
            caller.renew()
            caller.answered((await peer.renegotiate(caller.offer())).sdp)
            caller.check()
            network.sent.clear()
            stranger = ("192.0.2.66", 1)
            network.mux.receive(network, stranger, check(*old))
            assert not [to for _, to in network.sent if to == stranger]
            assert network.mux.counts["stranger"] == 1

    run_virtual(main())


def test_a_caller_that_is_killed_is_noticed_after_5_s_and_no_forger_keeps_it_alive() -> None:
    """Checks without the password, replayed packets, data from anywhere: none is a sign of life."""

    async def main() -> None:
        async with connected(resume_within_ns=20 * SECOND) as (network, caller, peer):
            peer.audio_in.listen(RATE)
            packet = caller.secure._tx.protect(b"\x80\x6f\x00\x09" + bytes(8) + speech(1)[0])
            caller.transmit(packet)
            loop = asyncio.get_running_loop()
            began = loop.time()
            source = caller.source
            away: list[float] = []
            peer.on_away(lambda gone: away.append(loop.time() - began if gone else -1.0))
            caller.vanish()
            while not away and loop.time() < began + 20:
                await asyncio.sleep(0.1)
                for forged in (
                    packet,
                    check(caller.local, "x" * 32),
                    b"\x16" * 60,
                    b"",
                    b"\x80\xc8" + bytes(30),
                ):
                    network.mux.receive(network, source, forged)
            assert len(away) == 1 and 5.0 <= away[0] <= 5.6
            assert peer.state == "away"
            assert await peer.closed() == "nothing was heard of the caller for 5s"
            assert 25.0 <= loop.time() - began <= 26.2

    run_virtual(main())


def test_one_that_was_away_comes_back_by_itself() -> None:
    """The agent has waited: nothing of its sound was used up meanwhile."""

    async def main() -> None:
        async with connected() as (_, caller, peer):
            peer.audio_in.listen(RATE)
            source = Counting()
            playing = asyncio.create_task(peer.audio_out.play(source, 24_000))
            await asyncio.sleep(0.5)
            hear, caller.network._there = caller.network._there, {}
            await asyncio.sleep(6)
            assert peer.state == "away"
            pulled, heard = source.pulled, len(caller.heard)
            await asyncio.sleep(10)
            assert (source.pulled, peer.state) == (pulled, "away")
            caller.network._there = hear
            caller.check()
            assert peer.state == "connected"
            await asyncio.sleep(0.5)
            assert source.pulled - pulled == pytest.approx(12_000, abs=1_000)
            assert len(caller.heard) - heard == pytest.approx(25, abs=3)
            playing.cancel()

    run_virtual(main())


def test_a_call_goes_on_over_another_connection() -> None:
    """A reloaded page, a telephone that slept: the token of the answer is good once, and sound goes on both ways."""

    async def main() -> None:
        words = speech(40)
        async with connected() as (network, caller, peer):
            peer.audio_in.listen(RATE)
            source = Counting()
            playing = asyncio.create_task(peer.audio_out.play(source, 24_000))
            hearing = asyncio.create_task(words_heard(peer, 38))
            await say(caller, words[:20], 0)
            caller.vanish()
            await asyncio.sleep(7)
            assert peer.state == "away"
            token, pulled = peer.resume_token, source.pulled
            again = RawCaller(network, MOBILE)
            for wrong in ("", "nobody", "\ud800"):
                with pytest.raises(TransportError):
                    await peer.resume(wrong, again.offer())
            await peer.resume(token, again.offer())
            assert peer.resume_token != token
            with pytest.raises(TransportError):
                await peer.resume(token, again.offer())
            assert source.pulled == pulled
            again.answered(peer.answer.sdp)
            shaking = asyncio.create_task(again.secure.start())
            again.check()
            await shaking
            await asyncio.sleep(0.05)
            assert peer.state == "connected"
            await say(again, words[20:], 0, ssrc=78)
            # All of both halves but the first packet of each, in which a decoder begins.
            await hearing
            assert source.pulled > pulled and len(again.heard) > 10
            assert not playing.done()
            playing.cancel()
            await again.close()

    run_virtual(main())


def test_without_a_window_a_lost_caller_ends_the_call() -> None:
    async def main() -> None:
        async with connected(resume_within_ns=0) as (_, caller, peer):
            caller.vanish()
            assert await peer.closed() == "nothing was heard of the caller for 5s"

    run_virtual(main())


def test_who_closes_its_connection_has_hung_up_unless_it_resumes() -> None:
    """A reloaded page closes its connection too; ours says beforehand that it comes back."""

    async def main() -> None:
        async with connected() as (_, caller, peer):
            await caller.close()
            assert await peer.closed() == "the caller hung up"
        async with connected() as (_, caller, peer):
            peer.resumes = True
            await caller.close()
            await asyncio.sleep(1)
            assert peer.state == "away"
            assert await peer.closed() == "the caller hung up"

    run_virtual(main())


def test_an_offer_that_never_connects_takes_nothing_from_the_call() -> None:
    """Somebody has the token, or the page was closed again at once: the connection that there is goes on."""

    async def main() -> None:
        async with connected() as (network, caller, peer):
            await peer.resume(peer.resume_token, RawCaller(network, MOBILE).offer())
            for _ in range(20):
                await asyncio.sleep(1)
                caller.check()
            assert peer.state == "connected" and peer.remote_address == "198.51.100.7:5000"
            assert len(network.mux) == 1

    run_virtual(main())


def test_many_further_offers_leave_one_connection() -> None:
    async def main() -> None:
        async with connected() as (network, _, peer):
            for _ in range(30):
                await peer.renegotiate(RawCaller(network, MOBILE).offer(), replace=True)
            await asyncio.sleep(0.1)
            assert len(network.mux) == 2
            with pytest.raises(TransportError):
                await peer.renegotiate("v=0\r\no=\r\n")

    run_virtual(main())

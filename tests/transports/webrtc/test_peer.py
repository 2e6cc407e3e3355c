"""A caller and a peer over real ICE, DTLS and SRTP on this machine: sound and messages both ways, every ending."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiortc.rtp import RtpPacket

from livegraph.audio import Pcm
from livegraph.pipeline.errors import TransportError
from livegraph.pipeline.units import MS, SECOND
from livegraph.testing import no_tasks_left
from livegraph.transports.playout import PlayoutBuffer
from livegraph.transports.webrtc.network import LOOPBACK, Network
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.sdp import BadOffer
from support.webrtc import Caller, pitch


class ToneSource:
    """Plays a tone for ever, or for so many samples."""

    def __init__(self, hertz: float, rate: int, samples: int | None = None) -> None:
        self.hertz, self.rate, self.left = hertz, rate, samples
        self.at = 0

    @property
    def drained(self) -> bool:
        return self.left is not None and self.at >= self.left

    def pull(self, samples: int) -> Pcm:
        times = (self.at + np.arange(samples)) / self.rate
        self.at += samples
        return np.round(8_000 * np.sin(2 * np.pi * self.hertz * times)).astype(np.int16)


@asynccontextmanager
async def calling(hertz: float | None = 440.0, **options: Any) -> AsyncIterator[tuple[Caller, Peer]]:
    caller = Caller(hertz)
    peer = await caller.call(**options)
    try:
        yield caller, peer
    finally:
        await peer.close()
        await caller.hang_up()


def peak(caller: Caller) -> int:
    """Of the last 100 ms."""
    return int(np.abs(caller.recent(0.1)).max(initial=0))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def received(peer: Peer, seconds: float, rate: int) -> Pcm:
    pieces: list[Pcm] = []
    while sum(map(len, pieces)) < seconds * rate:
        piece = await peer.audio_in.recv()
        assert piece is not None
        pieces.append(piece)
    return np.concatenate(pieces)


@pytest.mark.parametrize("rate", [48_000, 24_000, 16_000, 8_000])
def test_sound_goes_both_ways(rate: int) -> None:
    async def main() -> None:
        async with calling(hertz=440.0) as (caller, peer):
            peer.audio_in.listen(rate)
            playing = asyncio.create_task(peer.audio_out.play(ToneSource(1_000.0, rate), rate))
            said = await received(peer, 0.8, rate)
            assert said.dtype == np.int16 and said.ndim == 1
            assert pitch(said[-rate // 4 :], rate) == pytest.approx(440, abs=8)
            await until(lambda: pitch(caller.recent(0.25)) == pytest.approx(1_000, abs=8))
            playing.cancel()

    asyncio.run(main())


def test_empty_packets_do_no_harm() -> None:
    """Neither as datagrams nor as RTP without a payload."""

    async def main() -> None:
        async with calling() as (caller, peer):
            transport: Any = caller.pc.getTransceivers()[0].receiver.transport
            peer.audio_in.listen(16_000)
            for number in range(200):
                empty = RtpPacket(payload_type=96, sequence_number=number, timestamp=number, ssrc=7)
                await transport._send_rtp(empty.serialize())
                await transport.transport._send(b"")
            said = await received(peer, 1.0, 16_000)
            assert np.abs(said[-4_000:]).max() > 4_000
            assert peer.state == "connected"

    asyncio.run(main())


def test_video_is_declined_and_sound_goes_on() -> None:
    async def main() -> None:
        caller = Caller()
        caller.pc.addTransceiver("video")
        peer = await caller.call()
        video = peer.answer.sdp[peer.answer.sdp.index("m=video") :]
        assert "a=inactive" in video
        peer.audio_in.listen(16_000)
        await received(peer, 0.1, 16_000)
        assert "video-decoder" not in {thread.name for thread in threading.enumerate()}
        await peer.close()
        await caller.hang_up()

    asyncio.run(main())


def test_playing_ends_when_the_source_is_drained_and_silence_follows() -> None:
    async def main() -> None:
        async with calling() as (caller, peer):
            await peer.audio_out.play(ToneSource(1_000.0, 24_000, samples=12_000), 24_000)
            await asyncio.sleep(0.5)
            await until(lambda: peak(caller) < 50)
            pcm = caller.recent(10)
            assert np.count_nonzero(np.abs(pcm) > 1_000) > 0.3 * 48_000
            await peer.audio_out.play(ToneSource(500.0, 24_000, samples=4_800), 24_000)

    asyncio.run(main())


def test_what_a_source_raises_reaches_the_player_and_not_aiortc() -> None:
    class Broken(ToneSource):
        def pull(self, samples: int) -> Pcm:
            raise LookupError("no sound")

    async def main() -> None:
        async with calling() as (caller, peer):
            with pytest.raises(LookupError, match="no sound"):
                await peer.audio_out.play(Broken(1, 24_000), 24_000)
            before = len(caller.heard)
            await until(lambda: len(caller.heard) > before + 10)

    asyncio.run(main())


def test_a_pause_and_a_flush_are_heard() -> None:
    from livegraph.pipeline.frames import AudioFrame

    async def main() -> None:
        async with calling() as (caller, peer):
            buffer = PlayoutBuffer(24_000)
            tone = ToneSource(1_000.0, 24_000).pull(24_000 * 20)
            buffer.push(AudioFrame(samples=tone, rate=24_000, turn=1))
            playing = asyncio.create_task(peer.audio_out.play(buffer, 24_000))

            def loud() -> bool:
                return peak(caller) > 4_000

            def quiet() -> bool:
                return peak(caller) < 50

            await until(loud)
            buffer.pause()
            await until(quiet)
            buffer.resume()
            await until(loud)
            buffer.flush(1)
            await until(quiet)
            playing.cancel()

    asyncio.run(main())


def test_messages_go_both_ways_and_wait_for_the_channel() -> None:
    async def main() -> None:
        caller = Caller()
        peer = await Peer.accept(await caller.offer())
        for number in range(300):
            peer.send({"type": "state", "number": number})
        await caller.answered(peer)
        await peer.connected()
        await until(lambda: bool(caller.messages) and caller.messages[-1]["number"] == 299)
        # Bounded: the oldest are lost.
        assert [message["number"] for message in caller.messages] == list(range(44, 300))
        caller.say(type="text", text="early")
        caller.channel.send("no json")
        caller.channel.send("[1]")
        caller.channel.send('{"type": 3}')
        caller.channel.send(b"bytes")
        caller.say(type="text", text="last")
        await until(lambda: len(peer._messages._unread) == 2)
        got: list[dict[str, Any]] = []
        stop = peer.on_message(got.append)
        assert [message["text"] for message in got] == ["early", "last"]
        stop()
        with pytest.raises(TypeError):
            peer.send({"type": object()})
        await peer.close()
        await caller.hang_up()

    asyncio.run(main())


def test_the_last_message_arrives_before_the_end() -> None:
    """Why a call ends is said last, behind everything that is still on its way."""

    async def main() -> None:
        async with calling() as (caller, peer):
            for number in range(100):
                peer.send({"type": "transcript", "number": number, "text": "word " * 100})
            peer.send({"type": "end", "reason": "good bye"})
            await peer.close()
            await until(lambda: bool(caller.messages) and caller.messages[-1]["type"] == "end")
            assert len(caller.messages) == 101

    asyncio.run(main())


def test_a_hang_up_closes_the_peer_at_once() -> None:
    async def main() -> None:
        async with calling() as (caller, peer):
            told: list[str] = []
            peer.on_over(told.append)
            peer.on_over(told.append)()  # taken back
            assert peer.state == "connected"
            await caller.hang_up()
            async with asyncio.timeout(2):
                reason = await peer.closed()
            assert reason.startswith("the caller") and told == [reason]
            assert peer.state == "closed" and peer.reason == reason
            assert await peer.audio_in.recv() is None

    asyncio.run(main())


def test_closing_twice_keeps_the_first_reason() -> None:
    async def main() -> None:
        async with calling() as (_, peer):
            await asyncio.gather(peer.close("first"), peer.close("second"))
            assert peer.reason == "first"
            await peer.add_candidates([{"candidate": "candidate:1 1 udp 1 192.0.2.7 9 typ host"}])
            peer.send({"type": "end"})

    asyncio.run(main())


def test_a_caller_that_never_connects_is_given_up() -> None:
    async def main() -> None:
        caller = Caller()
        peer = await Peer.accept(await caller.offer(), connect_within_ns=600 * MS)
        with pytest.raises(TransportError, match="no connection within 600ms"):
            await peer.connected()
        await caller.hang_up()

    asyncio.run(main())


@pytest.mark.leaks
def test_killed_callers_are_noticed_and_leave_nothing_behind() -> None:
    """Twenty of them: no goodbye, no packet, nothing. Tasks, threads and sockets are back where they were."""

    async def main() -> None:
        async with no_tasks_left():
            for _ in range(4):
                callers = [Caller() for _ in range(5)]
                peers = [await caller.call(silence_ns=700 * MS) for caller in callers]
                for peer in peers:
                    peer.audio_in.listen(16_000)
                for caller in callers:
                    caller.vanish()
                async with asyncio.timeout(10):
                    reasons = [await peer.closed() for peer in peers]
                assert set(reasons) == {"nothing was heard of the caller for 700ms"}
                for caller in callers:
                    await caller.hang_up()

    asyncio.run(main())


def test_a_caller_without_a_microphone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sound and no message comes, but the browser's own checks of the connection do: every 5 s, here 0.3 s."""
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.3)

    async def main() -> None:
        async with calling(hertz=None, silence_ns=1 * SECOND) as (caller, peer):
            await asyncio.sleep(2.5)
            assert peer.state == "connected"
            caller.vanish()
            assert "nothing was heard" in await peer.closed()

    asyncio.run(main())


def test_local_names_do_not_delay_the_answer() -> None:
    """aiortc would ask the network for each of them, a second long: here for 40 s and more."""

    async def main() -> None:
        caller = Caller()
        offer = await caller.offer()
        line = "a=candidate:9 1 udp 2122260223 4f1c7b9e-0000-4000-8000-1234567890ab.local 50000 typ host\r\n"
        lines = "".join(line.replace("4f1c7b9e", f"4f1c7b{number:02x}") for number in range(20))
        first, *rest = offer.split("a=mid:")
        offer = "a=mid:".join([first, *(part.replace("\r\n", "\r\n" + lines, 1) for part in rest)])
        began = time.perf_counter()
        peer = await Peer.accept(offer)
        assert time.perf_counter() - began < 20
        await peer.add_candidates([{"candidate": line.strip().removeprefix("a="), "sdp_mid": "0"}])
        assert time.perf_counter() - began < 20
        await caller.answered(peer)
        await peer.connected()
        await peer.close()
        await caller.hang_up()

    asyncio.run(main())


def test_candidates_may_come_later() -> None:
    async def main() -> None:
        caller = Caller()
        offer = await caller.offer()
        lines = offer.split("\r\n")
        candidates = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
        peer = await Peer.accept("\r\n".join(line for line in lines if "candidate" not in line))
        trickled = [{"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0} for text in candidates]
        await peer.add_candidates([*trickled, {"candidate": "", "sdp_mid": "0"}])
        await caller.answered(peer)
        await peer.connected()
        with pytest.raises(BadOffer):
            await peer.add_candidates([{"candidate": "nonsense"}])
        await peer.close()
        await caller.hang_up()

    asyncio.run(main())


def test_loopback_alone_is_enough() -> None:
    """A browser and a server on one machine without any network."""

    async def main() -> None:
        async with Network(hosts=LOOPBACK) as network, calling(network=network) as (_, peer):
            candidates = [line for line in peer.answer.sdp.split("\r\n") if line.startswith("a=candidate:")]
            assert candidates and all(" 127.0.0.1 " in line or " ::1 " in line for line in candidates)
            assert all(f" {network.port} typ host" in line for line in candidates)

    asyncio.run(main())


@pytest.mark.leaks
def test_a_bad_offer_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with no_tasks_left():
            caller = Caller()
            offer = await caller.offer()
            for bad in (
                "",
                offer.replace("a=setup:actpass", "a=setup:nobody"),
                offer.replace("opus/48000/2", "opus/48000"),
                offer.replace("a=sctp-port:5000", "a=sctp-port:x"),
                offer.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 7 8"),
                offer.replace("a=mid:", "a=amid:"),
            ):
                try:
                    peer = await Peer.accept(bad)
                except BadOffer:
                    continue
                await peer.close()
            await caller.hang_up()

    asyncio.run(main())

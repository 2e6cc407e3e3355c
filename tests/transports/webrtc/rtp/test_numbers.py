"""What people are told of a line is what the line did: a network that loses, delays and shakes by a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.opus.packets import has_fec
from livegraph.transports.webrtc.rtp.packets import build_rtp
from livegraph.transports.webrtc.rtp.session import MediaSession
from livegraph.transports.webrtc.rtp.statistics import MediaStatistics
from livegraph.transports.webrtc.sdp.terms import Codec, OpusTerms, Section, Terms
from support.rtp_line import encoded, tone

PACKETS = 1_000


def terms(ssrc: int) -> Terms:
    section = Section("0", "audio", (Codec(111, "opus", 48_000, 2),), ssrcs=(3 - ssrc,))
    return Terms(audio=section, opus=OpusTerms(in_band_fec=True), audio_ssrc=ssrc, cname="test")


def heard(
    payloads: list[bytes], lost: Callable[[int], bool], late_ns: Callable[[int], int] = lambda number: 0
) -> MediaStatistics:
    """The numbers of a session to which 20 s of ``payloads`` were sent."""

    async def scene() -> MediaStatistics:
        clock = clock_of_loop()
        session = MediaSession(clock=clock, send_rtp=lambda _: None, send_rtcp=lambda _: None)
        session.audio_in.listen(16_000)
        session.audio_in.hand_to(lambda pcm, media_ns: None)
        session.attach(terms(1), clock.now_ns())
        began_ns = clock.now_ns()
        for number in range(PACKETS):
            at_ns = began_ns + number * 20 * MS + late_ns(number)
            await asyncio.sleep((at_ns - clock.now_ns()) / SECOND)
            if not lost(number):
                packet = build_rtp(111, number, 960 * number, 2, payloads[number % len(payloads)])
                session.receive_rtp(packet, clock.now_ns())
        numbers = session.statistics(clock.now_ns())
        session.close()
        return numbers

    return run_virtual(scene())


def tenth(number: int) -> bool:
    """One of ten, never the first or the last."""
    return number % 10 == 5


def test_a_clean_line_has_nothing_to_tell() -> None:
    payloads = encoded(tone(1_000), 48_000)
    numbers = heard(payloads, lost=lambda number: False)
    assert (numbers.received_packets, numbers.lost_packets) == (PACKETS, 0)
    assert (numbers.recovered_packets, numbers.concealed_ms, numbers.silent_ms) == (0, 0, 0)
    assert (numbers.jitter_ms, numbers.buffer_ms, numbers.buffer_most_ms) == (0, 0, 0)
    assert numbers.received_bytes == sum(len(payloads[at % len(payloads)]) for at in range(PACKETS))


def test_what_is_lost_is_concealed_or_given_back_to_the_packet() -> None:
    """One packet in ten, 100 of 1,000; those are given back whose copy is in the next packet."""
    plain = heard(encoded(tone(1_000), 48_000), tenth)
    assert (plain.received_packets, plain.lost_packets, plain.recovered_packets) == (900, 100, 0)
    assert plain.concealed_ms == pytest.approx(2_000)
    payloads = encoded(tone(1_000), 48_000, fec=True)
    copies = sum(tenth(number) and has_fec(payloads[(number + 1) % 50]) for number in range(PACKETS))
    assert copies >= 50
    copied = heard(payloads, tenth)
    assert (copied.received_packets, copied.lost_packets, copied.recovered_packets) == (900, 100, copies)
    assert copied.concealed_ms == pytest.approx(20 * (100 - copies))


def test_the_bit_rate_is_that_of_the_last_second() -> None:
    """Packets of 80 bytes, 50 in a second: 32 kb/s; where every other is lost half of it."""
    payload = encoded(tone(1_000), 48_000)[10].ljust(80, b"\0")
    for lost, rate in ((lambda number: False, 32_000), (lambda number: number % 2 == 1, 16_000)):
        assert heard([payload], lost).receive_bit_rate == pytest.approx(rate, abs=8 * 80)


def test_jitter_is_the_mean_deviation_and_late_packets_wait_for_nobody() -> None:
    """Every other packet is 3 ms late, so that spacing is off by 3 ms each time."""
    numbers = heard(encoded(tone(1_000), 48_000), lambda number: False, lambda number: number % 2 * 3 * MS)
    assert numbers.jitter_ms == pytest.approx(3, abs=0.2)
    assert (numbers.lost_packets, numbers.buffer_ms) == (0, 0)


def test_a_swapped_packet_keeps_the_next_one_waiting_as_long_as_it_is_late() -> None:
    """Each tenth comes 25 ms late, after the one behind it, which waits for 5 ms."""
    payloads = encoded(tone(1_000), 48_000)

    async def scene() -> MediaStatistics:
        clock = clock_of_loop()
        session = MediaSession(clock=clock, send_rtp=lambda _: None, send_rtcp=lambda _: None)
        session.audio_in.listen(16_000)
        session.audio_in.hand_to(lambda pcm, media_ns: None)
        session.attach(terms(1), clock.now_ns())
        loop, began = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        for number in range(PACKETS):
            packet = build_rtp(111, number, 960 * number, 2, payloads[number % len(payloads)])
            late_s = 0.025 if tenth(number) else 0.0
            loop.call_at(
                began + number * 0.02 + late_s,
                lambda packet=packet: session.receive_rtp(packet, clock.now_ns()),
            )
        await asyncio.sleep(20.1)
        numbers = session.statistics(clock.now_ns())
        session.close()
        return numbers

    numbers = run_virtual(scene())
    assert numbers.received_packets == PACKETS
    assert numbers.reordered_packets + numbers.late_packets == PACKETS // 10
    # Before it is known how late packets come the first few are not waited for.
    assert numbers.late_packets == numbers.lost_packets <= 5
    assert numbers.buffer_most_ms == pytest.approx(5, abs=0.1)
    assert numbers.buffer_ms == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("way_ms", [0, 40, 150])
def test_round_trip_and_loss_are_what_the_other_side_says(way_ms: int) -> None:
    """As long each way, and one of our packets in ten lost: five of fifty in each report."""

    async def scene() -> tuple[MediaStatistics, MediaStatistics]:
        clock, loop = clock_of_loop(), asyncio.get_running_loop()
        sides: list[MediaSession] = []
        sent = 0

        def way(to: int, kind: str) -> Callable[[bytes], None]:
            def send(data: bytes) -> None:
                nonlocal sent
                if kind == "receive_rtp" and to == 1:
                    sent += 1
                    if tenth(sent):
                        return
                loop.call_later(way_ms / 1_000, lambda: getattr(sides[to], kind)(data, clock.now_ns()))

            return send

        sides += [
            MediaSession(clock=clock, send_rtp=way(to, "receive_rtp"), send_rtcp=way(to, "receive_rtcp"))
            for to in (1, 0)
        ]
        for number, side in enumerate(sides, 1):
            side.audio_in.listen(16_000)
            side.audio_in.hand_to(lambda pcm, media_ns: None)
            side.attach(terms(number), clock.now_ns())
        await asyncio.sleep(30)
        here, there = (side.statistics(clock.now_ns()) for side in sides)
        for side in sides:
            side.close()
        await asyncio.sleep(1)
        return here, there

    here, there = run_virtual(scene())
    assert here.round_trip_ms == pytest.approx(2 * way_ms, abs=1)
    assert there.round_trip_ms == pytest.approx(2 * way_ms, abs=1)
    assert there.one_way_ms == pytest.approx(way_ms, abs=1)
    assert here.lost_by_caller == pytest.approx(0.1, abs=0.005)
    assert there.lost_by_caller == 0
    assert here.sent_packets * 0.1 == pytest.approx(there.lost_packets, abs=2)
    assert here.fec and not there.fec
    assert there.received_bytes == pytest.approx(0.9 * here.sent_bytes, rel=0.01)

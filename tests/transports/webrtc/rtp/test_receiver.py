"""The receiver against networks that lose, delay and reorder: exact expectations, with time as a number."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.opus import SILENCE, OpusDecoder, has_fec
from livegraph.transports.webrtc.rtp.packets import RtpPacket
from livegraph.transports.webrtc.rtp.receiver import AudioReceiver
from support.rtp_line import PATH_NS, Sent, encoded, hear, jittered, on_time, tone
from support.speech import recorded

RATE = 16_000
PACKET = RATE // 50


def speech(milliseconds: int = 2_000) -> list[bytes]:
    """Payloads of a tone."""
    return encoded(tone(milliseconds, 24_000), 24_000)


def voice() -> list[bytes]:
    """Two seconds of a person, with copies for lost packets: only of a voice are there any."""
    return encoded(recorded("go_forward").pcm, 16_000, fec=True)[20:120]


def decoded(payloads: list[bytes]) -> np.ndarray:
    decoder = OpusDecoder(RATE)
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def test_packets_in_order_are_heard_at_once_and_as_they_were_sent() -> None:
    """No packet waits, and the samples are those of the decoder."""
    payloads = speech()
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, on_time(payloads))
    assert heard.pcm.tobytes() == decoded(payloads).tobytes()
    assert heard.given_ns == [PATH_NS + number * 20 * MS for number in range(100)]
    assert [sound.media_ns for sound in heard.sounds] == [number * 20 * MS for number in range(100)]
    assert receiver.counts.delay_sum_ns == 0


@pytest.mark.parametrize("lost", [{30}, {20, 30, 45, 60}, {22, 24, 26, 28}])
def test_single_losses_are_given_back_by_the_copy_in_the_next_packet(lost: set[int]) -> None:
    """Of the packets lost none leaves a hole, no other is thrown away, and none waits longer than the next takes."""
    payloads = voice()
    assert all(has_fec(payloads[number + 1]) for number in lost)
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, on_time(payloads, lost=lost))
    assert len(heard.pcm) == 100 * PACKET
    assert heard.kinds().count("recovered") == len(lost)
    assert heard.kinds().count("heard") == 100 - len(lost)
    assert receiver.order.lost == len(lost)
    assert receiver.counts.delay_sum_ns == 0
    # What was given back sounds like what was lost.
    original = decoded(payloads)
    for number in lost:
        piece = slice(number * PACKET, (number + 1) * PACKET)
        assert np.corrcoef(heard.pcm[piece], original[piece])[0, 1] > 0.7


@pytest.mark.parametrize("length", [1, 2, 3, 4, 10])
def test_a_burst_is_concealed_for_60_ms_then_silent_and_costs_no_time(length: int) -> None:
    """After it every sample stands where it was sent."""
    payloads = speech()
    heard = hear(AudioReceiver(RATE), on_time(payloads, lost=range(50, 50 + length)))
    assert len(heard.pcm) == 100 * PACKET
    assert heard.milliseconds("concealed", RATE) == min(60, 20 * length)
    assert heard.milliseconds("silence", RATE) == max(0, 20 * length - 60)
    original = decoded(payloads)
    end = (50 + length + 5) * PACKET
    assert np.corrcoef(heard.pcm[end:], original[end:])[0, 1] > 0.99


def test_200_ms_gone_leave_no_step_in_the_sound() -> None:
    """The concealment fades out and what follows fades in: no two neighbours differ more than within the tone."""
    payloads = speech()
    steepest = int(np.abs(np.diff(decoded(payloads).astype(int))).max())
    heard = hear(AudioReceiver(RATE), on_time(payloads, lost=range(50, 60)))
    assert int(np.abs(np.diff(heard.pcm.astype(int))).max()) < 1.5 * steepest


def test_packets_that_are_late_together_are_all_heard() -> None:
    """A stall of the line for 200 ms loses nothing: its packets come in a burst and are given in a burst."""
    payloads = speech()
    stalled = on_time(payloads, late=lambda number: max(0, 60 - number) * 20 * MS if 50 <= number < 60 else 0)
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, stalled)
    assert heard.pcm.tobytes() == decoded(payloads).tobytes()
    assert receiver.order.lost == receiver.order.late == 0


def test_swapped_packets_are_put_in_order_once_the_network_does_so() -> None:
    """On a line that swaps one packet in eight nothing is lost after the first seconds."""
    payloads = speech(8_000)
    swapped = on_time(payloads, late=lambda number: 25 * MS if number % 8 == 3 else 0)
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, swapped)
    assert len(heard.pcm) == 400 * PACKET
    assert receiver.order.late <= 2
    assert receiver.limit_ns == 25 * MS
    assert receiver.counts.delay_most_ns <= 5 * MS


def test_the_limit_follows_the_network_and_has_its_bounds() -> None:
    """No wait on an even line; on a bad one as much as 95 of 100 packets need, at most 60 ms, or 120 for a speaker."""
    payloads = speech(8_000)
    for spread_ms, at_least, at_most in ((0.0001, 0, 1), (5, 8, 30), (40, 60, 60)):
        receiver = AudioReceiver(RATE)
        hear(receiver, on_time(payloads, late=jittered(1, spread_ms)))
        assert at_least * MS <= receiver.limit_ns <= at_most * MS
    speaker = AudioReceiver(RATE, most_wait_ns=120 * MS)
    hear(speaker, on_time(payloads, late=jittered(1, 60)))
    assert speaker.limit_ns == 120 * MS


@pytest.mark.parametrize(
    ("loss", "jitter_ms", "most_ms"), [(0.0, 3, 0.1), (0.005, 5, 0.5), (0.01, 10, 1.0), (0.03, 15, 3.0)]
)
def test_little_is_waited_for_and_nothing_thrown_away(loss: float, jitter_ms: float, most_ms: float) -> None:
    """A minute on lines that lose, and delay each packet by itself: the mean wait, and packets that came too late."""
    payloads = speech(20) * 3_000
    chance = np.random.default_rng(5)
    lost = set(np.flatnonzero(chance.random(3_000) < loss).tolist()) - {0}
    delays = np.abs(chance.normal(0, jitter_ms, 3_000)) * MS
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, on_time(payloads, lost=lost, late=lambda number: int(delays[number])))
    assert receiver.counts.delay_sum_ns / receiver.counts.decoded <= most_ms * MS
    assert receiver.order.late <= 0.003 * 3_000
    assert len(heard.pcm) == 3_000 * PACKET


def test_duplicates_are_heard_once() -> None:
    """Also when the copy comes much later."""
    payloads = speech()
    sent = on_time(payloads)
    twice = sorted(
        [*sent, *(Sent(one.at_ns + 45 * MS, one.packet) for one in sent)], key=lambda one: one.at_ns
    )
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, twice)
    assert heard.pcm.tobytes() == decoded(payloads).tobytes()
    assert receiver.order.duplicates == 100


@pytest.mark.parametrize("bad", [b"", b"\x0b", b"\xff\xff\xff", b"\x03\x00", bytes(9_000)])
def test_payloads_that_are_none_are_counted_and_concealed(bad: bytes) -> None:
    """The sound goes on in its time."""
    payloads = speech()
    payloads[50] = bad
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, on_time(payloads))
    assert len(heard.pcm) == 100 * PACKET
    assert receiver.counts.malformed + receiver.counts.undecodable + heard.kinds().count("concealed") >= 1
    assert heard.kinds().count("heard") in (99, 100)


def test_a_pause_of_the_sender_is_silence_while_it_lasts() -> None:
    """With DTX nothing comes for a second: the model hears silence in its time, and speech where it was spoken."""
    payloads = speech(1_000)
    talking = on_time([*payloads, b"\x78"])
    again = on_time(
        payloads, sequence=talking[-1].packet.sequence + 1, timestamp=(1 << 32) - 9_600 + 100 * 960
    )
    again = [Sent(one.at_ns + 2 * SECOND, one.packet) for one in again]
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, [*talking, *again])
    assert len(heard.pcm) == 150 * PACKET
    during = [at for sound, at in zip(heard.sounds, heard.given_ns, strict=True) if sound.kind == "silence"]
    assert len(during) >= 45
    assert max(np.diff(during)) <= 20 * MS
    onset = next(
        s
        for s, at in zip(heard.sounds, heard.given_ns, strict=True)
        if at >= 2 * SECOND + PATH_NS and s.kind == "heard"
    )
    assert onset.media_ns == 2 * SECOND


def test_a_stream_that_just_stops_becomes_silence_after_a_second() -> None:
    """And goes on, with nothing lost, however late."""
    payloads = speech(1_000)
    before = on_time(payloads)
    # The sender's clock stood still meanwhile, as that of a browser without a microphone does.
    after = on_time(payloads, sequence=65_500 + 50, timestamp=(1 << 32) - 9_600 + 50 * 960)
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, [*before, *(Sent(one.at_ns + 6 * SECOND, one.packet) for one in after)])
    assert heard.kinds().count("heard") == 100
    assert 4_500 < heard.milliseconds("silence", RATE) < 5_500


def test_a_new_beginning_of_the_sender_is_followed() -> None:
    """Sequence and timestamps jump anywhere: not a packet is thrown away, and no time is made up."""
    payloads = speech(1_000)
    before = on_time(payloads)
    after = on_time(payloads, sequence=20_000, timestamp=123_456)
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, [*before, *(Sent(one.at_ns + SECOND, one.packet) for one in after)])
    assert heard.kinds() == ["heard"] * 100
    assert receiver.order.restarts == 1


@pytest.mark.parametrize("jump", [-480_000, -961, -1, 1_000_000, 1 << 31])
def test_timestamps_that_jump_cost_nothing(jump: int) -> None:
    """The sequence is the truth: all packets are heard, and no hole is filled that nobody left."""
    payloads = speech(1_000)
    before = on_time(payloads)
    after = on_time(
        payloads, sequence=65_500 + 50, timestamp=((1 << 32) - 9_600 + 50 * 960 + jump) & 0xFFFFFFFF
    )
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, [*before, *(Sent(one.at_ns + SECOND, one.packet) for one in after)])
    assert heard.kinds().count("heard") == 100
    assert len(heard.pcm) == 100 * PACKET
    assert receiver.counts.jumps == 1


def test_a_stray_packet_changes_nothing() -> None:
    """One number far off, that nothing follows, is not believed."""
    payloads = speech()
    sent = on_time(payloads)
    stray = RtpPacket(111, False, 30_000, 5, 7, SILENCE)
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, sorted([*sent, Sent(sent[50].at_ns + MS, stray)], key=lambda one: one.at_ns))
    assert heard.pcm.tobytes() == decoded(payloads).tobytes()


@pytest.mark.parametrize("drift", [-0.005, 0.005])
def test_a_clock_half_a_percent_off_loses_nothing(drift: float) -> None:
    """Over a minute, with loss: the samples are the sender's count."""
    payloads = speech(20) * 3_000
    lost = set(range(50, 2_990, 37))
    sent = on_time(payloads, lost=lost)
    sent = [Sent(round(one.at_ns * (1 + drift)), one.packet) for one in sent]
    receiver = AudioReceiver(RATE)
    heard = hear(receiver, sent)
    assert len(heard.pcm) == 3_000 * PACKET
    assert receiver.order.late == 0
    assert receiver.order.lost == len(lost)


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_any_packet_length_and_any_rate(rate: int, frame_ms: int) -> None:
    """Holes are as long as the packets are."""
    payloads = encoded(tone(1_200, 24_000), 24_000, frame_ms=frame_ms)
    sent = [
        Sent(
            PATH_NS + number * frame_ms * MS,
            RtpPacket(111, False, number, number * frame_ms * 48, 7, payload),
        )
        for number, payload in enumerate(payloads)
        if number not in (5, 9)
    ]
    heard = hear(AudioReceiver(rate), sent)
    assert len(heard.pcm) == len(payloads) * frame_ms * rate // 1_000


def with_send_times(sent: list[Sent], leaves_ns: list[int], clock_ns: int) -> list[tuple[Sent, int]]:
    """Each packet with its absolute send time, by a clock of the sender's own that wraps around."""
    return [
        (one, ((clock_ns + at_ns) * (1 << 18) // SECOND) & 0xFFFFFF)
        for one, at_ns in zip(sent, leaves_ns, strict=True)
    ]


@pytest.mark.parametrize("clock_ns", [0, 63 * SECOND, 1_000 * SECOND])
def test_a_sender_that_sends_in_bursts_is_no_network_that_delays(clock_ns: int) -> None:
    """By when packets left, the line is even: a hole is not waited for because the sender gathers its packets."""
    payloads = speech(8_000)
    held = [(number % 3) * 20 * MS for number in range(400)]
    sent = on_time(payloads, late=lambda number: 40 * MS - held[number])
    leaves = [number * 20 * MS + 40 * MS - held[number] for number in range(400)]
    told, untold = AudioReceiver(RATE), AudioReceiver(RATE)
    for one, stamp in with_send_times(sent, leaves, clock_ns):
        told.receive(one.packet, one.at_ns, sent=stamp)
        untold.receive(one.packet, one.at_ns)
    assert untold.limit_ns >= 39 * MS
    assert told.limit_ns < MS and told.queue_ns is not None and told.queue_ns < MS


def test_a_queue_in_the_network_is_seen_by_send_times() -> None:
    """A line that fills up over two seconds: the newest packet is that much slower than the quickest."""
    payloads = speech(2_000)
    sent = on_time(payloads, late=lambda number: number * MS)
    receiver = AudioReceiver(RATE)
    for one, stamp in with_send_times(sent, [number * 20 * MS for number in range(100)], 5 * SECOND):
        receiver.receive(one.packet, one.at_ns, sent=stamp)
    assert receiver.queue_ns == pytest.approx(99 * MS, abs=MS)
    assert 55 * MS <= receiver.limit_ns <= 60 * MS


def test_a_send_time_that_jumps_is_another_clock() -> None:
    """What was known of the line is forgotten, and learned anew: no wait by nonsense."""
    payloads = speech(4_000)
    receiver = AudioReceiver(RATE)
    for number, one in enumerate(on_time(payloads)):
        jumped = 30 * SECOND if number >= 100 else 0
        receiver.receive(
            one.packet, one.at_ns, sent=((number * 20 * MS + jumped) * (1 << 18) // SECOND) & 0xFFFFFF
        )
    assert receiver.limit_ns < MS
    for one, stamp in zip(on_time(payloads), (7, 9_999_999) * 100, strict=True):
        receiver.receive(one.packet, one.at_ns + 9 * SECOND, sent=stamp)
    assert receiver.limit_ns <= 60 * MS

"""Whatever packets come, in whatever order and at whatever time: what is given stays true."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.opus import OpusError
from livegraph.transports.webrtc.rtp.packets import RtpPacket
from livegraph.transports.webrtc.rtp.receiver import AudioReceiver, Sound
from support.rtp_line import encoded, tone

RATE = 16_000
PAYLOADS = encoded(tone(400, 24_000), 24_000)


class Marking:
    """A decoder whose samples say which packet they are of: no sample of sound can be given twice unseen."""

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def decode(self, packet: bytes) -> np.ndarray:
        if len(packet) < 5:
            raise OpusError("no packet")
        return np.full(320, 1_000 + int.from_bytes(packet[1:5], "big") % 20_000, np.int16)

    def decode_fec(self, packet: bytes, samples: int) -> np.ndarray:
        return np.full(samples, -1, np.int16)

    def conceal(self, samples: int) -> np.ndarray:
        return np.full(samples, -2, np.int16)

    def reset(self) -> None:
        pass


def payload(number: int) -> bytes:
    """20 ms of Opus by its first byte, with its number inside."""
    return b"\x78" + number.to_bytes(4, "big") + b"sound"


def check_joined(sounds: list[Sound]) -> None:
    """The pieces join without gap or overlap, in time and in samples."""
    position = 0
    for sound in sounds:
        assert len(sound.samples) > 0
        assert sound.samples.dtype == np.int16
        assert sound.media_ns == position * SECOND // RATE
        position += len(sound.samples)


def wild(seed: int, count: int) -> list[tuple[int, int, bytes, int]]:
    """Packets as nobody sends them: sequence number, timestamp, payload, and how long after the one before."""
    chance = random.Random(seed)
    packets = []
    for _ in range(count):
        sequence = chance.choice(
            [chance.randrange(1 << 16), chance.randrange(65_400, 1 << 16), chance.randrange(120)]
        )
        timestamp = chance.choice([chance.randrange(1 << 32), 960 * chance.randrange(200)])
        data = chance.choice(
            [
                *PAYLOADS[:4],
                b"",
                b"\x78",
                b"\x03\x00",
                b"\xff" * 9,
                bytes(2_000),
                chance.randbytes(chance.randrange(30)),
            ]
        )
        wait_ns = chance.choice([0, chance.randrange(200 * MS), chance.randrange(20 * SECOND)])
        packets.append((sequence, timestamp, data, wait_ns))
    return packets


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, 80))
def test_no_packets_make_it_raise_and_its_time_has_no_holes(seed: int, count: int) -> None:
    """Any bytes, any numbers, any pauses: an unbroken line of samples, and never more of them than time allows."""
    packets = wild(seed, count)
    receiver = AudioReceiver(RATE)
    sounds: list[Sound] = []
    now_ns = 0
    for sequence, timestamp, data, wait_ns in packets:
        now_ns += wait_ns
        sounds += receiver.poll(now_ns)
        sounds += receiver.receive(RtpPacket(111, False, sequence, timestamp, 1, data), now_ns)
        if receiver.next_ns is not None:
            now_ns = max(now_ns, receiver.next_ns)
            sounds += receiver.poll(now_ns)
    sounds += receiver.poll(now_ns + SECOND)
    check_joined(sounds)
    # Silence is made for time that has passed, with a second's grace for each jump; sound for packets.
    most_s = now_ns / SECOND + 3 + 0.13 * len(packets) + 1.2 * receiver.counts.jumps
    assert receiver.given / RATE <= most_s


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 1 << 32),
    st.integers(1, 120),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([-0.005, 0.0, 0.005]),
)
def test_every_packet_is_heard_once_in_its_place_or_counted(
    seed: int, count: int, sequence: int, timestamp: int, drift: float
) -> None:
    """Loss, duplicates, delays, swaps, drift: each sample is in its sender's place, and the counts add up."""
    chance = random.Random(seed)
    worst_ns = chance.choice([1, 30 * MS, 150 * MS])
    fates = [
        (chance.choice(["sent", "sent", "sent", "sent", "lost", "twice"]), chance.randrange(worst_ns))
        for _ in range(count)
    ]
    arrivals = []
    for number, (fate, delay_ns) in enumerate(fates):
        packet = RtpPacket(
            111,
            False,
            (sequence + number) & 0xFFFF,
            (timestamp + 960 * number) & 0xFFFFFFFF,
            1,
            payload(number),
        )
        due_ns = round((30 + 20 * number) * MS * (1 + drift))
        if fate != "lost":
            arrivals.append((due_ns + delay_ns, number, packet))
        if fate == "twice":
            arrivals.append((due_ns + delay_ns + 7 * MS, number, packet))
    arrivals.sort(key=lambda one: one[:2])
    if not arrivals:
        return
    receiver = AudioReceiver(RATE, decoder=Marking)
    sounds: list[Sound] = []
    beat_ns = 0
    for at_ns, _, packet in arrivals:
        while beat_ns < at_ns:
            sounds += receiver.poll(beat_ns)
            beat_ns += 5 * MS
        sounds += receiver.receive(packet, at_ns)
    for _ in range(60):
        sounds += receiver.poll(beat_ns)
        beat_ns += 5 * MS
    check_joined(sounds)
    first = arrivals[0][1]
    heard = [(int(sound.samples[-1]) - 1_000, sound.media_ns) for sound in sounds if sound.kind == "heard"]
    assert len({number for number, _ in heard}) == len(heard), "a packet was heard twice"
    assert [number for number, _ in heard] == sorted(number for number, _ in heard)
    for number, media_ns in heard:
        assert media_ns == (number - first) * 20 * MS, "not in its sender's place"
    counts = receiver.order
    assert counts.received == len(arrivals)
    came = len({number for _, number, _ in arrivals})
    # What came before the first packet's number is late too, though nothing was given up for it.
    assert len(heard) + counts.late + counts.duplicates == len(arrivals)
    assert came - len(heard) <= counts.late + first
    assert receiver.next_ns is None

"""No caller can give more sound, or press more keys, than there was time for; and no honest one is ever cut short."""

from __future__ import annotations

from itertools import count

import pytest

from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.rtp.allowance import Allowance
from livegraph.transports.webrtc.rtp.audio_in import AudioInput
from livegraph.transports.webrtc.rtp.dtmf import DtmfReceiver
from livegraph.transports.webrtc.rtp.packets import RtpPacket
from support.rtp_line import encoded, tone

PAYLOADS = encoded(tone(1_000), 48_000)


class Microphone:
    """What an ``AudioInput`` gives of packets every ``every_ns``, each ``step`` samples at 48 kHz after the last."""

    def __init__(self) -> None:
        self.input = AudioInput()
        self.input.agree(111, 63, ())
        self.input.listen(16_000)
        self.input.hand_to(self._take)
        self.now_ns = 0
        self.heard_s = 0.0
        self._sequence = count()
        self._stamp = 0

    def _take(self, samples: object, media_ns: int) -> None:
        self.heard_s += len(samples) / 16_000  # type: ignore[arg-type]

    def say(self, packets: int, *, step: int = 960, every_ns: int = 20 * MS, payload: bytes = b"") -> None:
        for _ in range(packets):
            number = next(self._sequence)
            sound = payload or PAYLOADS[number % len(PAYLOADS)]
            packet = RtpPacket(111, False, number & 0xFFFF, self._stamp & 0xFFFFFFFF, 7, sound)
            self.input.receive(packet, self.now_ns)
            self.input.poll(self.now_ns)
            self._stamp += step
            self.now_ns += every_ns


@pytest.mark.parametrize(
    ("step", "every_ns", "packets"),
    [
        (48_000, 20 * MS, 3_000),
        (14_400, 20 * MS, 3_000),
        (960, MS, 30_000),
        (960, 0, 3_000),
        (96_000, MS, 30_000),
    ],
    ids=["a second ahead each time", "a third of one", "twenty times as many", "all at once", "both"],
)
def test_sound_comes_no_faster_than_time_passes(step: int, every_ns: int, packets: int) -> None:
    """Whatever timestamps say, and however many packets come: five seconds ahead at first, then as time passes."""
    microphone = Microphone()
    microphone.say(packets, step=step, every_ns=every_ns)
    assert (
        microphone.heard_s < microphone.now_ns / SECOND * 1.05 + 5 + 11
    )  # one packet may end a hole of ten seconds
    assert microphone.input.hasty > 0
    microphone.now_ns += 40 * SECOND
    before = microphone.heard_s
    microphone.say(100)
    assert microphone.heard_s - before > 1.9


def test_packets_of_120_ms_that_come_every_20_are_too_much() -> None:
    """By their first byte each holds six frames of 20 ms."""
    microphone = Microphone()
    microphone.say(3_000, step=5_760, payload=b"\x0b\x06" + bytes(30))
    assert microphone.input.hasty > 1_000
    assert microphone.heard_s < 60 * 1.05 + 6


@pytest.mark.parametrize("drift", [-0.005, 0.0, 0.005, 0.02])
def test_an_hour_by_a_clock_that_is_off_is_heard_whole(drift: float) -> None:
    allowance, rate = Allowance(16_000), 16_000
    for second in range(3_600):
        assert allowance.allows(int(second * rate * (1 + drift)), second * SECOND)


def test_what_a_dead_line_kept_may_come_at_once() -> None:
    """Twenty seconds that stuck in a TCP connection, after twenty of nothing."""
    microphone = Microphone()
    microphone.say(500)
    microphone.now_ns += 20 * SECOND
    microphone.say(1_000, every_ns=0)
    microphone.say(500)
    assert microphone.input.hasty == 0
    assert microphone.heard_s == pytest.approx(40, abs=0.5)


def test_keys_come_no_faster_than_they_can_be_pressed() -> None:
    """A machine that dials sixteen digits at once is heard; ten thousand presses in a second are no presses."""
    receiver = DtmfReceiver()

    def press(number: int, now_ns: int) -> int:
        payload = bytes((number % 10, 0x8A)) + (400).to_bytes(2)
        return len(receiver.receive(RtpPacket(126, False, 1, 1_000 * number, 7, payload), 8_000, now_ns))

    assert sum(press(number, number * 80 * MS) for number in range(500)) == 500
    begun = 60 * SECOND
    assert sum(press(1_000 + number, begun) for number in range(16)) == 16
    told = sum(press(2_000 + number, begun + number * MS // 10) for number in range(10_000))
    assert told <= 32 + 25 and receiver.hasty == 10_000 - told


def test_a_call_of_minutes_loses_nothing_by_it() -> None:
    """Sound, pauses and lost packets, as a browser sends them."""

    microphone = Microphone()
    for _ in range(60):
        microphone.say(100)
        microphone._stamp += 3 * 48_000  # a pause
        microphone.now_ns += 3 * SECOND
        next(microphone._sequence)
    assert microphone.input.hasty == 0
    assert microphone.heard_s == pytest.approx(60 * 5, rel=0.02)

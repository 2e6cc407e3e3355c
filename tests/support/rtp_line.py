"""A line between an Opus sender and a receiver, in time that is only a number: packets may be lost, late, swapped."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from livegraph.audio import Pcm
from livegraph.pipeline.units import MS
from livegraph.transports.webrtc.opus import OpusEncoder
from livegraph.transports.webrtc.rtp.packets import RtpPacket
from livegraph.transports.webrtc.rtp.receiver import AudioReceiver, Sound

__all__ = ["PATH_NS", "Heard", "Sent", "encoded", "hear", "jittered", "on_time", "tone"]

PATH_NS = 30 * MS
_PACKET_NS = 20 * MS


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet and when it comes."""

    at_ns: int
    packet: RtpPacket


@dataclass(slots=True)
class Heard:
    """What a receiver made of it."""

    sounds: list[Sound] = field(default_factory=list)
    given_ns: list[int] = field(default_factory=list)
    """When each piece came out."""

    @property
    def pcm(self) -> Pcm:
        return np.concatenate([sound.samples for sound in self.sounds] or [np.zeros(0, np.int16)])

    def kinds(self) -> list[str]:
        return [sound.kind for sound in self.sounds]

    def milliseconds(self, kind: str, rate: int) -> float:
        return sum(len(sound.samples) for sound in self.sounds if sound.kind == kind) * 1_000 / rate


def tone(milliseconds: int, rate: int = 48_000, hertz: float = 440.0) -> Pcm:
    """A sine, so that every place of it can be told from its neighbours."""
    time = np.arange(rate * milliseconds // 1_000) / rate
    samples: Pcm = np.rint(9_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
    return samples


def encoded(pcm: Pcm, rate: int, *, fec: bool = False, frame_ms: int = 20) -> list[bytes]:
    """``pcm`` as payloads, whole ones only."""
    encoder = OpusEncoder(rate, fec=fec, loss_percent=20 if fec else 0, frame_ms=frame_ms)
    whole = len(pcm) // encoder.samples * encoder.samples
    return [encoder.encode(piece) for piece in pcm[:whole].reshape(-1, encoder.samples)]


def on_time(
    payloads: Iterable[bytes],
    *,
    lost: Iterable[int] = (),
    late: Callable[[int], int] = lambda number: 0,
    sequence: int = 65_500,
    timestamp: int = (1 << 32) - 9_600,
    ssrc: int = 7,
) -> list[Sent]:
    """Packets of 20 ms, in the order in which they come: ``late`` says by how many ns each is delayed."""
    gone = set(lost)
    sent = []
    for number, payload in enumerate(payloads):
        if number not in gone:
            packet = RtpPacket(
                111,
                False,
                (sequence + number) & 0xFFFF,
                (timestamp + 960 * number) & 0xFFFFFFFF,
                ssrc,
                payload,
            )
            sent.append(Sent(PATH_NS + number * _PACKET_NS + late(number), packet))
    return sorted(sent, key=lambda one: one.at_ns)


def hear(receiver: AudioReceiver, sent: Iterable[Sent], *, until_ns: int = 0) -> Heard:
    """Give the packets to ``receiver`` at their time, and the time itself every 20 ms and whenever it asks."""
    heard = Heard()

    def note(sounds: list[Sound], now_ns: int) -> None:
        heard.sounds += sounds
        heard.given_ns += [now_ns] * len(sounds)

    arrivals = list(sent)
    now_ns = 0
    end_ns = max(until_ns, arrivals[-1].at_ns if arrivals else 0)
    while True:
        due = [(now_ns // _PACKET_NS + 1) * _PACKET_NS]
        if arrivals:
            due.append(arrivals[0].at_ns)
        if receiver.next_ns is not None:
            due.append(max(now_ns, receiver.next_ns))
        before_ns, now_ns = now_ns, min(due)
        if now_ns > end_ns:
            return heard
        while arrivals and arrivals[0].at_ns <= now_ns:
            note(receiver.receive(arrivals.pop(0).packet, now_ns), now_ns)
        note(receiver.poll(now_ns), now_ns)
        if now_ns == before_ns and receiver.next_ns == now_ns:
            raise AssertionError("the receiver asks for a time at which it does nothing")


def jittered(seed: int, spread_ms: float) -> Callable[[int], int]:
    """Delays as of a busy network: mostly little, at times much."""
    chance = random.Random(seed)
    return lambda number: round(chance.expovariate(1 / spread_ms) * MS)

"""From packets to sound, for an ear that is no loudspeaker: what is in order is given at once.

Nothing is waited for but a hole, and that only as long as the network has lately made packets wait: the limit follows
the 95th percentile of the relative transit. What stays lost is taken from the copy in the next packet (in-band FEC),
else concealed, fading, then silence. So the sound has no gaps: every nanosecond of the sender's time comes once, in
order, whatever became of its packets, and pauses in which the sender sends nothing (DTX) are silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ....audio import Pcm, fade_in, fade_out, silence
from ....pipeline.units import MS, SECOND
from ..opus import OpusError, has_fec, make_decoder, packet_samples
from ..opus.codec import AnyDecoder
from .packets import RtpPacket
from .reorder import Arrived, OrderCounts, ReorderBuffer
from .sequence import unwrap
from .transit import TransitWindow

__all__ = ["MODEL_WAIT_NS", "SPEAKER_WAIT_NS", "AudioReceiver", "Sound", "SoundCounts"]

MODEL_WAIT_NS = 60 * MS
"""The most that a hole is waited for where a model listens."""
SPEAKER_WAIT_NS = 120 * MS
"""The most where the sound goes to a loudspeaker."""

_CLOCK = 48_000
_TICK_SAMPLES = 120  # 2.5 ms: libopus conceals whole multiples of it
_CONCEALED_SAMPLES = 60 * _CLOCK // 1_000
_PIECE_MS = 20
_PIECE_SAMPLES = _PIECE_MS * _CLOCK // 1_000
_FADE_MS = 5
_DTX_BYTES = 2
_QUIET_MARGIN_NS = 40 * MS
"""How far the silence of a pause stays behind the time at which a packet could come."""
_GONE_AFTER_NS = SECOND
"""After which a stream that just stopped counts as a pause."""
_MOST_FILL_NS = 10 * SECOND
_SENT_BITS, _SENT_FRACTION = 24, 18
"""Of an absolute send time: it counts 64 seconds in steps of 3.8 us."""
_CLICK = 100
"""A first sample of this height (-50 dBFS) after silence would be heard as a click."""
_MOST_AHEAD_NS = SECOND
"""By how much a timestamp may run ahead of the clock on the wall before it counts as a jump."""

Kind = Literal["heard", "recovered", "concealed", "silence"]

_made = tuple.__new__
"""As in ``packets``."""


class Sound(NamedTuple):
    """A piece of what the caller says. Pieces join without gaps."""

    media_ns: int
    """Where it begins, in nanoseconds since the first sound: the sender's clock, but for pauses of the line."""
    samples: Pcm
    kind: Kind


@dataclass(slots=True)
class SoundCounts:
    """What became of the sound so far; times in samples at 48 kHz."""

    decoded: int = 0
    """Packets."""
    recovered: int = 0
    """Packets given back from the copy in the next one."""
    concealed: int = 0
    silent: int = 0
    """Silence in place of what was lost, or of what the sender left out."""
    malformed: int = 0
    """Packets that were empty or said nothing of their length."""
    undecodable: int = 0
    jumps: int = 0
    """Timestamps that went back, or further on than time had."""
    delay_sum_ns: int = 0
    """From arrival to the ear, over all packets decoded."""
    delay_most_ns: int = 0


class AudioReceiver:
    """One source of Opus to mono sound at ``rate``.

    Args:
        rate: one of ``opus.RATES``.
        most_wait_ns: the most that a hole is waited for, ``MODEL_WAIT_NS`` or ``SPEAKER_WAIT_NS``.
        begins_at: the samples (at ``rate``) that were given before it, by the source before.
        decoder: makes what decodes; by default that of the process.
    """

    def __init__(
        self,
        rate: int,
        *,
        most_wait_ns: int = MODEL_WAIT_NS,
        begins_at: int = 0,
        decoder: Callable[[int], AnyDecoder] = make_decoder,
    ) -> None:
        self.rate = rate
        self.counts = SoundCounts()
        self._most_wait_ns = most_wait_ns
        self._decoder = decoder(rate)
        self._order = ReorderBuffer()
        self.held = self._order.held
        """Packets that are waited with, by number: empty as long as nothing is missing."""
        self._transit = TransitWindow()
        """By what packets say of the sound in them."""
        self._network = TransitWindow()
        """By what they say of when they were sent, where they do."""
        self._sent = -1
        """When the newest of those was sent, extended."""
        self.given = begins_at
        """Samples given so far, counted from ``begins_at``'s zero."""
        self._stamp = 0
        """The extended timestamp of the newest packet that came."""
        self._due = 0
        """The timestamp that joins on to what was given."""
        self._last_ns = -1
        """When anything came last."""
        self._given_ns = 0
        """When the packet came whose sound was given last."""
        self._broken = False
        """Whether a packet came in its order, but without sound."""
        self._quiet = True
        """Whether the last that was given is silence: what follows must rise from it."""
        self._paused = False
        """Whether the sender said that it pauses."""
        self._filled_ns = 0
        """Silence given since that packet, for time of which nothing had come."""
        self._rest = 0
        """Of a sample, in 48,000ths, left over by gaps that are no whole number of samples at our rate."""
        self._fade = rate * _FADE_MS // 1_000

    # What is known -------------------------------------------------------------------------------

    @property
    def order(self) -> OrderCounts:
        """Packets that came, were lost, late or twice."""
        return self._order.counts

    @property
    def highest(self) -> int:
        """The highest extended sequence number, -1 before the first packet."""
        return self._order.highest

    @property
    def limit_ns(self) -> int:
        """How long a hole is waited for at the moment: as long as the network, not the sender, makes packets wait."""
        window = self._network if self._network.is_telling else self._transit
        return min(window.spread_ns, self._most_wait_ns)

    @property
    def queue_ns(self) -> int | None:
        """How long the newest packet stood in queues on its way; ``None`` where packets do not say when they left."""
        return self._network.lag_ns if self._network.is_telling else None

    @property
    def next_ns(self) -> int | None:
        """When ``poll`` has something to do at the latest; ``None`` while nothing is waited for."""
        return self._deadline_ns() if self._order.waits else None

    # What comes ------------------------------------------------------------------------------------

    def receive(
        self,
        packet: RtpPacket,
        now_ns: int,
        copies: Sequence[tuple[int, RtpPacket]] = (),
        sent: int | None = None,
    ) -> list[Sound]:
        """Take a packet; returns the sound that can be told now, in order.

        ``copies`` are earlier packets that it carries (RED), each with how many packets back it was sent. ``sent`` is
        when it left by its absolute send time: 24 bits, in 2^-18 s.
        """
        if sent is not None:
            self._left(sent, now_ns)
        if not copies and (number := self._order.follow(packet.sequence)) >= 0:
            # In order and nothing missing, as nearly always.
            self._last_ns = now_ns
            forward = (packet.timestamp - self._stamp) & 0xFFFFFFFF
            stamp = self._stamp + (forward if forward < 1 << 31 else forward - (1 << 32))
            self._stamp = stamp
            self._transit.add(now_ns - stamp * SECOND // _CLOCK)
            sounds: list[Sound] = []
            length = packet_samples(packet.payload)
            if stamp == self._due and length and len(packet.payload) > _DTX_BYTES:
                self._join_on(packet.payload, stamp, length, now_ns, sounds)
            else:
                self._give(Arrived(number, packet, now_ns, 0, False), now_ns, sounds)
            return sounds
        first = self._order.highest < 0
        if self._order.push(packet, now_ns) is None:
            return []
        self._last_ns = now_ns
        self._stamp = packet.timestamp + (1 << 32) if first else unwrap(packet.timestamp, self._stamp, 32)
        if first:
            self._due = self._stamp
        self._transit.add(now_ns - _media_ns(self._stamp))
        for back, copy in copies:
            self.counts.recovered += self._order.fill(copy, back, now_ns)
        return self._release(now_ns)

    def poll(self, now_ns: int) -> list[Sound]:
        """Time has passed: give up holes, and give the silence of a pause."""
        if self._last_ns < 0:
            return []
        sounds = self._release(now_ns) if self.held else []
        if (self._paused or now_ns - self._last_ns >= _GONE_AFTER_NS) and not self._order.waits:
            self._fill_pause(now_ns, sounds)
        return sounds

    # Inside ----------------------------------------------------------------------------------------

    def _left(self, sent: int, now_ns: int) -> None:
        before = self._sent
        self._sent = sent + (1 << _SENT_BITS) if before < 0 else unwrap(sent, before, _SENT_BITS)
        if abs(self._sent - before) > 1 << _SENT_FRACTION and before >= 0:
            # A second on, or back: a pause, or another clock.
            self._network.clear()
        self._network.add(now_ns - (self._sent * SECOND >> _SENT_FRACTION))

    def _deadline_ns(self) -> int:
        """Until when the packet that is missing next is waited for: the limit after one behind it has come."""
        return self._order.since_ns + self.limit_ns

    def _release(self, now_ns: int) -> list[Sound]:
        sounds: list[Sound] = []
        while True:
            arrived = self._order.pop()
            if arrived is not None:
                self._give(arrived, now_ns, sounds)
            elif self._order.waits and (now_ns >= self._deadline_ns() or self._order.is_full):
                self._order.skip()
            else:
                return sounds

    def _give(self, arrived: Arrived, now_ns: int, sounds: list[Sound]) -> None:
        payload = arrived.packet.payload
        stamp = unwrap(arrived.packet.timestamp, self._due, 32)
        length = packet_samples(payload)
        if not length:
            # Its time passes all the same: the next packet finds a hole there.
            self.counts.malformed += 1
            self._broken = True
            return
        if stamp != self._due or arrived.restarted:
            self._bridge(arrived, stamp, length, sounds)
        delay_ns = now_ns - arrived.at_ns
        self.counts.delay_sum_ns += delay_ns
        self.counts.delay_most_ns = max(self.counts.delay_most_ns, delay_ns)
        if len(payload) > _DTX_BYTES:
            self._join_on(payload, stamp, length, arrived.at_ns, sounds)
            return
        self._due, self._given_ns = stamp + length, arrived.at_ns
        self._broken, self._filled_ns = False, 0
        self._pause(length, sounds)

    def _join_on(self, payload: bytes, stamp: int, length: int, at_ns: int, sounds: list[Sound]) -> None:
        """Give the sound of a packet that joins on to what was given."""
        self._due, self._given_ns = stamp + length, at_ns
        self._broken, self._paused, self._filled_ns = False, False, 0
        try:
            samples = self._decoder.decode(payload)
        except OpusError:
            self.counts.undecodable += 1
            self._conceal(length, sounds, last=False)
            return
        self.counts.decoded += 1
        self._emit(self._risen(samples) if self._quiet else samples, "heard", sounds)

    def _bridge(self, arrived: Arrived, stamp: int, length: int, sounds: list[Sound]) -> None:
        """Give what lies between the last sound and a packet that does not join on to it."""
        gap = stamp - self._due
        passed_ns = arrived.at_ns - self._given_ns
        if arrived.restarted or gap < 0 or _media_ns(gap) > min(passed_ns + _MOST_AHEAD_NS, _MOST_FILL_NS):
            # Of the time between nothing is known, or it was given as silence already: the packet follows at once.
            self.counts.jumps += not self._filled_ns
            self._transit.clear()
            self._transit.add(arrived.at_ns - _media_ns(stamp))
            return
        lost = arrived.missing > 0 or self._broken
        copied = length if lost and gap >= length and has_fec(arrived.packet.payload) else 0
        most = 0 if self._quiet else _CONCEALED_SAMPLES if lost else _PIECE_SAMPLES
        concealed = min(gap - copied, most)
        rest = gap - copied - concealed
        if concealed:
            self._conceal(concealed, sounds, last=rest > 0)
        if rest:
            self._emit_silence(rest, sounds)
        if copied:
            self._recover(arrived.packet.payload, copied, sounds)

    def _recover(self, payload: bytes, samples: int, sounds: list[Sound]) -> None:
        try:
            sound = self._decoder.decode_fec(payload, samples * self.rate // _CLOCK)
        except OpusError:
            self._conceal(samples, sounds, last=False)
            return
        self.counts.recovered += 1
        self._emit(self._risen(sound) if self._quiet else sound, "recovered", sounds)

    def _conceal(self, samples: int, sounds: list[Sound], *, last: bool) -> None:
        """Give ``samples`` (at 48 kHz) that sound like what was before; ``last`` when silence follows."""
        if self._quiet:
            self._emit_silence(samples, sounds)
            return
        wanted = self._at_rate(samples)
        whole = (samples - samples % _TICK_SAMPLES) * self.rate // _CLOCK
        try:
            sound = self._decoder.conceal(whole) if whole else silence(0)
        except OpusError:
            sound = silence(0)
        self.counts.concealed += samples
        if last or len(sound) < wanted:
            sound = np.concatenate((fade_out(sound, len(sound)), silence(wanted - len(sound))))
            self._quiet = True
        self._emit(sound, "concealed", sounds)

    def _pause(self, length: int, sounds: list[Sound]) -> None:
        """A packet that says nothing but that the sender is silent."""
        if self._quiet:
            self._emit_silence(length, sounds)
        else:
            self._conceal(length, sounds, last=True)
            self.counts.concealed -= length
        self._paused = True

    def _fill_pause(self, now_ns: int, sounds: list[Sound]) -> None:
        """Give silence up to shortly before the time at which a packet could come."""
        until_ns = now_ns - self._transit.least_ns - _QUIET_MARGIN_NS - self.limit_ns
        # Whatever timestamps say: no more of it than time has passed.
        passed_ns = now_ns - self._given_ns - self._filled_ns
        count = min(until_ns - _media_ns(self._due), passed_ns, _MOST_FILL_NS) // (_PIECE_MS * MS)
        if count <= 0:
            return
        self._due += count * _PIECE_SAMPLES
        self._filled_ns += count * _PIECE_MS * MS
        if not self._quiet:
            self._conceal(_PIECE_SAMPLES, sounds, last=True)
            count -= 1
        self._emit_silence(count * _PIECE_SAMPLES, sounds)

    def _risen(self, samples: Pcm) -> Pcm:
        """Sound as it may follow on silence."""
        self._quiet = False
        if len(samples) and abs(int(samples[0])) > _CLICK:
            samples = fade_in(samples, self._fade)
        return samples

    def _at_rate(self, samples: int) -> int:
        """So many samples at 48 kHz as samples at our rate; what does not come out even is kept for the next."""
        count, self._rest = divmod(samples * self.rate + self._rest, _CLOCK)
        return count

    def _emit_silence(self, samples: int, sounds: list[Sound]) -> None:
        """Silence in pieces of a packet each, ``samples`` at 48 kHz."""
        self.counts.silent += samples
        self._quiet = True
        left, piece = self._at_rate(samples), _PIECE_MS * self.rate // 1_000
        while left > 0:
            self._emit(silence(min(left, piece)), "silence", sounds)
            left -= piece

    def _emit(self, samples: Pcm, kind: Kind, sounds: list[Sound]) -> None:
        if count := len(samples):
            samples.setflags(write=False)
            sounds.append(_made(Sound, (self.given * SECOND // self.rate, samples, kind)))
            self.given += count


def _media_ns(stamp: int) -> int:
    return stamp * SECOND // _CLOCK

"""From samples to packets, one each 20 ms of the clock. Sans-IO: who has the clock calls ``tick``."""

from __future__ import annotations

import secrets
from typing import Protocol

from ....audio import Pcm
from ....pipeline.units import MS, SECOND
from ..opus import PACKET_MS, make_encoder, silence_packet
from ..opus.codec import AnyEncoder
from ..sdp.terms import OpusTerms
from .adaptation import Adaptation, EncoderSettings
from .packets import build_rtp
from .reception import ntp_of
from .rtcp import SenderReport

__all__ = ["AudioSender", "SampleSource", "packet_ms"]

_TICK_NS = PACKET_MS * MS
_CLOCK = 48_000
_TICK_SAMPLES = PACKET_MS * _CLOCK // 1_000
_MOST_AT_ONCE = 10
"""After a hold-up the packets that are due go out at once, up to 200 ms of them: the caller's own buffer
covers as much. What would be more is not lost but comes later."""
_REFRESH = 20
"""While it is silent and DTX was agreed, one packet in so many."""
_DTX_BYTES = 2


class SampleSource(Protocol):
    """What a sender pulls from, such as a ``Speaker``."""

    @property
    def drained(self) -> bool:
        """Whether nothing will ever come again."""
        ...

    def pull(self, samples: int) -> Pcm:
        """The next ``samples`` samples, mono."""
        ...


def packet_ms(terms: OpusTerms) -> int:
    """How much sound a packet is to hold, 10, 20, 40 or 60 ms, by what the caller wants."""
    wanted = terms.ptime_ms or PACKET_MS
    most = terms.max_ptime_ms or 120
    return max((ms for ms in (10, 20, 40, 60) if ms <= min(max(wanted, 10), most)), default=10)


class AudioSender:
    """Our source of sound.

    Its timestamps follow the clock, also through silence and through packets that DTX leaves out. What the source of
    samples raises comes out of ``tick``.

    Args:
        ssrc, payload_type: as agreed.
        terms: what the caller wants.
    """

    def __init__(self, ssrc: int, payload_type: int, terms: OpusTerms) -> None:
        self.ssrc = ssrc
        self.packets = self.octets = 0
        """Sent so far; octets of payload."""
        self.left_out = 0
        """Packets that DTX made unnecessary."""
        self.skipped = 0
        """Periods of 20 ms that a hold-up took from the sound's time."""
        self.adaptation = Adaptation(
            fec=terms.in_band_fec, dtx=terms.dtx, most_bit_rate=terms.max_average_bitrate
        )
        self._payload_type = payload_type
        self._dtx = terms.dtx
        self._frame_ms = packet_ms(terms)
        self._sequence = secrets.randbelow(1 << 15)
        self._stamp = secrets.randbits(32)
        self._count = -1
        self._first = -1
        self._source: SampleSource | None = None
        self._encoder: AnyEncoder | None = None
        self._set: EncoderSettings | None = None
        self._unsent = 0
        self._marker = True
        self._silence = silence_packet(self._frame_ms)

    def follow(self, before: AudioSender, now_ns: int) -> None:
        """Go on as the same source: with the next sequence number, on the same clock.

        Whoever decrypts counts by the sequence number; a fresh one under the same key would not be understood.
        """
        self._sequence, self._stamp = before._sequence, before._stamp
        self._first, self._count = before._first, before._count
        self.packets, self.octets = before.packets, before.octets
        self.left_out, self.skipped = before.left_out, before.skipped
        self.adaptation.follow(before.adaptation)
        self.rest(now_ns)

    def play(self, source: SampleSource | None, rate: int = 48_000) -> None:
        """Send what ``source`` has from now on; ``None`` for silence. Raises ``OpusError`` for a rate Opus has not."""
        self._source = source
        if source is not None:
            self._encoder = make_encoder(rate, frame_ms=self._frame_ms)
            self._set = None

    @property
    def settings(self) -> EncoderSettings:
        """How it encodes."""
        return self.adaptation.settings

    def tick(self, now_ns: int) -> list[bytes]:
        """The packets that are due."""
        count = now_ns // _TICK_NS
        if self._first < 0:
            self._first, self._count = count, count - 1
        behind = count - self._count
        if behind > _MOST_AT_ONCE:
            self.skipped += behind - _MOST_AT_ONCE
            self._count += behind - _MOST_AT_ONCE
        packets: list[bytes] = []
        while self._count < count:
            self._count += 1
            if self._frame_ms == PACKET_MS:
                self._packet(self._stamp + (self._count - self._first) * _TICK_SAMPLES, packets)
            else:
                self._period(packets)
        return packets

    def rest(self, now_ns: int) -> None:
        """Nothing is to be sent until ``now_ns``: the time passes, the source is not asked."""
        if self._first >= 0:
            self._count = max(self._count, now_ns // _TICK_NS)
        self._marker = True

    def report(self, now_ns: int, unix_ns: int) -> SenderReport | None:
        """What has been sent, and which timestamp belongs to this moment; ``None`` before the first packet."""
        if not self.packets:
            return None
        passed_ns = now_ns - self._first * _TICK_NS
        stamp = self._stamp + passed_ns * _CLOCK // SECOND
        return SenderReport(self.ssrc, ntp_of(unix_ns), stamp & 0xFFFFFFFF, self.packets, self.octets)

    def _period(self, packets: list[bytes]) -> None:
        """What one period of 20 ms needs: two halves of a packet, or nothing when packets are longer."""
        period = self._count - self._first
        if self._frame_ms > PACKET_MS and period % (self._frame_ms // PACKET_MS):
            return
        stamp = self._stamp + period * _TICK_SAMPLES
        for part in range(max(1, PACKET_MS // self._frame_ms)):
            self._packet(stamp + part * self._frame_ms * _CLOCK // 1_000, packets)

    def _packet(self, stamp: int, packets: list[bytes]) -> None:
        source, encoder = self._source, self._encoder
        if source is None or encoder is None:
            payload = self._silence
        else:
            settings = self.adaptation.settings
            if settings is not self._set:
                encoder.tune(**settings._asdict(), dtx=self._dtx)
                self._set = settings
            payload = encoder.encode(source.pull(encoder.samples))
        if self._dtx and (payload == self._silence or len(payload) <= _DTX_BYTES):
            self._unsent += 1
            if self._unsent % _REFRESH != 1:
                self.left_out += 1
                self._marker = True
                return
        else:
            self._unsent = 0
        packets.append(
            build_rtp(
                self._payload_type,
                self._sequence & 0xFFFF,
                stamp & 0xFFFFFFFF,
                self.ssrc,
                payload,
                marker=self._marker,
            )
        )
        self._marker = False
        self._sequence += 1
        self.packets += 1
        self.octets += len(payload)

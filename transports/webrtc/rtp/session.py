"""All media of one caller: packets in, sound and pictures out, and the other way; reports both ways.

Plain packets go in and out: whoever owns the connection takes SRTP off and puts it on. Apart from the beat that it
joins, and a timer for holes, nothing here waits.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace

from ....pipeline.clock import Clock, timer_s, unix_time_ns
from ....pipeline.running.loop_load import BUSY, loop_load
from ....pipeline.units import MS, SECOND
from ..sdp.terms import ABSOLUTE_SEND_TIME, AUDIO_LEVEL, TRANSPORT_WIDE, Terms
from .audio_in import AudioInput
from .audio_out import AudioOutput
from .dtmf import DtmfReceiver, KeyPress
from .feedback import FeedbackSender
from .packets import parse_rtp, read_extensions
from .reception import ntp_of, one_way_ns, round_trip_ns
from .rtcp import (
    Bye,
    FullIntraRequest,
    PictureLoss,
    ReceiverEstimate,
    ReceiverReport,
    Report,
    ReportBlock,
    SenderReport,
    build_bye,
    build_receiver_report,
    build_sdes,
    build_sender_report,
    parse_rtcp,
)
from .sender import AudioSender
from .statistics import MediaStatistics
from .ticker import TICK_NS, Ticker, beat_facts
from .video_in import VideoInput

__all__ = ["MediaSession"]

_REPORT_EVERY_NS = SECOND
_JITTERS_KEPT = 3
"""A receiver's buffer is as long as nearly all packets need, which is about three times their mean deviation."""
_MOST_UNHEARD_NS = 2 * SECOND

Send = Callable[[bytes], None]


class MediaSession:
    """One caller's media, over one connection after another.

    Args:
        clock: of every ``now_ns``.
        send_rtp, send_rtcp: take plain packets; they neither wait nor raise.

    Only what is authenticated may be given to ``receive_rtp`` and ``receive_rtcp``. Nothing that they are given makes
    them raise, and what they keep is bounded.
    """

    def __init__(self, *, clock: Clock, send_rtp: Send, send_rtcp: Send) -> None:
        self.audio_in = AudioInput()
        """The caller's microphone."""
        self.audio_out = AudioOutput()
        """The caller's ear."""
        self.video_in = VideoInput(send_rtcp)
        """The caller's camera or screen."""
        self._clock = clock
        self._send_rtp, self._send_rtcp = send_rtp, send_rtcp
        self._terms = Terms()
        self._sender: AudioSender | None = None
        self._past = MediaStatistics()
        self._ticker: Ticker | None = None
        self._loop = asyncio.get_running_loop()
        self._hole: asyncio.TimerHandle | None = None
        self._audio_types: frozenset[int] = frozenset()
        # Numbers of header extensions, 0 for those that were not agreed.
        self._transport_wide = self._level = self._send_time = 0
        self._level_db: int | None = None
        self._one_way_ns: int | None = None
        self._jitter_there_ns = 0
        """How unevenly our packets reach the caller."""
        self.way = 0
        """Another number whenever ``until_heard_ns`` may say something else."""
        self._feedback = FeedbackSender()
        self._dtmf = DtmfReceiver()
        self._keys: list[Callable[[str, int], None]] = []
        self._reports_ns = 0
        self._octets_before = self._receive_bit_rate = 0
        self._late_before = beat_facts().late
        self._malformed = self._foreign = 0
        self._closed = False
        self._unix_ns = unix_time_ns() - clock.now_ns()
        """The time of day at which the clock showed 0."""

    # The connection --------------------------------------------------------------------------------

    def attach(self, terms: Terms, now_ns: int) -> None:
        """A connection stands, the first or another one, or other terms were agreed: send from now on."""
        if self._closed:
            return
        # Over another connection we are another source, and so is the caller.
        fresh = terms.audio_ssrc != self._terms.audio_ssrc
        self._terms = terms
        audio = terms.audio
        self._audio_types = frozenset(
            number
            for number in (terms.opus_payload_type, terms.red)
            if audio is not None and number is not None
        )
        announced = audio.ssrcs if audio is not None else ()
        self.audio_in.agree(terms.opus_payload_type, terms.red, announced, fresh=fresh)
        sections = [section for section in (audio, *terms.video) if section is not None]
        self._transport_wide = next(
            (
                section.extensions[TRANSPORT_WIDE]
                for section in sections
                if TRANSPORT_WIDE in section.extensions
            ),
            0,
        )
        of_audio = {} if audio is None else audio.extensions
        self._level = of_audio.get(AUDIO_LEVEL, 0)
        self._send_time = of_audio.get(ABSOLUTE_SEND_TIME, 0)
        self._feedback = FeedbackSender()
        self.video_in.agree(terms.video, terms.audio_ssrc)
        if audio is not None and audio.sends:
            self._sender = self._next_sender(terms, now_ns)
            self.way += 1
            self.audio_out.use(self._sender)
        self._reports_ns = now_ns
        if self._ticker is None:
            self._ticker = Ticker.join(self._tick)

    def detach(self, now_ns: int) -> None:
        """The connection is lost: nothing is sent, and whoever plays waits. ``attach`` goes on from there."""
        if self._ticker is not None:
            self._ticker.leave(self._tick)
            self._ticker = None
        if self._hole is not None:
            self._hole.cancel()
            self._hole = None

    def close(self) -> None:
        """For good: tell the caller if there is a connection, and end the microphone. Again is fine."""
        if self._closed:
            return
        self._closed = True
        if self._ticker is not None and self._sender is not None:
            self._send_rtcp(self._compound(self._clock.now_ns()) + build_bye([self._sender.ssrc]))
        self.detach(self._clock.now_ns())
        self.audio_in.end()
        self.video_in.ignore()

    # What comes --------------------------------------------------------------------------------------

    def receive_rtp(self, data: bytes, now_ns: int) -> None:
        """Take a packet that was decrypted."""
        packet = parse_rtp(data)
        if packet is None:
            self._malformed += 1
            return
        if not packet.extension and packet.payload_type in self._audio_types:
            if self.audio_in.receive(packet, now_ns):
                self._wait_for_hole(now_ns)
            return
        extensions = read_extensions(packet.extension)
        if self._transport_wide in extensions:
            value = extensions[self._transport_wide]
            if len(value) == 2:
                self._feedback.heard(int.from_bytes(value, "big"), packet.ssrc, now_ns)
        if packet.payload_type in self._audio_types:
            if level := extensions.get(self._level):
                # What the caller says of its own loudness (RFC 6464): a flag, and decibels below the loudest.
                self._level_db = -(level[0] & 0x7F)
            sent = extensions.get(self._send_time)
            left = int.from_bytes(sent) if sent is not None and len(sent) == 3 else None
            if self.audio_in.receive(packet, now_ns, left):
                self._wait_for_hole(now_ns)
        elif packet.payload_type in self._terms.dtmf:
            rate = self._terms.dtmf[packet.payload_type]
            self._press(self._dtmf.receive(packet, rate, now_ns))
        elif self.video_in.takes(packet.payload_type):
            self.video_in.receive(packet, now_ns)
        else:
            self._foreign += 1

    def receive_rtcp(self, data: bytes, now_ns: int) -> None:
        """Take a compound packet that was decrypted."""
        reports, malformed = parse_rtcp(data)
        self._malformed += malformed
        for report in reports:
            self._report(report, now_ns)

    def on_dtmf(self, listener: Callable[[str, int], None]) -> Callable[[], None]:
        """Call ``listener`` with every key that the caller presses and for how many ms; returns what ends that."""
        self._keys.append(listener)

        def stop() -> None:
            if listener in self._keys:
                self._keys.remove(listener)

        return stop

    # Numbers -----------------------------------------------------------------------------------------

    def statistics(self, now_ns: int) -> MediaStatistics:
        """The numbers up to now."""
        order, sound = self.audio_in.counts()
        sender, receiver = self._sender, self.audio_in.receiver
        numbers = MediaStatistics(
            received_packets=order.received,
            received_bytes=self.audio_in.octets,
            receive_bit_rate=self._receive_bit_rate,
            lost_packets=order.lost + order.late,
            late_packets=order.late,
            duplicate_packets=order.duplicates,
            reordered_packets=order.reordered,
            recovered_packets=sound.recovered,
            concealed_ms=sound.concealed / 48,
            silent_ms=sound.silent / 48,
            malformed_packets=self._malformed + self.audio_in.malformed + sound.malformed + sound.undecodable,
            foreign_packets=self._foreign + self.audio_in.foreign + order.strays + self._hasty,
            sources=self.audio_in.sources,
            jitter_ms=self.audio_in.jitter_ns / MS,
            buffer_ms=sound.delay_sum_ns / MS / max(1, sound.decoded),
            buffer_most_ms=sound.delay_most_ns / MS,
            wait_limit_ms=0.0 if receiver is None else receiver.limit_ns / MS,
            queue_ms=None if receiver is None or receiver.queue_ns is None else receiver.queue_ns / MS,
            late_beats=beat_facts().late - self._late_before,
            video_frames=self.video_in.pictures,
            video_requests=self.video_in.requests,
            one_way_ms=None if self._one_way_ns is None else self._one_way_ns / MS,
            caller_level_db=self._level_db,
        )
        return numbers if sender is None else _with_sender(numbers, self._past, sender)

    def until_heard_ns(self, kept_ns: int | None) -> int:
        """How long after it is sent sound is heard, by the caller's reports: the way there and the buffer behind it.

        ``kept_ns`` is the buffer where the caller tells of it; else it is as large as the unevenness that it reports
        asks for. 0 before the first report.
        """
        if self._sender is None:
            return kept_ns or 0
        way_ns = (self._sender.adaptation.round_trip_ns or 0) // 2
        buffer_ns = _JITTERS_KEPT * self._jitter_there_ns if kept_ns is None else kept_ns
        return min(_MOST_UNHEARD_NS, way_ns + buffer_ns)

    # Inside --------------------------------------------------------------------------------------------

    @property
    def _hasty(self) -> int:
        """What came faster than it can have been said or pressed."""
        return self.audio_in.hasty + self._dtmf.hasty

    def _next_sender(self, terms: Terms, now_ns: int) -> AudioSender:
        before = self._sender
        ssrc = terms.audio_ssrc or secrets.randbits(32)
        sender = AudioSender(ssrc, terms.opus_payload_type, terms.opus)
        if before is not None and before.ssrc == ssrc:
            sender.follow(before, now_ns)
        elif before is not None:
            self._past = _with_sender(MediaStatistics(), self._past, before)
        return sender

    def _wait_for_hole(self, now_ns: int) -> None:
        next_ns = self.audio_in.next_ns
        if next_ns is not None and self._hole is None and self._ticker is not None:
            self._hole = self._loop.call_later(timer_s(next_ns - now_ns), self._give_up_hole)

    def _give_up_hole(self) -> None:
        self._hole = None
        now_ns = self._clock.now_ns()
        self.audio_in.poll(now_ns)
        next_ns = self.audio_in.next_ns
        if next_ns is not None:
            delay_ns = max(100_000, next_ns - now_ns)
            self._hole = self._loop.call_later(timer_s(delay_ns), self._give_up_hole)

    def _press(self, presses: list[KeyPress]) -> None:
        for press in presses:
            for listener in tuple(self._keys):
                listener(press.key, press.duration_ms)

    def _report(self, report: Report, now_ns: int) -> None:
        if isinstance(report, SenderReport | ReceiverReport):
            for block in report.blocks:
                if self._sender is not None and block.ssrc == self._sender.ssrc:
                    trip_ns = round_trip_ns(block, ntp_of(self._unix_ns + now_ns))
                    self._sender.adaptation.reported(block.fraction_lost, trip_ns)
                    self._jitter_there_ns = block.jitter * SECOND // 48_000
                    self.way += 1
            if isinstance(report, SenderReport):
                self.audio_in.reported(report, now_ns)
                trip_ns = None if self._sender is None else self._sender.adaptation.round_trip_ns
                self._one_way_ns = one_way_ns(report, ntp_of(self._unix_ns + now_ns), trip_ns)
        elif isinstance(report, ReceiverEstimate):
            if self._sender is not None and (not report.ssrcs or self._sender.ssrc in report.ssrcs):
                self._sender.adaptation.estimated(report.bit_rate)
        elif isinstance(report, Bye):
            for ssrc in report.ssrcs:
                self.audio_in.said_bye(ssrc)
        elif isinstance(report, PictureLoss | FullIntraRequest):
            return

    def _tick(self) -> None:
        now_ns = self._clock.now_ns()
        for packet in self.audio_out.tick(now_ns):
            self._send_rtp(packet)
        self.audio_in.poll(now_ns)
        self.video_in.poll(now_ns)
        if self._transport_wide:
            feedback = self._feedback.due(self._terms.audio_ssrc, now_ns)
            if feedback is not None:
                self._send_rtcp(feedback)
        passed_ns = now_ns - self._reports_ns
        if passed_ns >= _REPORT_EVERY_NS:
            self._reports_ns = now_ns
            octets = self.audio_in.octets
            self._receive_bit_rate = 8 * (octets - self._octets_before) * SECOND // passed_ns
            self._octets_before = octets
            self._press(self._dtmf.poll(now_ns))
            load = loop_load()
            self.audio_in.gathers = load >= BUSY
            if self._sender is not None:
                self._sender.adaptation.loaded(load)
            self._send_rtcp(self._compound(now_ns))

    def _compound(self, now_ns: int) -> bytes:
        """Our report: what we sent and what we hear."""
        block = self.audio_in.block(now_ns)
        blocks: tuple[ReportBlock, ...] = () if block is None else (block,)
        sent = None if self._sender is None else self._sender.report(now_ns, self._unix_ns + now_ns)
        ssrc = self._terms.audio_ssrc if sent is None else sent.ssrc
        if sent is None:
            report = build_receiver_report(ReceiverReport(ssrc, blocks))
        else:
            report = build_sender_report(sent._replace(blocks=blocks))
        return report + build_sdes(ssrc, self._terms.cname)


def _with_sender(numbers: MediaStatistics, past: MediaStatistics, sender: AudioSender) -> MediaStatistics:
    """``numbers`` with those of what was sent: by senders before, and by this one."""
    settings, trip_ns = sender.settings, sender.adaptation.round_trip_ns
    return replace(
        numbers,
        sent_packets=past.sent_packets + sender.packets,
        sent_bytes=past.sent_bytes + sender.octets,
        left_out_packets=past.left_out_packets + sender.left_out,
        skipped_ms=past.skipped_ms + sender.skipped * TICK_NS / MS,
        lost_by_caller=sender.adaptation.loss,
        round_trip_ms=None if trip_ns is None else trip_ns / MS,
        bit_rate=settings.bit_rate,
        fec=settings.fec,
        complexity=settings.complexity,
    )

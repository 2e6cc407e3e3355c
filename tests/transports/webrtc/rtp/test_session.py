"""A whole session on virtual time: two of them joined in memory, so that each judges the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from livegraph.audio import Pcm
from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.rtp import session
from livegraph.transports.webrtc.rtp.packets import build_rtp, pack_extensions, parse_rtp
from livegraph.transports.webrtc.rtp.reception import ntp_of
from livegraph.transports.webrtc.rtp.rtcp import (
    Bye,
    Feedback,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    build_receiver_report,
    build_sender_report,
    parse_rtcp,
)
from livegraph.transports.webrtc.rtp.session import MediaSession
from livegraph.transports.webrtc.sdp.terms import (
    ABSOLUTE_SEND_TIME,
    AUDIO_LEVEL,
    TRANSPORT_WIDE,
    Codec,
    OpusTerms,
    Section,
    Terms,
)
from support.rtp_line import encoded, tone


class Source:
    """A tone without end, or so many samples of it."""

    def __init__(self, samples: int = 1 << 40) -> None:
        self.taken = 0
        self.left = samples
        self.fails = False

    @property
    def drained(self) -> bool:
        return self.left <= 0

    def pull(self, samples: int) -> Pcm:
        if self.fails:
            raise ValueError("no more sound")
        self.left -= samples
        time = (self.taken + np.arange(samples)) / 24_000
        self.taken += samples
        return np.rint(9_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)


def terms(ssrc: int = 1, **wishes: object) -> Terms:
    return Terms(
        audio=Section("0", "audio", (Codec(111, "opus", 48_000, 2),), ssrcs=(3 - ssrc,)),
        opus=OpusTerms(**wishes),  # type: ignore[arg-type]
        dtmf={126: 8_000},
        red=63,
        audio_ssrc=ssrc,
        cname="test",
    )


class Line:
    """Two sessions; ``drops`` decides which RTP packets from the first to the second are lost."""

    def __init__(self, drops: Callable[[int], bool] = lambda number: False) -> None:
        self.clock = clock_of_loop()
        self.sent: list[tuple[int, bytes]] = []
        self.reports: list[bytes] = []
        self._drops = drops
        self.here = MediaSession(clock=self.clock, send_rtp=self._across, send_rtcp=self._report)
        self.there = MediaSession(
            clock=self.clock,
            send_rtp=lambda data: self.here.receive_rtp(data, self.clock.now_ns()),
            send_rtcp=lambda data: self.here.receive_rtcp(data, self.clock.now_ns()),
        )

    def attach(self, **wishes: object) -> None:
        self.here.attach(terms(1, **wishes), self.clock.now_ns())
        self.there.attach(terms(2), self.clock.now_ns())

    def attach_there(self) -> None:
        """For tests that send themselves."""
        self.there.attach(terms(2), self.clock.now_ns())

    def close(self) -> None:
        self.here.close()
        self.there.close()

    def _across(self, data: bytes) -> None:
        self.sent.append((self.clock.now_ns(), data))
        if not self._drops(len(self.sent) - 1):
            self.there.receive_rtp(data, self.clock.now_ns())

    def _report(self, data: bytes) -> None:
        self.reports.append(data)
        self.there.receive_rtcp(data, self.clock.now_ns())


def test_sound_goes_across_and_each_20_ms_have_their_packet() -> None:
    """One packet in each period, also while nobody plays; what is heard is what was played."""

    async def scene() -> None:
        line = Line()
        pieces: list[tuple[Pcm, int]] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append((pcm, media_ns)))
        line.attach()
        await asyncio.sleep(0.5)
        await line.here.audio_out.play(Source(24_000), 24_000)
        await asyncio.sleep(0.5)
        line.close()
        stamps = [packet.timestamp for _, data in line.sent if (packet := parse_rtp(data))]
        assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)} == {960}
        assert [at for at, _ in line.sent] == [line.sent[0][0] + 20 * MS * n for n in range(len(line.sent))]
        assert [at for _, at in pieces] == [20 * MS * n for n in range(len(pieces))]
        sound = np.concatenate([pcm for pcm, _ in pieces])
        assert 0.98 < np.count_nonzero(np.abs(sound) > 100) / 16_000 < 1.05

    run_virtual(scene())


@pytest.mark.parametrize("lost", [(), (40, 90)], ids=["clean", "lossy"])
def test_a_busy_loop_hands_sound_over_40_ms_at_a_time_and_none_of_it_is_lost(
    monkeypatch: pytest.MonkeyPatch, lost: tuple[int, ...]
) -> None:
    """Busy for the second second: the same samples at the same media times, in pieces of 40 ms meanwhile."""

    async def scene(busy: bool) -> list[tuple[Pcm, int]]:
        line = Line()
        pieces: list[tuple[Pcm, int]] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append((pcm, media_ns)))
        began_ns = line.clock.now_ns()

        def load() -> float:
            return 0.5 if busy and 1 <= (line.clock.now_ns() - began_ns) // SECOND < 2 else 0.0

        monkeypatch.setattr(session, "loop_load", load)
        line.attach_there()
        for number, payload in enumerate(payloads):
            if number not in lost:
                data = build_rtp(111, number, 960 * number, 1, payload, marker=False)
                line.there.receive_rtp(data, line.clock.now_ns())
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        line.close()
        return pieces

    payloads = encoded(tone(3_000, 16_000), 16_000)
    plain, gathered = run_virtual(scene(False)), run_virtual(scene(True))
    assert np.array_equal(
        np.concatenate([pcm for pcm, _ in plain]), np.concatenate([pcm for pcm, _ in gathered])
    )
    ends = 0
    for pcm, media_ns in gathered:
        assert media_ns == ends * SECOND // 16_000
        assert not pcm.flags.writeable
        ends += len(pcm)
    assert {len(pcm) for pcm, _ in plain} == {320}
    assert {len(pcm) for pcm, _ in gathered} == {320, 640}
    assert sum(len(pcm) == 640 for pcm, _ in gathered) in range(23, 27)


def test_what_was_gathered_is_not_kept_for_a_packet_that_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sender stops after an odd number of packets: the last is heard within two beats and a half. So is what was
    there when the source ends, and nothing when nobody listens any more.
    """
    monkeypatch.setattr(session, "loop_load", lambda: 0.5)

    async def scene() -> None:
        line = Line()
        line.attach_there()
        pieces: list[tuple[int, int]] = []
        voice = line.there.audio_in
        voice.listen(16_000)
        voice.hand_to(lambda pcm, media_ns: pieces.append((len(pcm), line.clock.now_ns())))
        await asyncio.sleep(1.1)
        assert voice.gathers
        payloads = encoded(tone(100, 16_000), 16_000)

        def packet(number: int, ssrc: int = 1) -> bytes:
            return build_rtp(111, number, 960 * number, ssrc, payloads[number], marker=False)

        for number in range(3):
            line.there.receive_rtp(packet(number), line.clock.now_ns())
            await asyncio.sleep(0.02)
        sent_ns = line.clock.now_ns() - 20 * MS
        assert [size for size, _ in pieces] == [640]
        await asyncio.sleep(0.1)
        assert [size for size, _ in pieces] == [640, 320]
        assert pieces[1][1] - sent_ns <= 50 * MS
        line.there.receive_rtp(packet(3), line.clock.now_ns())
        voice.said_bye(1)
        assert [size for size, _ in pieces] == [640, 320, 320]
        line.there.receive_rtp(packet(0, 2), line.clock.now_ns())
        voice.ignore()
        await asyncio.sleep(0.1)
        assert len(pieces) == 3
        line.close()

    run_virtual(scene())


@pytest.mark.parametrize(("ptime", "step"), [(10, 480), (40, 1_920), (60, 2_880)])
def test_packets_are_as_long_as_was_agreed_and_the_sound_is_whole(ptime: int, step: int) -> None:
    """Shorter ones come in pairs, longer ones less often; a second of sound lasts a second."""

    async def scene() -> None:
        line = Line()
        pieces: list[Pcm] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append(pcm))
        line.attach(ptime_ms=ptime)
        await line.here.audio_out.play(Source(24_000), 24_000)
        await asyncio.sleep(0.2)
        stamps = [packet.timestamp for _, data in line.sent if (packet := parse_rtp(data))]
        assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)} == {step}
        sound = np.concatenate(pieces)
        assert np.count_nonzero(np.abs(sound) > 100) / 16_000 == pytest.approx(1, abs=0.06)
        assert line.there.statistics(0).concealed_ms == 0
        line.close()

    run_virtual(scene())


def test_reports_go_both_ways() -> None:
    """Sender reports with an NTP time; the loss that the other side sees comes back, with the round trip."""

    async def scene() -> None:
        line = Line(drops=lambda number: number % 10 == 5)
        line.there.audio_in.listen(16_000)
        line.attach(in_band_fec=True)
        playing = asyncio.create_task(line.here.audio_out.play(Source(), 24_000))
        await asyncio.sleep(10)
        here, there = (side.statistics(line.clock.now_ns()) for side in (line.here, line.there))
        assert abs(here.lost_by_caller - 0.1) < 0.03
        assert here.fec
        assert here.round_trip_ms is not None
        assert here.round_trip_ms < 1
        assert there.one_way_ms is None or there.one_way_ms < 1
        assert there.lost_packets == pytest.approx(50, abs=2)
        assert there.received_packets == pytest.approx(450, abs=5)
        reports = [report for data in line.reports for report in parse_rtcp(data)[0]]
        assert sum(isinstance(report, SenderReport) for report in reports) >= 9
        playing.cancel()
        await asyncio.wait({playing})
        line.close()
        assert isinstance(parse_rtcp(line.reports[-1])[0][-1], Bye)

    run_virtual(scene())


def test_silence_costs_a_packet_now_and_then_when_dtx_was_agreed() -> None:
    """One in 400 ms; the first of the sound that follows is marked, and its time is right."""

    async def scene() -> None:
        line = Line()
        pieces: list[int] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append(len(pcm)))
        line.attach(dtx=True)
        await asyncio.sleep(4)
        assert len(line.sent) in (10, 11)
        await line.here.audio_out.play(Source(24_000), 24_000)
        packets = [packet for _, data in line.sent if (packet := parse_rtp(data))]
        marked = [packet for packet in packets if packet.marker]
        assert len(packets[-1].payload) > 3
        first = next(packet for packet in packets if len(packet.payload) > 3)
        assert first in marked
        passed = (first.timestamp - packets[0].timestamp) & 0xFFFFFFFF
        assert passed == pytest.approx(4 * 48_000, abs=960)
        await asyncio.sleep(0.1)
        # The other side heard all of the time, but for what a packet may still fill.
        assert sum(pieces) / 16_000 == pytest.approx(5, abs=0.15)
        line.close()

    run_virtual(scene())


def test_what_is_due_after_a_hold_up_goes_out_at_once() -> None:
    """A loop that was held up for 15, 25 or 45 ms sends every packet; of a long one 200 ms, and skips the rest."""

    async def scene() -> None:
        line = Line()
        line.attach()
        loop = asyncio.get_running_loop()
        for held_ms in (15, 25, 45, 1_000):
            await asyncio.sleep(0.1)
            loop.virtual_ns += held_ms * MS  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        stamps = [packet.timestamp for _, data in line.sent if (packet := parse_rtp(data))]
        steps = [(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)]
        assert set(steps) == {960, steps[max(range(len(steps)), key=lambda place: steps[place])]}
        assert sum(step > 960 for step in steps) == 1
        sequences = [packet.sequence for _, data in line.sent if (packet := parse_rtp(data))]
        assert [(b - a) & 0xFFFF for a, b in pairwise(sequences)] == [1] * len(steps)
        skipped = line.here.statistics(0).skipped_ms
        assert skipped == pytest.approx(800, abs=40)
        line.close()

    run_virtual(scene())


def test_without_a_connection_the_source_waits() -> None:
    """After the connection was lost nothing is pulled; with the next one it goes on with the next sample."""

    async def scene() -> None:
        line = Line()
        line.attach()
        source = Source()
        playing = asyncio.create_task(line.here.audio_out.play(source, 24_000))
        await asyncio.sleep(1)
        line.here.detach(line.clock.now_ns())
        taken, sent = source.taken, len(line.sent)
        await asyncio.sleep(5)
        assert (source.taken, len(line.sent)) == (taken, sent)
        line.here.attach(terms(9), line.clock.now_ns())
        await asyncio.sleep(1)
        assert source.taken == pytest.approx(taken + 24_000, abs=480)
        last = parse_rtp(line.sent[-1][1])
        assert last is not None
        assert last.ssrc == 9
        playing.cancel()
        await asyncio.wait({playing})
        line.close()

    run_virtual(scene())


def test_the_same_source_goes_on_with_the_next_sequence_number() -> None:
    """After the connection was away for five seconds: decryption at the caller counts by it. The clock went on."""

    async def scene() -> None:
        line = Line()
        line.attach()
        await asyncio.sleep(0.5)
        line.here.detach(line.clock.now_ns())
        await asyncio.sleep(5)
        line.here.attach(terms(1), line.clock.now_ns())
        await asyncio.sleep(0.5)
        packets = [packet for _, data in line.sent if (packet := parse_rtp(data))]
        assert {(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(packets)} == {1}
        passed = (packets[-1].timestamp - packets[0].timestamp) & 0xFFFFFFFF
        assert passed == (line.sent[-1][0] - line.sent[0][0]) * 48 // 1_000_000
        assert line.here.statistics(0).sent_packets == len(packets)
        line.close()

    run_virtual(scene())


def test_what_the_source_raises_is_raised_by_play_and_the_caller_hears_silence() -> None:
    """The session goes on."""

    async def scene() -> None:
        line = Line()
        line.attach()
        source = Source()
        playing = asyncio.create_task(line.here.audio_out.play(source, 24_000))
        await asyncio.sleep(0.2)
        source.fails = True
        with pytest.raises(ValueError, match="no more sound"):
            await playing
        before = len(line.sent)
        await asyncio.sleep(0.2)
        assert len(line.sent) == before + 10
        line.close()

    run_virtual(scene())


def test_keys_are_told_once_each() -> None:
    """Every packet of a key comes several times, and some are lost."""

    async def scene() -> None:
        line = Line()
        pressed: list[tuple[str, int]] = []
        line.there.on_dtmf(lambda key, ms: pressed.append((key, ms)))
        line.attach()

        def event(key: int, duration: int, stamp: int, *, ends: bool) -> None:
            payload = bytes((key, 0x8A if ends else 0x0A)) + duration.to_bytes(2, "big")
            line.there.receive_rtp(build_rtp(126, 1, stamp, 7, payload), line.clock.now_ns())

        for duration in (160, 320, 480):
            event(5, duration, 1_000, ends=False)
        for _ in range(3):
            event(5, 640, 1_000, ends=True)
        event(11, 400, 5_000, ends=False)  # its end is lost
        event(0, 800, 9_000, ends=True)
        event(3, 160, 20_000, ends=False)  # nothing follows
        await asyncio.sleep(2)
        assert pressed == [("5", 80), ("#", 50), ("0", 100), ("3", 20)]
        line.close()

    run_virtual(scene())


def test_a_flood_of_sources_disturbs_nobody_and_holds_no_memory() -> None:
    """70 sources beside the voice: it goes on, and they are counted."""

    async def scene() -> None:
        line = Line()
        pieces: list[int] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append(len(pcm)))
        line.attach()
        playing = asyncio.create_task(line.here.audio_out.play(Source(), 24_000))
        for number in range(700):
            await asyncio.sleep(0.002)
            line.there.receive_rtp(
                build_rtp(111, number, 960 * number, 100 + number % 70, b"\xf8\xff\xfe"), line.clock.now_ns()
            )
        numbers = line.there.statistics(line.clock.now_ns())
        assert numbers.sources <= 2  # a stranger may have come first: the one that was announced outranks it
        assert 690 <= numbers.foreign_packets <= 700
        assert sum(pieces) == pytest.approx(1.4 * 16_000, abs=640)
        playing.cancel()
        await asyncio.wait({playing})
        line.close()

    run_virtual(scene())


def test_another_microphone_goes_on_where_the_first_one_ended() -> None:
    """A new source after a pause, and one after a goodbye: media time goes on."""

    async def scene() -> None:
        line = Line()
        pieces: list[tuple[int, int]] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append((len(pcm), media_ns)))
        line.attach_there()
        for ssrc in (11, 12, 13):
            for number in range(25):
                data = build_rtp(111, 500 * ssrc + number, 77 * ssrc + 960 * number, ssrc, b"\xf8\xff\xfe")
                line.there.receive_rtp(data, line.clock.now_ns())
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
        numbers = line.there.statistics(line.clock.now_ns())
        assert numbers.sources == 3
        assert numbers.foreign_packets == 2  # one of each by which it was not believed yet
        position = 0
        for count, media_ns in pieces:
            assert media_ns == position * SECOND // 16_000
            position += count
        assert position == pytest.approx(73 * 320, abs=640)
        line.close()

    run_virtual(scene())


def test_red_gives_back_what_was_lost() -> None:
    """Copies of the two packets before in each one: bursts of two are no loss."""

    async def scene() -> None:
        payloads = encoded(tone(2_000, 24_000), 24_000)
        line = Line()
        pieces: list[int] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append(len(pcm)))
        line.attach_there()
        for number, payload in enumerate(payloads):
            await asyncio.sleep(0.02)
            if number % 7 in (3, 4):
                continue
            old = payloads[max(0, number - 2) : number]
            head = b"".join(
                (1 << 31 | 111 << 24 | 960 * (len(old) - place) << 10 | len(copy)).to_bytes(4, "big")
                for place, copy in enumerate(old)
            )
            red = head + bytes((111,)) + b"".join(old) + payload
            line.there.receive_rtp(build_rtp(63, number, 960 * number, 5, red), line.clock.now_ns())
        numbers = line.there.statistics(line.clock.now_ns())
        assert numbers.lost_packets == 0
        assert numbers.concealed_ms == 0
        assert numbers.recovered_packets == 28
        assert sum(pieces) == 100 * 320
        line.close()

    run_virtual(scene())


def test_reports_of_a_stranger_source_are_no_reports_of_ours() -> None:
    """And one with an NTP time of its own is answered by it."""

    async def scene() -> None:
        line = Line()
        line.attach()
        line.there.audio_in.listen(16_000)
        await asyncio.sleep(1.5)
        line.here.receive_rtcp(
            build_sender_report(SenderReport(2, 0x123456789ABCDEF0, 0, 1, 1)), line.clock.now_ns()
        )
        await asyncio.sleep(1.5)
        blocks = [
            block
            for data in line.reports
            for report in parse_rtcp(data)[0]
            if isinstance(report, SenderReport)
            for block in report.blocks
        ]
        assert {block.ssrc for block in blocks} == {2}
        assert 0x56789ABC in {block.last_report for block in blocks}
        line.close()

    run_virtual(scene())


@pytest.mark.parametrize("kept_ms", [None, 0, 80])
def test_sound_is_heard_when_it_has_gone_there_and_lain_in_the_buffer(kept_ms: int | None) -> None:
    """By the caller's reports: half of the round trip, and its buffer as it tells it, else as its jitter wants it."""

    async def scene() -> None:
        line = Line()
        line.attach_there()
        line.here.attach(terms(1), line.clock.now_ns())
        await asyncio.sleep(1.5)
        kept_ns = None if kept_ms is None else kept_ms * MS
        assert line.here.until_heard_ns(kept_ns) == (kept_ns or 0)
        # It kept our report for all but 0.1 s, which is there and back, and hears us 7 ms unevenly.
        now_ns = line.clock.now_ns()
        sent = next(report for report in parse_rtcp(line.reports[-1])[0] if isinstance(report, SenderReport))
        away_s = (ntp_of(line.here._unix_ns + now_ns) - sent.ntp) / (1 << 32)
        block = ReportBlock(1, 0, 0, 0, 7 * 48, sent.ntp >> 16 & 0xFFFFFFFF, int((away_s - 0.1) * 65_536))
        line.here.receive_rtcp(build_receiver_report(ReceiverReport(2, (block,))), now_ns)
        buffer_ns = 21 * MS if kept_ns is None else kept_ns
        assert line.here.until_heard_ns(kept_ns) == pytest.approx(50 * MS + buffer_ns, abs=MS)
        line.close()

    run_virtual(scene())


@pytest.mark.parametrize(
    "values", [{}, {1: b""}, {1: b"\x00"}, {2: bytes(2)}, {2: bytes(4)}, {1: bytes(16), 2: bytes(16)}]
)
@pytest.mark.parametrize("two_byte", [False, True])
def test_extensions_of_any_length_are_read_or_left(values: dict[int, bytes], two_byte: bool) -> None:
    """A loudness of no byte, a send time of two or four: the sound goes on."""

    async def scene() -> None:
        line = Line()
        pieces: list[Pcm] = []
        line.there.audio_in.listen(16_000)
        line.there.audio_in.hand_to(lambda pcm, media_ns: pieces.append(pcm))
        known = terms(2)
        assert known.audio is not None
        section = replace(known.audio, extensions={AUDIO_LEVEL: 1, ABSOLUTE_SEND_TIME: 2})
        line.there.attach(replace(known, audio=section), line.clock.now_ns())
        if two_byte:
            body = b"".join(bytes((number, len(value))) + value for number, value in values.items())
            body += bytes(-len(body) % 4)
            extension = b"\x10\x00" + (len(body) // 4).to_bytes(2, "big") + body
        else:
            extension = pack_extensions({number: value for number, value in values.items() if value})
        for number, payload in enumerate(encoded(tone(400, 24_000), 24_000)):
            packet = build_rtp(111, number, number * 960, 1, payload, extension=extension)
            line.there.receive_rtp(packet, line.clock.now_ns())
            await asyncio.sleep(0.02)
        assert len(pieces) == 20
        line.close()

    run_virtual(scene())


def test_transport_wide_feedback_tells_of_each_packet_over_all_sources_once() -> None:
    """Five times a second where it was agreed: what came of sound and of foreign sources, what is missing as missing,
    over the turn of the 16 bits; nothing where it was not agreed, and numbers of the wrong length say nothing."""

    async def scene(agreed: bool) -> list[tuple[int, Feedback]]:
        clock = clock_of_loop()
        told: list[tuple[int, Feedback]] = []

        def note(data: bytes) -> None:
            reports, malformed = parse_rtcp(data)
            assert not malformed
            told.extend((clock.now_ns(), one) for one in reports if isinstance(one, Feedback))

        media = MediaSession(clock=clock, send_rtp=lambda data: None, send_rtcp=note)
        known = terms(2)
        assert known.audio is not None
        section = replace(known.audio, extensions={TRANSPORT_WIDE: 5} if agreed else {})
        media.attach(replace(known, audio=section), clock.now_ns())
        for number in range(100):
            wide = (65_500 + number) & 0xFFFF
            if number % 10 != 3:
                extension = pack_extensions({5: wide.to_bytes(2)})
                kind, ssrc = (111, 77) if number % 2 else (96, 78)
                media.receive_rtp(
                    build_rtp(kind, number, 960 * number, ssrc, b"\xf8\xff\xfe", extension=extension),
                    clock.now_ns(),
                )
            odd = build_rtp(111, number, 960 * number, 77, b"\xf8", extension=pack_extensions({5: b"\x01"}))
            media.receive_rtp(odd, clock.now_ns())
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        media.close()
        return told

    assert run_virtual(scene(False)) == []
    told = run_virtual(scene(True))
    assert 4 <= len(told) <= 7
    assert all(200 * MS <= later[0] - sooner[0] <= 240 * MS for sooner, later in pairwise(told))
    assert [one.first for _, one in told[:1]] == [65_500]
    for (_, sooner), (_, later) in pairwise(told):
        assert later.first == (sooner.first + sooner.packets) & 0xFFFF
    assert sum(one.packets for _, one in told) == 100
    assert sum(one.received for _, one in told) == 90

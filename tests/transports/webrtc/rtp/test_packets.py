"""Packets and reports: what is built is read back, and no bytes make a reader raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.rtp.packets import build_rtp, pack_extensions, parse_rtp, read_extensions
from livegraph.transports.webrtc.rtp.reception import Reception, ntp_of, one_way_ns, round_trip_ns
from livegraph.transports.webrtc.rtp.redundancy import unwrap_red, unwrap_rtx
from livegraph.transports.webrtc.rtp.rtcp import (
    Bye,
    Feedback,
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverEstimate,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    build_bye,
    build_feedback,
    build_fir,
    build_pli,
    build_receiver_report,
    build_sdes,
    build_sender_report,
    parse_rtcp,
)
from livegraph.transports.webrtc.rtp.sequence import SequenceTracker, unwrap

WORD = st.integers(0, 0xFFFFFFFF)
HALF = st.integers(0, 0xFFFF)
BLOCKS = st.lists(
    st.builds(
        ReportBlock, WORD, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), WORD, WORD, WORD, WORD
    ),
    max_size=31,
).map(tuple)


@given(
    st.integers(0, 127),
    HALF,
    WORD,
    WORD,
    st.binary(max_size=50),
    st.booleans(),
    st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6),
)
def test_a_packet_is_read_as_it_was_built(
    kind: int, sequence: int, stamp: int, ssrc: int, payload: bytes, marker: bool, values: dict[int, bytes]
) -> None:
    """All fields and extensions."""
    data = build_rtp(kind, sequence, stamp, ssrc, payload, marker=marker, extension=pack_extensions(values))
    packet = parse_rtp(data)
    assert packet is not None
    assert packet[:6] == (kind, marker, sequence, stamp, ssrc, payload)
    assert read_extensions(packet.extension) == values


@given(st.binary(max_size=120))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    """Malformed is told, not thrown."""
    packet = parse_rtp(b"\x90" + data)
    if packet is not None:
        read_extensions(packet.extension)
        unwrap_rtx(packet, 96, 1)
    unwrap_red(data)
    for first in (0x80, 0x81, 0x8F, 0xA1, 0xBF):
        for kind in (200, 201, 202, 203, 205, 206, 207):
            size = len(data) // 4
            parse_rtcp(bytes((first, kind)) + size.to_bytes(2, "big") + data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        b"\x00" + bytes(11),
        b"\x8f" + bytes(20),
        b"\x90" + bytes(11) + b"\xbe\xde\x00\x05abcd",
        b"\xa0" + bytes(11) + b"\x00",
        b"\xa0" + bytes(11) + b"ab\x09",
    ],
)
def test_what_breaks_the_format_is_no_packet(data: bytes) -> None:
    """Short, of another version, or with lengths that do not fit."""
    assert parse_rtp(data) is None


def test_padding_and_two_byte_extensions_are_read() -> None:
    """RFC 8285, section 4.3; RFC 3550, section 5.1."""
    extension = b"\x10\x00\x00\x02" + b"\x05\x00\x07\x03abc\x00"
    packet = parse_rtp(b"\xb0\x6f" + bytes(10) + extension + b"sound" + b"\x00\x00\x03")
    assert packet is not None
    assert packet.payload == b"sound"
    assert read_extensions(packet.extension) == {5: b"", 7: b"abc"}


@given(WORD, st.integers(0, (1 << 64) - 1), WORD, WORD, WORD, BLOCKS)
def test_reports_are_read_as_they_were_built(
    ssrc: int, ntp: int, stamp: int, packets: int, octets: int, blocks: tuple[ReportBlock, ...]
) -> None:
    """A compound of all kinds, each in its place."""
    sent = SenderReport(ssrc, ntp, stamp, packets, octets, blocks)
    heard = ReceiverReport(ssrc, blocks)
    data = (
        build_sender_report(sent)
        + build_receiver_report(heard)
        + build_sdes(ssrc, "name")
        + build_pli(1, ssrc)
        + build_fir(1, ssrc, 5)
        + build_bye([ssrc, 2])
    )
    assert parse_rtcp(data) == (
        [sent, heard, PictureLoss(ssrc), FullIntraRequest((ssrc,)), Bye((ssrc, 2))],
        0,
    )


@given(HALF, st.lists(st.none() | st.integers(10**9, 5 * 10**9), min_size=1, max_size=60))
def test_transport_wide_feedback_names_what_came(first: int, arrivals: list[int | None]) -> None:
    """As many as came, of as many as there were."""
    came = sum(at is not None for at in arrivals)
    if came:
        data = build_feedback(1, 2, 3, first, arrivals)
        assert len(data) % 4 == 0
        assert parse_rtcp(data) == ([Feedback(first, came, len(arrivals))], 0)


def test_what_browsers_send_is_read() -> None:
    """NACK with its bit mask, REMB; and a REMB of the wrong length harms nothing around it."""
    nack = bytes.fromhex("81cd0003 00000001 00000002 00640005".replace(" ", ""))
    remb = bytes.fromhex("8fce0005 00000001 00000000 52454d42 01 0a 03e8 00000007".replace(" ", ""))
    short = bytes.fromhex("8fce0003 00000001 00000000 52454d42".replace(" ", ""))
    reports, malformed = parse_rtcp(nack + short + remb)
    assert reports == [Nack(2, (100, 101, 103)), ReceiverEstimate((0x203E8) << 2, (7,))]
    assert malformed == 1


@given(st.lists(st.integers(-40, 60), max_size=200), HALF)
def test_numbers_that_wrap_are_told_apart(steps: list[int], start: int) -> None:
    """The extended number is the true one, whatever way it is reached."""
    tracker, true = SequenceTracker(), start + 0x10000
    highest = true
    tracker.place(start)
    for step in steps:
        true = max(highest - 90, 0x10000, true + step)
        placed = tracker.place(true & 0xFFFF)
        assert placed.number == true
        highest = max(highest, true)
        assert tracker.highest == highest


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-1_000, 1_000))
def test_unwrap_finds_the_nearest(near: int, offset: int) -> None:
    """For numbers of any size."""
    assert unwrap((near + offset) & 0xFFFF, near, 16) == near + offset
    assert unwrap((near + offset) & 0xFFFFFFFF, near, 32) == near + offset


def test_a_report_block_counts_as_the_standard_says() -> None:
    """Loss since the last report and in all, jitter, and the times for the round trip."""
    reception = Reception(7, 48_000)
    for number in range(100):
        if number % 4:
            reception.heard(0x10000 + number, 960 * number, number * 20_000_000 + (number % 2) * 2_000_000)
    reception.reported(SenderReport(7, 0x1122334455667788, 0, 1, 1), 1_000_000_000)
    block = reception.block(1_500_000_000)
    assert block.lost == 24  # the first that was heard is number 1
    assert block.fraction_lost == 24 * 256 // 99
    assert block.last_report == 0x33445566
    assert block.delay == 0x8000
    assert 1_000_000 < reception.jitter_ns < 2_500_000
    assert reception.block(1_600_000_000).fraction_lost == 0


@pytest.mark.parametrize(
    ("ahead_ms", "trip_ms", "expected_ms"),
    [
        (0, 40, 15),
        (5, 40, 20),
        (-15, 40, 0),
        (-16, 40, 20),
        (3_600_000, 40, 20),
        (-3_600_000, 40, 20),
        (0, None, None),
    ],
)
def test_one_way_is_by_both_clocks_where_they_can_be_right(
    ahead_ms: int, trip_ms: int | None, expected_ms: int | None
) -> None:
    """A report that took 15 ms, by clocks of which ours is ahead by so much; else it is half of the round trip."""
    sent_ns = 1_780_000_000 * SECOND
    report = SenderReport(1, ntp_of(sent_ns), 0, 0, 0)
    now = ntp_of(sent_ns + (15 + ahead_ms) * MS)
    trip_ns = None if trip_ms is None else trip_ms * MS
    found = one_way_ns(report, now, trip_ns)
    assert (None if found is None else round(found / MS, 3)) == expected_ms


def test_the_round_trip_is_what_the_clocks_say() -> None:
    """Sent at 10 s, held for 2 s, back at 12.25 s."""
    sent = ntp_of(10_000_000_000) >> 16 & 0xFFFFFFFF
    block = ReportBlock(1, 0, 0, 0, 0, sent, 2 << 16)
    trip = round_trip_ns(block, ntp_of(12_250_000_000))
    assert trip == pytest.approx(250_000_000, abs=20_000)
    assert round_trip_ns(block._replace(last_report=0), 0) is None
    assert round_trip_ns(block, ntp_of(11_999_000_000)) == 0

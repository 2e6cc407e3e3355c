"""RTCP: reports and feedback, read tolerantly and written (RFC 3550 section 6, RFC 4585, RFC 5104, REMB).

What is malformed or unknown is left out; the rest of a compound packet is read all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "Bye",
    "Feedback",
    "FullIntraRequest",
    "Nack",
    "PictureLoss",
    "ReceiverEstimate",
    "ReceiverReport",
    "Report",
    "ReportBlock",
    "SenderReport",
    "build_bye",
    "build_feedback",
    "build_fir",
    "build_nack",
    "build_pli",
    "build_receiver_report",
    "build_sdes",
    "build_sender_report",
    "parse_rtcp",
]

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_NACK, _TRANSPORT = 1, 15
_PLI, _FIR, _AFB = 1, 4, 15
_MOST_PACKETS = 64
_MOST_NACKED = 512


class ReportBlock(NamedTuple):
    """What a receiver says of one source (RFC 3550, section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 256ths, since the report before."""
    lost: int
    """Since the beginning; may be negative when packets came twice."""
    highest: int
    """The extended highest sequence number, 32 bits."""
    jitter: int
    """In units of the source's timestamps."""
    last_report: int
    """The middle 32 bits of the NTP time in the last sender report; 0 when there was none."""
    delay: int
    """Since that report came, in 65,536ths of a second."""


class SenderReport(NamedTuple):
    """A source's clocks, and what it has sent."""

    ssrc: int
    ntp: int
    """64 bits: seconds since 1900 in 2**32nds."""
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    """What a receiver says of the sources that it hears."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


class Bye(NamedTuple):
    """These sources have ended."""

    ssrcs: tuple[int, ...]


class Nack(NamedTuple):
    """These packets of a source are missing."""

    ssrc: int
    sequences: tuple[int, ...]


class PictureLoss(NamedTuple):
    """A key frame is wanted."""

    ssrc: int


class FullIntraRequest(NamedTuple):
    """A key frame is wanted of these sources."""

    ssrcs: tuple[int, ...]


class ReceiverEstimate(NamedTuple):
    """REMB: what the receiver can take in, over these sources (draft-alvestrand-rmcat-remb)."""

    bit_rate: int
    ssrcs: tuple[int, ...]


class Feedback(NamedTuple):
    """When packets came, in transport-wide numbers (draft-holmer-rmcat-transport-wide-cc-extensions)."""

    first: int
    received: int
    """Packets that came of those that it speaks of."""
    packets: int


Report = (
    SenderReport | ReceiverReport | Bye | Nack | PictureLoss | FullIntraRequest | ReceiverEstimate | Feedback
)


def parse_rtcp(data: bytes) -> tuple[list[Report], int]:
    """What a compound packet says, and how many parts of it were malformed."""
    reports: list[Report] = []
    bad = at = 0
    size = len(data)
    for _ in range(_MOST_PACKETS):
        if at >= size:
            return reports, bad
        if at + 4 > size or data[at] >> 6 != 2:
            return reports, bad + 1
        count, kind = data[at] & 0x1F, data[at + 1]
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > size:
            return reports, bad + 1
        body = data[at + 4 : end]
        if data[at] & 0x20:
            padding = body[-1] if body else 0
            if not 0 < padding <= len(body):
                return reports, bad + 1
            body = body[:-padding]
        try:
            report = _read(kind, count, body)
        except (struct.error, IndexError):
            bad += 1
        else:
            if report is not None:
                reports.append(report)
        at = end
    return reports, bad + (at < size)


def build_sender_report(report: SenderReport) -> bytes:
    """One SR."""
    body = struct.pack(
        "!IQIII",
        report.ssrc,
        report.ntp,
        report.timestamp & 0xFFFFFFFF,
        report.packets & 0xFFFFFFFF,
        report.octets & 0xFFFFFFFF,
    )
    return _packet(_SR, len(report.blocks), body + b"".join(map(_block, report.blocks)))


def build_receiver_report(report: ReceiverReport) -> bytes:
    """One RR."""
    body = struct.pack("!I", report.ssrc) + b"".join(map(_block, report.blocks))
    return _packet(_RR, len(report.blocks), body)


def build_sdes(ssrc: int, cname: str) -> bytes:
    """The canonical name of a source; at most 255 bytes of it."""
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name
    # A zero ends the list, and more fill up the word.
    return _packet(_SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def build_bye(ssrcs: Sequence[int]) -> bytes:
    """These sources end."""
    return _packet(_BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def build_pli(ssrc: int, media: int) -> bytes:
    """Ask ``media`` for a key frame (RFC 4585, section 6.3.1)."""
    return _packet(_PSFB, _PLI, struct.pack("!II", ssrc, media))


def build_fir(ssrc: int, media: int, number: int) -> bytes:
    """Ask ``media`` for a key frame; ``number`` counts the requests (RFC 5104, section 4.3.1)."""
    return _packet(_PSFB, _FIR, struct.pack("!IIIB3x", ssrc, 0, media, number & 0xFF))


def build_nack(ssrc: int, media: int, sequences: Sequence[int]) -> bytes:
    """Ask ``media`` to send these packets again (RFC 4585, section 6.2.1); ``sequences`` in rising order."""
    body, at = struct.pack("!II", ssrc, media), 0
    while at < len(sequences):
        first, mask = sequences[at], 0
        at += 1
        while at < len(sequences) and (sequences[at] - first - 1) & 0xFFFF < 16:
            mask |= 1 << ((sequences[at] - first - 1) & 0xFFFF)
            at += 1
        body += struct.pack("!HH", first, mask)
    return _packet(_RTPFB, _NACK, body)


def build_feedback(ssrc: int, media: int, number: int, first: int, arrivals: Sequence[int | None]) -> bytes:
    """Transport-wide feedback.

    Args:
        ssrc, media: ours, and one of the sources that it is about.
        number: counts the feedback packets.
        first: the transport-wide number of the first packet.
        arrivals: for it and those after it when each came, in ns of any clock; ``None`` for one that did not.
            At least one came.
    """
    came = next(at for at in arrivals if at is not None)
    reference = came // 64_000_000
    last = reference * 64_000_000 // 250_000
    symbols, deltas = [], bytearray()
    for at in arrivals:
        if at is None:
            symbols.append(0)
            continue
        delta = at // 250_000 - last
        delta = max(-0x8000, min(0x7FFF, delta))
        last += delta
        if 0 <= delta <= 0xFF:
            symbols.append(1)
            deltas.append(delta)
        else:
            symbols.append(2)
            deltas += struct.pack("!h", delta)
    chunks = bytearray()
    for begin in range(0, len(symbols), 7):
        part = symbols[begin : begin + 7]
        bits = 0xC000
        for place, symbol in enumerate(part):
            bits |= symbol << (12 - 2 * place)
        chunks += struct.pack("!H", bits)
    body = struct.pack("!IIHH", ssrc, media, first & 0xFFFF, len(symbols))
    body += struct.pack("!I", (reference & 0xFFFFFF) << 8 | number & 0xFF)
    body += chunks + deltas
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes((padding,))
    return _packet(_RTPFB, _TRANSPORT, body, padded=bool(padding))


def _packet(kind: int, count: int, body: bytes, *, padded: bool = False) -> bytes:
    first = 0x80 | (0x20 if padded else 0) | count
    return struct.pack("!BBH", first, kind, len(body) // 4) + body


def _block(block: ReportBlock) -> bytes:
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    return struct.pack(
        "!IIIIII",
        block.ssrc,
        block.fraction_lost << 24 | lost,
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        block.delay & 0xFFFFFFFF,
    )


def _read(kind: int, count: int, body: bytes) -> Report | None:
    if kind == _SR:
        ssrc, ntp, timestamp, packets, octets = struct.unpack_from("!IQIII", body)
        return SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(body, 24, count))
    if kind == _RR:
        return ReceiverReport(struct.unpack_from("!I", body)[0], _blocks(body, 4, count))
    if kind == _BYE:
        return Bye(struct.unpack_from(f"!{count}I", body))
    if kind == _RTPFB and count == _NACK:
        return _nack(body)
    if kind == _RTPFB and count == _TRANSPORT:
        return _feedback(body)
    if kind == _PSFB and count == _PLI:
        return PictureLoss(struct.unpack_from("!II", body)[1])
    if kind == _PSFB and count == _FIR:
        return FullIntraRequest(tuple(struct.unpack_from("!I", body, at)[0] for at in range(8, len(body), 8)))
    if kind == _PSFB and count == _AFB and body[8:12] == b"REMB":
        return _remb(body)
    return None


def _blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for number in range(count):
        ssrc, loss, highest, jitter, last, delay = struct.unpack_from("!IIIIII", body, at + 24 * number)
        lost = loss & 0xFFFFFF
        blocks.append(
            ReportBlock(
                ssrc, loss >> 24, lost - 0x1000000 if lost & 0x800000 else lost, highest, jitter, last, delay
            )
        )
    return tuple(blocks)


def _nack(body: bytes) -> Nack:
    _, media = struct.unpack_from("!II", body)
    sequences: list[int] = []
    for at in range(8, len(body), 4):
        first, more = struct.unpack_from("!HH", body, at)
        sequences.append(first)
        sequences += [(first + 1 + place) & 0xFFFF for place in range(16) if more >> place & 1]
        if len(sequences) > _MOST_NACKED:
            break
    return Nack(media, tuple(sequences))


def _remb(body: bytes) -> ReceiverEstimate:
    count = body[12]
    rate = int.from_bytes(body[13:16], "big")
    ssrcs = struct.unpack_from(f"!{count}I", body, 16)
    return ReceiverEstimate((rate & 0x3FFFF) << (rate >> 18), ssrcs)


def _feedback(body: bytes) -> Feedback:
    """How many of the packets came; their times are of no use to a sender of speech."""
    _, _, first, packets = struct.unpack_from("!IIHH", body)
    received, told, at = 0, 0, 16
    while told < packets:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        if not chunk & 0x8000:
            run = min(chunk & 0x1FFF, packets - told)
            if not run:
                raise struct.error("a run of no packets")
            received += run if chunk >> 13 & 3 in (1, 2) else 0
            told += run
            continue
        step = 2 if chunk & 0x4000 else 1
        symbols = [
            chunk >> (14 - step - step * place) & (3 if step == 2 else 1) for place in range(14 // step)
        ]
        here = symbols[: packets - told]
        received += sum(1 for symbol in here if symbol in (1, 2))
        told += len(here)
    return Feedback(first, received, packets)

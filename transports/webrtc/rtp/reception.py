"""What we report of a source that we hear (RFC 3550, sections 6.4 and A.8), and what the other side's reports say."""

from __future__ import annotations

from ....pipeline.units import SECOND
from .rtcp import ReportBlock, SenderReport

__all__ = ["Reception", "ntp_of", "one_way_ns", "round_trip_ns"]

_NTP_UNIX_S = 2_208_988_800  # from 1900 to 1970


def ntp_of(unix_ns: int) -> int:
    """Nanoseconds since 1970 as an NTP time of 64 bits."""
    seconds, rest = divmod(unix_ns, SECOND)
    return (seconds + _NTP_UNIX_S & 0xFFFFFFFF) << 32 | (rest << 32) // SECOND


def round_trip_ns(block: ReportBlock, ntp_now: int) -> int | None:
    """How long to the other side and back; ``None`` when it has had no report of ours yet."""
    if not block.last_report:
        return None
    passed = ((ntp_now >> 16) - block.last_report - block.delay) & 0xFFFFFFFF
    # Clocks are read at slightly different moments: a little below nothing is nothing.
    return passed * SECOND >> 16 if passed < 0x80000000 else 0


def one_way_ns(report: SenderReport, ntp_now: int, trip_ns: int | None) -> int | None:
    """How long it takes from the other side to here, when its report has just come; ``None`` without a round trip.

    By the clocks of both sides where what they say can be true: no less than nothing, and no more than there and
    back takes. Where they are set differently it is half of that.
    """
    if trip_ns is None:
        return None
    passed = (ntp_now - report.ntp) & 0xFFFFFFFFFFFFFFFF
    passed_ns = passed * SECOND >> 32
    return passed_ns if passed_ns <= trip_ns else trip_ns // 2


class Reception:
    """Counts one source's packets for its report blocks."""

    __slots__ = (
        "_base",
        "_expected_before",
        "_jitter",
        "_last_ntp",
        "_last_ntp_ns",
        "_received_before",
        "_transit",
        "clock_rate",
        "highest",
        "received",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        self.highest = -1
        self._base = -1
        self._transit: int | None = None
        self._jitter = 0
        """Sixteen times the jitter, as in appendix A.8."""
        self._expected_before = self._received_before = 0
        self._last_ntp = self._last_ntp_ns = 0

    @property
    def lost(self) -> int:
        """Packets that were sent and did not come; below 0 when some came twice."""
        return self.highest - self._base + 1 - self.received if self._base >= 0 else 0

    @property
    def jitter_ns(self) -> int:
        """The mean deviation of the packets' spacing."""
        return (self._jitter >> 4) * SECOND // self.clock_rate

    def heard(self, highest: int, timestamp: int, now_ns: int) -> None:
        """A packet came; ``highest`` is the highest extended sequence number by now, ``timestamp`` the packet's."""
        if self._base < 0 or highest - self.highest > 0x8000:
            # The first, or the first after the sender began anew.
            self._base, self.received, self._expected_before, self._received_before = highest, 0, 0, 0
            self._transit = None
        self.received += 1
        self.highest = highest
        transit = (now_ns * self.clock_rate // SECOND - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            deviation = (transit - self._transit) & 0xFFFFFFFF
            deviation = min(deviation, 0x100000000 - deviation)
            self._jitter += deviation - (self._jitter + 8 >> 4)
        self._transit = transit

    def reported(self, report: SenderReport, now_ns: int) -> None:
        """The source's own report came."""
        self._last_ntp, self._last_ntp_ns = report.ntp >> 16 & 0xFFFFFFFF, now_ns

    def block(self, now_ns: int) -> ReportBlock:
        """The report block; the fraction lost is that since the one before."""
        expected = self.highest - self._base + 1 if self._base >= 0 else 0
        new, came = expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = expected, self.received
        lost = max(0, new - came)
        delay = (now_ns - self._last_ntp_ns << 16) // SECOND if self._last_ntp else 0
        return ReportBlock(
            self.ssrc,
            min(255, (lost << 8) // new) if new > 0 else 0,
            self.lost,
            max(0, self.highest),
            self._jitter >> 4,
            self._last_ntp,
            delay,
        )

"""How speech is encoded: what follows from the caller's reports, from what was agreed, and from the machine's load."""

from __future__ import annotations

from typing import NamedTuple

from ....pipeline.units import MS

__all__ = ["HIGHEST_BIT_RATE", "LOWEST_BIT_RATE", "Adaptation", "EncoderSettings", "complexity_for"]

LOWEST_BIT_RATE, HIGHEST_BIT_RATE = 12_000, 48_000

_FIRST_BIT_RATE = 32_000
_FEC_BIT_RATE = 24_000
"""Below it libopus finds no room for copies."""
_CELT_BIT_RATE = 32_000
"""From it on CELT does as well for speech as SILK, for a third of the CPU, as long as no copies are wanted."""
_RISE, _FALL = 1.08, 0.85
_FEC_FROM, _FEC_UNTIL = 0.02, 0.01
_CALM, _CONGESTED = 0.02, 0.10
_QUEUE_NS = 150 * MS
"""A round trip longer than the shortest one by this much tells of a queue that fills."""
_MEMORY = 0.5
_HEADERS_BIT_RATE = 50 * 8 * 54  # 50 packets a second, each with IP, UDP, RTP and SRTP around it

# Load up to which a complexity may be used. For speech at these bit rates one is a little rougher than five and takes
# half of its time; above five hardly anything is heard of it.
_COMPLEXITIES = ((0.04, 10), (0.07, 8), (0.10, 5), (0.16, 3), (0.22, 2))
_HYSTERESIS = 0.02


class EncoderSettings(NamedTuple):
    """What the encoder is told."""

    bit_rate: int
    fec: bool
    loss_percent: int
    complexity: int
    celt: bool
    """Whether CELT does all of it; see ``OpusEncoder``."""


class Adaptation:
    """Keeps the settings of one encoder.

    Args:
        fec: whether the caller can use copies of lost packets (``useinbandfec``).
        dtx: whether the caller wants pauses left out (``usedtx``), which CELT does not do.
        most_bit_rate: what the caller wants at most (``maxaveragebitrate``), ``None`` for no wish.
    """

    def __init__(self, *, fec: bool = False, dtx: bool = False, most_bit_rate: int | None = None) -> None:
        self._can_fec = fec
        self._dtx = dtx
        self._most = max(6_000, min(HIGHEST_BIT_RATE, most_bit_rate or HIGHEST_BIT_RATE))
        self._least = min(LOWEST_BIT_RATE, self._most)
        self._bit_rate = float(min(_FIRST_BIT_RATE, self._most))
        self._estimate: int | None = None
        self._fec = False
        self._complexity = 5
        self._shortest_ns: int | None = None
        self.loss = 0.0
        """The share of our packets that did not arrive, by the caller's reports, smoothed."""
        self.round_trip_ns: int | None = None
        self.settings = self._settled()
        """As things are now; another object when they are others."""

    def follow(self, before: Adaptation) -> None:
        """Begin with what is known of the way to the caller."""
        self._bit_rate = max(float(self._least), min(float(self._most), before._bit_rate))
        self._complexity = before._complexity
        self._fec = before._fec and self._can_fec
        self._shortest_ns = before._shortest_ns
        self.loss, self.round_trip_ns = before.loss, before.round_trip_ns
        self.settings = self._settled()

    def reported(self, fraction_lost: int, round_trip_ns: int | None) -> None:
        """A report block of the caller's on our source came: the share lost in 256ths, and the round trip."""
        lost = fraction_lost / 256
        self.loss += (lost - self.loss) * _MEMORY
        if round_trip_ns is not None:
            self.round_trip_ns = round_trip_ns
            if self._shortest_ns is None or round_trip_ns < self._shortest_ns:
                self._shortest_ns = round_trip_ns
        queues = (
            round_trip_ns is not None
            and self._shortest_ns is not None
            and round_trip_ns - self._shortest_ns > _QUEUE_NS
        )
        if lost >= _CONGESTED or queues:
            self._bit_rate = max(float(self._least), self._bit_rate * _FALL)
        elif self.loss < _CALM:
            self._bit_rate = min(float(self._most), self._bit_rate * _RISE)
        if self._can_fec:
            self._fec = self.loss >= (_FEC_UNTIL if self._fec else _FEC_FROM)
        self.settings = self._settled()

    def estimated(self, bit_rate: int) -> None:
        """The caller told what it can take in (REMB), headers and all."""
        self._estimate = max(self._least, bit_rate - _HEADERS_BIT_RATE)
        self.settings = self._settled()

    def loaded(self, load: float) -> None:
        """The share of a core that this process's loop takes."""
        self._complexity = complexity_for(load, self._complexity)
        self.settings = self._settled()

    def _settled(self) -> EncoderSettings:
        rate = self._bit_rate if self._estimate is None else min(self._bit_rate, self._estimate)
        loss = min(30, max(1, round(100 * self.loss))) if self._fec else 0
        if self._fec and self._estimate is None:
            rate = max(rate, min(_FEC_BIT_RATE, self._most))
        rate = max(self._least, rate)
        celt = rate >= _CELT_BIT_RATE and not self._fec and not self._dtx
        return EncoderSettings(round(rate), self._fec, loss, self._complexity, celt)


def complexity_for(load: float, now: int) -> int:
    """The complexity, 10 to 1, for a load; it rises only when there is some room above what is needed."""
    wanted = next((complexity for most, complexity in _COMPLEXITIES if load <= most), 1)
    if wanted > now:
        careful = next((complexity for most, complexity in _COMPLEXITIES if load + _HYSTERESIS <= most), 1)
        return max(now, careful)
    return wanted

"""Audio formats that a port can take or give, and what two ports have in common."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANY_FORMAT", "AudioFormat", "FormatSet"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A settled format: ``rate`` in hertz, ``channels`` 1 or more. Samples are always int16."""

    rate: int
    channels: int

    def __str__(self) -> str:
        layout = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{self.rate} Hz {layout}"


@dataclass(frozen=True, slots=True)
class FormatSet:
    """What a port can do, in order of preference. ``None`` stands for anything."""

    rates: tuple[int, ...] | None = None
    channels: tuple[int, ...] | None = None

    def intersect(self, other: FormatSet) -> FormatSet | None:
        """What both can do, in this set's order of preference; ``None`` when nothing is left."""
        rates = _common(self.rates, other.rates)
        channels = _common(self.channels, other.channels)
        if rates == () or channels == ():
            return None
        return FormatSet(rates, channels)

    @property
    def settled(self) -> AudioFormat | None:
        """The format, when only one is left."""
        if self.rates is not None and self.channels is not None and len(self.rates) == len(self.channels) == 1:
            return AudioFormat(self.rates[0], self.channels[0])
        return None

    def __str__(self) -> str:
        rates = "any rate" if self.rates is None else " or ".join(str(rate) for rate in self.rates) + " Hz"
        if self.channels is None:
            return f"{rates}, any channels"
        names = {1: "mono", 2: "stereo"}
        return f"{rates} " + " or ".join(names.get(count, f"{count} channels") for count in self.channels)


ANY_FORMAT = FormatSet()


def _common(mine: tuple[int, ...] | None, theirs: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if mine is None:
        return theirs
    if theirs is None:
        return mine
    return tuple(value for value in mine if value in theirs)

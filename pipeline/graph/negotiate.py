"""Which audio format flows where: settled once, when the graph is checked.

Each port says what it can do. An edge makes its two ends the same, a port declared ``like`` an input follows it, and a
fixed value on one side picks the other's. Where nothing fits, a resampler is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..formats import AudioFormat
from ..ports import PortSpec

__all__ = ["FormatSolver", "PortKey"]

PortKey = tuple[str, str]
"""Node and port."""

_OPEN_RATE = 48_000
_OPEN_CHANNELS = 1


class _Value:
    """One unknown (a rate or a channel count) shared by all ports that must agree. Union-find."""

    __slots__ = ("choices", "parent")

    def __init__(self, choices: tuple[int, ...] | None) -> None:
        self.choices = choices
        self.parent: _Value | None = None

    def root(self) -> _Value:
        value = self
        while value.parent is not None:
            value = value.parent
        return value


def _agree(mine: tuple[int, ...] | None, theirs: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return tuple(choice for choice in mine if choice in theirs)


def _models_first(ports: Iterable[PortSpec]) -> list[PortSpec]:
    """Every port after the one that it is like."""
    named = {port.name: port for port in ports}
    ordered: dict[str, PortSpec] = {}
    for port in named.values():
        chain = [port]
        while chain[-1].like and chain[-1].like not in ordered:
            chain.append(named[chain[-1].like])
        ordered.update((one.name, one) for one in reversed(chain))
    return list(ordered.values())


class FormatSolver:
    """Collects ports and edges, then names every port's format."""

    def __init__(self) -> None:
        self._values: dict[PortKey, tuple[_Value, _Value]] = {}

    def add_node(
        self,
        node: str,
        ports: Iterable[PortSpec],
        options: Mapping[str, object],
        settled: Mapping[PortKey, AudioFormat] | None = None,
    ) -> None:
        """Enter the audio ports of a node with these options; ``settled`` formats are what they are."""
        for port in _models_first(ports):
            if not port.carries_audio:
                continue
            if settled and (agreed := settled.get((node, port.name))) is not None:
                self._values[node, port.name] = (_Value((agreed.rate,)), _Value((agreed.channels,)))
                continue
            rate, channels = _Value(port.rates(options)), _Value(port.channel_counts(options))
            model = self._values.get((node, port.like)) if port.like else None
            if model is not None:
                # What the port declares itself it does not take from its model, even when that leaves it open.
                rate = model[0] if port.rate is None else rate
                channels = model[1] if port.channels is None else channels
            self._values[node, port.name] = (rate, channels)

    def join(self, source: PortKey, target: PortKey) -> bool:
        """Make both ends the same. ``False``, and nothing changed, when they have no format in common."""
        if source not in self._values or target not in self._values:
            return True
        pairs = [
            (mine.root(), theirs.root())
            for mine, theirs in zip(self._values[source], self._values[target], strict=True)
        ]
        if any(_agree(mine.choices, theirs.choices) == () for mine, theirs in pairs):
            return False
        for mine, theirs in pairs:
            if mine is not theirs:
                mine.choices = _agree(mine.choices, theirs.choices)
                theirs.parent = mine
        return True

    def describe(self, port: PortKey) -> str:
        """What is known of a port so far, for people."""
        rate, channels = (value.root().choices for value in self._values[port])
        rates = "any rate" if rate is None else " or ".join(map(str, rate)) + " Hz"
        names = {1: "mono", 2: "stereo"}
        layout = (
            "" if channels is None else " " + " or ".join(names.get(n, f"{n} channels") for n in channels)
        )
        return rates + layout

    def formats(self) -> dict[PortKey, AudioFormat]:
        """The settled format of every port; the first choice where several are left."""
        settled = {}
        for port, (rate, channels) in self._values.items():
            rates, counts = rate.root().choices, channels.root().choices
            settled[port] = AudioFormat(
                rates[0] if rates else _OPEN_RATE, counts[0] if counts else _OPEN_CHANNELS
            )
        return settled

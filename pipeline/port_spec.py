"""What a class says of its ports, and what a box in a call knows of the edges of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .frames import AudioFrame, Frame
from .policy import Policy

__all__ = ["Count", "EdgeEnd", "FromOption", "PortSpec"]


@dataclass(frozen=True, slots=True)
class FromOption:
    """A rate or channel count that is the value of an option; an option of ``None`` leaves it open."""

    name: str


Count = int | tuple[int, ...] | FromOption | None
"""A rate or a number of channels: one, several in order of preference, an option's, or any."""


@dataclass(frozen=True, slots=True)
class PortSpec:
    """What the class says of one port."""

    name: str
    direction: str
    """``in`` or ``out``."""
    types: tuple[type[Frame], ...]
    rate: Count = None
    channels: Count = None
    like: str = ""
    """The input whose format this port follows where it names none itself: an output, or another input."""
    named: bool = False
    """Joined only where the graph names it, never because it is the nearest that fits."""
    required: bool = False
    """For inputs: a graph that leaves it unconnected is wrong."""
    feedback: bool = False
    """For inputs: an edge into it may close a cycle."""
    only_circles: bool = False
    """For feedback inputs: an edge that closes no cycle is one like any other."""
    policy: Policy | None = None
    """For inputs: what its edges do unless the graph says otherwise."""
    doc: str = ""
    many: bool = False
    """Whether its edges are told apart: ``Ins`` and ``Outs``."""
    carries_audio: bool = field(init=False)
    """Whether sound may pass."""
    handler: str = field(init=False)
    """For inputs: the method that takes what comes."""

    def __post_init__(self) -> None:
        # Asked for every port of every node as a call starts.
        object.__setattr__(self, "carries_audio", any(issubclass(kind, AudioFrame) for kind in self.types))
        object.__setattr__(self, "handler", f"on_{self.name}")

    def rates(self, options: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The rates that the port can do with these options, in order of preference; ``None`` for any."""
        return _choices(self.rate, options)

    def channel_counts(self, options: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The channel counts likewise."""
        return _choices(self.channels, options)

    def accepts(self, kind: type[Frame]) -> bool:
        """Whether a frame of this class may pass."""
        return issubclass(kind, self.types)


def _choices(count: Count, options: Mapping[str, Any]) -> tuple[int, ...] | None:
    if isinstance(count, FromOption):
        count = options.get(count.name)
    if count is None or isinstance(count, tuple):
        return count
    return (int(count),)


@dataclass(frozen=True, slots=True)
class EdgeEnd:
    """One edge of a port for many, as the box sees it."""

    name: str
    """Of the node at the other end, ``voice``; with its port, ``voice.out``, where two edges would be called alike."""
    index: int
    """Its place among the edges of the port, from 0, in the order in which the graph joined them."""

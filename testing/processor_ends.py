"""What stands around the box under test: something to feed each of its inputs, and to hear each of its outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..pipeline import AudioFrame, Frame, FromOption, Hertz, In, Out, Processor
from ..pipeline.frames import Marker
from ..pipeline.ports import PortSpec

__all__ = ["Ear", "Feed", "InputEdge", "Received", "ends_of", "format_for"]

_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Received:
    """One frame that came out, and when."""

    port: str
    frame: Frame
    time_ns: int
    """By the call's clock."""


class Feed(Processor):
    """What stands at an input of the box."""

    # Both are named, so that the format of sound is settled and everything else passes too.
    out: Out[AudioFrame | Frame] = Out(rate=FromOption("rate"), channels=FromOption("channels"))

    def __init__(self, *, rate: Hertz | None = None, channels: int | None = None) -> None:
        self._over = asyncio.Event()

    async def run(self) -> None:
        await self._over.wait()

    async def send(self, frame: Frame) -> None:
        await self.out.send(frame)

    def end(self) -> None:
        self._over.set()


class Ear(Processor):
    """What stands at an output of the box: notes every frame, markers too."""

    frames: In[Frame]

    def __init__(self, *, port: str, into: list[Received]) -> None:
        self._port, self._into = port, into

    def on_frames(self, frame: Frame) -> None:
        self._into.append(Received(self._port, frame, self.call.clock.now_ns()))

    def on_marker(self, port: str, frame: Marker) -> None:
        self.on_frames(frame)


@dataclass(frozen=True, slots=True)
class InputEdge:
    """An edge into the box: its port, and the node that stands at its other end."""

    port: PortSpec
    feed: str


def ends_of(port: PortSpec, names: Sequence[str] | None) -> list[tuple[str, str]]:
    """What stands at the edges of ``port``: how a test calls each, and the name of its node."""
    if names is None:
        stem = "into" if port.direction == "in" else "out_of"
        return [(port.name, f"{stem}_{port.name}")]
    if not port.many:
        raise ValueError(f"{port.name} is no port for many edges: Ins and Outs are")
    return [(f"{port.name}.{name}", name) for name in names]


def format_for(
    port: PortSpec, options: Mapping[str, Any], given: tuple[int, int] | None
) -> tuple[int | None, int | None]:
    """Rate and channels of sound at ``port``, where that is to be settled."""
    if not port.carries_audio and Frame not in port.types:
        return None, None
    if given is not None:
        return given
    rates, counts = port.rates(options), port.channel_counts(options)
    return (rates or (_RATE,))[0], (counts or (1,))[0]

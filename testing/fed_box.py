"""A box with every input fed and every output heard, as the conformance suite runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..pipeline import MS, Call, Frame, Graph, In, Out, Plan, Processor, TurnEndFrame, TurnStartFrame
from ..pipeline.ports import PortSpec
from ..pipeline.processor import ports_of
from .sample_frames import SampleMaker, sample_frame

__all__ = ["fed_plan", "starve"]


def fed_plan(
    processor: type[Processor], options: Mapping[str, Any], samples: Mapping[type[Frame], SampleMaker]
) -> Plan:
    """A graph around ``processor``, which is called ``box`` in it. Raises ``ConfigError``."""
    graph = Graph("conformance")
    graph.add("box", processor, **options)
    for name, port in ports_of(processor).items():
        # Of a port that tells its edges apart, two.
        for suffix in ("", "_2") if port.many else ("",):
            if port.direction == "in":
                rate, kinds = _rate_of(port, options), list(port.types)
                graph.add(f"feed_{name}{suffix}", _Feeder, kinds=kinds, rate=rate, samples=dict(samples))
                graph.connect(f"feed_{name}{suffix}.out", f"box.{name}")
            else:
                graph.add(f"hear_{name}{suffix}", _Sink)
                graph.connect(f"box.{name}", f"hear_{name}{suffix}.frames")
    return graph.plan()


async def starve(call: Call, processor: type[Processor]) -> None:
    """End all that feeds the box, and return when it has ended. Raises ``AssertionError`` when it does not."""
    for name, port in ports_of(processor).items():
        if port.direction == "in":
            for suffix in ("", "_2") if port.many else ("",):
                call.processor(f"feed_{name}{suffix}", _Feeder).over = True
    try:
        await asyncio.wait_for(call.finished(), 90)
    except TimeoutError:
        raise AssertionError("it has not ended 90 s after the last of its streams") from None


class _Feeder(Processor):
    """Sends samples of what a port takes, one each 20 ms, in turns of ten; ends when told to."""

    out: Out[Frame]

    def __init__(self, *, kinds: list[type], rate: int, samples: dict[type[Frame], SampleMaker]) -> None:
        self.kinds, self.rate, self.samples = kinds, rate, samples
        self.over = False

    async def run(self) -> None:
        number = 0
        while not self.over:
            now_ns = self.call.clock.now_ns()
            if number % 10 == 0:
                await self.out.send(TurnStartFrame(turn=number // 10 + 1, time_ns=now_ns))
            kind = self.kinds[number % len(self.kinds)]
            await self.out.send(sample_frame(kind, number, self.rate, now_ns, self.samples))
            if number % 10 == 9:
                await self.out.send(TurnEndFrame(turn=number // 10 + 1, time_ns=now_ns))
            number += 1
            await self.call.clock.sleep_until_ns(now_ns + 20 * MS)


class _Sink(Processor):
    """Takes everything."""

    frames: In[Frame]

    def on_frames(self, frame: Frame) -> None:
        return None


def _rate_of(port: PortSpec, options: Mapping[str, Any]) -> int:
    # What nobody decides is settled at 48 kHz.
    return (port.rates(options) or (48_000,))[0]

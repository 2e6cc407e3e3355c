"""The mixer in a graph: sums what several nodes send, at one rate, and lowers the rest while one is heard."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import (
    AudioFrame,
    Frame,
    FromOption,
    Graph,
    Out,
    Processor,
    ProcessorError,
    TurnEndFrame,
    TurnStartFrame,
    ms,
    run_virtual,
)
from livegraph.processors import Mixer
from livegraph.testing import LiveProcessor, live_processor, run_processor

RATE = 16_000


def sound(
    *, value: int, count: int, at_ms: int = 0, burst: bool = False, rate: int = RATE, turn: int = 0
) -> list[Frame]:
    """``count`` frames of 20 ms of one value; in real time, or all at once."""
    samples = np.full(rate // 50, value, np.int16)
    times = [ms(at_ms + (0 if burst else 20 * number)) for number in range(count)]
    frames: list[Frame] = [AudioFrame(samples, rate, time_ns=time_ns, turn=turn) for time_ns in times]
    return [TurnStartFrame(turn=turn), *frames] if turn else frames


Box = LiveProcessor[Mixer]


def mixed(
    *sounds: dict[str, Any], during: Callable[[Box], Awaitable[None]] | None = None, **options: Any
) -> list[AudioFrame]:
    """What a mixer of these makes; they are called a, b, c."""
    given = {f"inputs.{name}": sound(**one) for name, one in zip("abc", sounds, strict=False)}
    formats = {edge: (one.get("rate", RATE), 1) for edge, one in zip(given, sounds, strict=True)}

    async def feed(box: Box, edge: str) -> None:
        await box.send(*((edge, frame) for frame in given[edge]))
        box.end(edge)

    async def main() -> list[Frame]:
        edges = {"inputs": [edge.removeprefix("inputs.") for edge in given]}
        async with live_processor(Mixer, edges=edges, formats=formats, **options) as box:
            async with asyncio.TaskGroup() as group:
                for edge in given:
                    group.create_task(feed(box, edge))
                if during is not None:
                    group.create_task(during(box))
            await box.ended()
        return box.frames()

    return [frame for frame in run_virtual(main()) if isinstance(frame, AudioFrame)]


def levels(frames: list[AudioFrame]) -> list[int]:
    return [int(frame.samples[-1]) for frame in frames]


def test_sounds_are_summed_block_by_block() -> None:
    """Aligned by time: one that begins later joins where it belongs."""
    heard = mixed({"value": 10, "count": 5}, {"value": 3, "count": 2, "at_ms": 40})
    assert levels(heard) == [10, 10, 13, 13, 10]
    assert [frame.time_ns for frame in heard] == [ms(20 * n) for n in range(5)]


def test_a_burst_goes_at_the_pace_of_the_microphone() -> None:
    """As a model's voice comes: its turn is that of the blocks which it is part of."""
    heard = mixed({"value": 10, "count": 6}, {"value": 3, "count": 3, "at_ms": 20, "burst": True, "turn": 1})
    assert levels(heard) == [10, 13, 13, 13, 10, 10]
    assert [int(frame.turn) for frame in heard] == [0, 1, 1, 1, 0, 0]


def test_an_interruption_takes_the_turn_out_of_the_sum() -> None:
    """The rest goes on."""

    async def cut(box: Box) -> None:
        await box.sleep("50ms")
        box.interrupt(1)

    sounds = {"value": 10, "count": 6}, {"value": 3, "count": 50, "burst": True, "turn": 1}
    heard = levels(mixed(*sounds, during=cut))
    assert heard[0] == 13 and heard[-1] == 10 and len(heard) == 6


def test_the_end_of_a_turn_comes_behind_its_sound() -> None:
    """Though it came with a burst that is heard for two seconds more."""
    burst = [AudioFrame(np.full(RATE // 50, 3, np.int16), RATE, turn=1) for _ in range(100)]
    music = [AudioFrame(np.full(RATE // 50, 10, np.int16), RATE, time_ns=ms(20 * n)) for n in range(110)]
    run = run_processor(
        Mixer,
        {"inputs.voice": [TurnStartFrame(turn=1), *burst, TurnEndFrame(turn=1)], "inputs.music": music},
        edges={"inputs": ["voice", "music"]},
    )
    kinds = [f"{type(one.frame).__name__} {one.frame.turn}" for one in run.received]
    assert [kind for kind, _ in groupby(kinds)] == [
        *("TurnStartFrame 1", "AudioFrame 1", "TurnEndFrame 1", "AudioFrame 0"),
    ]
    assert kinds.count("AudioFrame 1") == 100


class Level(Processor):
    """Sound of one value, at a rate of its own."""

    out: Out[AudioFrame] = Out(rate=FromOption("rate"), channels=1)

    def __init__(self, *, value: int, rate: int) -> None:
        self.value = value

    async def run(self) -> None:
        for frame in sound(value=self.value, count=20, rate=self.out.format.rate):
            await self.call.clock.sleep_until_ns(frame.time_ns)
            await self.out.send(frame)  # type: ignore[arg-type]  # it is sound


def test_different_rates_meet_at_one() -> None:
    """A resampler goes in front of the input that differs; the input keeps its name."""
    heard: list[AudioFrame] = []
    graph = Graph()
    mixer = graph.add(Mixer, gains={"b": 6.0})
    for name, value, rate in (("a", 1_000, RATE), ("b", 250, 24_000)):
        graph.connect(graph.add(name, Level, value=value, rate=rate).out, mixer.inputs)
    plan = graph.plan()

    async def main() -> None:
        call = plan.call()
        call.tap("mixer.out", heard.append)
        await call.run()

    run_virtual(main())
    assert len(plan.inserted) == 1
    assert {frame.rate for frame in heard} == {RATE}
    assert abs(levels(heard)[10] - 1_499) < 5


def test_others_are_lowered_while_one_is_heard() -> None:
    """And come back some time after it."""
    sounds = {"value": 10_000, "count": 100}, {"value": 5_000, "count": 10, "at_ms": 400}
    heard = levels(mixed(*sounds, duck="b", duck_by=20, duck_hold="100ms"))
    assert (heard[0], heard[25], heard[33], heard[-1]) == (10_000, 6_000, 1_000, 10_000)


def test_gains_are_live() -> None:
    """A change glides over one block."""

    async def turn_down(box: Box) -> None:
        await box.sleep("100ms")
        box.call.tune({"box": {"gains": {"a": -20.0}}})

    heard = levels(mixed({"value": 1_000, "count": 20}, during=turn_down))
    assert (heard[0], heard[-1]) == (1_000, 100)


@pytest.mark.parametrize("options", [{"duck": "nobody"}, {"gains": {"nobody": 1.0}}])
def test_inputs_that_are_not_there_are_told_with_those_that_are(options: dict[str, Any]) -> None:
    with pytest.raises(ProcessorError, match=r"has no input 'nobody'\. its inputs are called: a"):
        mixed({"value": 1, "count": 1}, **options)


def test_what_an_input_holds_has_a_bound() -> None:
    """Told once in the log; the rest is heard."""
    heard = mixed({"value": 1, "count": 4}, {"value": 2, "count": 500, "burst": True}, limit="100ms")
    assert 5 <= len(heard) < 10

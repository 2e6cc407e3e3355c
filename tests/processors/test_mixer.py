"""The mixer in a graph: sums what several nodes send, at one rate, and lowers the rest while one is heard."""

import asyncio
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import (
    AudioFrame,
    FromOption,
    Graph,
    In,
    Out,
    Processor,
    ProcessorError,
    TurnEndFrame,
    TurnStartFrame,
    ms,
    run_virtual,
)
from livegraph.processors import Mixer
from livegraph.testing import run_processor

RATE = 16_000


class Sound(Processor):
    """Sends ``count`` frames of 20 ms of one value; in real time, or all at once."""

    kind = "source"
    out: Out[AudioFrame] = Out(rate=FromOption("rate"), channels=1)

    def __init__(
        self, *, value: int, count: int, at_ms: int = 0, burst: bool = False, rate: int = RATE, turn: int = 0
    ) -> None:
        self.value, self.count, self.at_ms, self.burst, self.rate, self.turn = (
            value,
            count,
            at_ms,
            burst,
            rate,
            turn,
        )

    async def run(self) -> None:
        clock = self.call.clock
        await clock.sleep_until_ns(ms(self.at_ms))
        if self.turn:
            self.out.emit(TurnStartFrame(turn=self.turn))  # type: ignore[arg-type]  # markers pass any port
        for number in range(self.count):
            samples = np.full(self.out.format.rate // 50, self.value, np.int16)
            time_ns = ms(self.at_ms + (0 if self.burst else 20 * number))
            await self.out.send(AudioFrame(samples, self.out.format.rate, time_ns=time_ns, turn=self.turn))
            if not self.burst:
                await clock.sleep_until_ns(time_ns + ms(20))


class Sink(Processor):
    """Keeps what it hears."""

    audio: In[AudioFrame] = In(channels=1)

    def __init__(self, *, into: list[AudioFrame]) -> None:
        self.into = into

    def on_audio(self, frame: AudioFrame) -> None:
        self.into.append(frame)


def mixed(*sounds: dict[str, Any], during: Any = None, **options: Any) -> list[AudioFrame]:
    """What a mixer of these makes; they are called a, b, c."""
    heard: list[AudioFrame] = []
    graph = Graph()
    mixer = graph.add(Mixer, **options)
    for name, sound in zip("abc", sounds, strict=False):
        graph.connect(graph.add(name, Sound, **sound).out, mixer.inputs)
    graph.connect(mixer.out, graph.add(Sink, into=heard).audio)

    async def main() -> None:
        async with graph.plan().call() as call:
            if during is not None:
                await during(call)
            await call.finished()

    run_virtual(main())
    return heard


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

    async def cut(call: Any) -> None:
        await asyncio.sleep(0.05)
        call.processor("mixer", Mixer).call.conversation.interrupted(1)

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


def test_different_rates_meet_at_one() -> None:
    """A resampler goes in front of the input that differs; the input keeps its name."""
    heard = mixed({"value": 1_000, "count": 20, "rate": RATE}, {"value": 500, "count": 20, "rate": 24_000})
    assert {frame.rate for frame in heard} == {RATE}
    assert abs(levels(heard)[10] - 1_500) < 5


def test_others_are_lowered_while_one_is_heard() -> None:
    """And come back some time after it."""
    sounds = {"value": 10_000, "count": 100}, {"value": 5_000, "count": 10, "at_ms": 400}
    heard = levels(mixed(*sounds, duck="b", duck_by=20, duck_hold="100ms"))
    assert (heard[0], heard[25], heard[33], heard[-1]) == (10_000, 6_000, 1_000, 10_000)


def test_gains_are_live() -> None:
    """A change glides over one block."""

    async def turn_down(call: Any) -> None:
        await asyncio.sleep(0.1)
        call.tune({"mixer": {"gains": {"a": -20.0}}})

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

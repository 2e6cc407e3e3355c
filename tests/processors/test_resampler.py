"""The rate changes, the sound does not: no clicks, no drift, markers in their place."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.audio import Resampler as StreamResampler
from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Frame,
    Graph,
    In,
    Out,
    Processor,
    StartError,
    TurnEndFrame,
    TurnStartFrame,
    run_virtual,
)
from livegraph.pipeline.frames import Marker
from livegraph.pipeline.ports import FromOption
from livegraph.processors.resampler import Resampler
from support.pcm import tone

Pcm = npt.NDArray[np.int16]


class Play(Processor):
    """Sends the frames that it was given."""

    out: Out[AudioFrame] = Out(rate=FromOption("rate"), channels=FromOption("channels"))

    def __init__(self, *, frames: list[Frame], rate: int, channels: int = 1) -> None:
        self.frames = frames

    async def run(self) -> None:
        for frame in self.frames:
            self.out.emit(frame)  # type: ignore[arg-type]  # markers pass any port


class Keep(Processor):
    """Keeps what comes, markers too."""

    audio: In[AudioFrame] = In(rate=FromOption("rate"))

    def __init__(self, *, rate: int | None = None) -> None:
        self.frames: list[Frame] = []

    def on_audio(self, frame: AudioFrame) -> None:
        self.frames.append(frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        self.frames.append(frame)


def frames_of(pcm: Pcm, rate: int, *, turn: int = 0, size_ms: int = 20, begins_ns: int = 0) -> list[Frame]:
    size = rate * size_ms // 1_000
    return [
        AudioFrame(pcm[at : at + size], rate, turn=turn, time_ns=begins_ns + at * SECOND // rate)
        for at in range(0, len(pcm), size)
    ]


def run(frames: list[Frame], rate: int, target: int, *, channels: int = 1) -> list[Frame]:
    graph = Graph()
    graph.add("play", Play, frames=frames, rate=rate, channels=channels)
    graph.add("resampler", Resampler, rate=target)
    graph.add("keep", Keep)
    graph.chain("play", "resampler", "keep")

    async def main() -> list[Frame]:
        async with graph.plan().call() as call:
            await call.finished()
            return call.processor("keep", Keep).frames

    return run_virtual(main())


def sound(frames: list[Frame]) -> list[AudioFrame]:
    return [frame for frame in frames if isinstance(frame, AudioFrame)]


@pytest.mark.parametrize(
    ("rate", "target"), [(48_000, 16_000), (24_000, 48_000), (16_000, 44_100), (16_000, 16_000)]
)
@pytest.mark.parametrize("size_ms", [5, 20, 60])
def test_the_stream_is_that_of_the_filter_whatever_the_chunks(rate: int, target: int, size_ms: int) -> None:
    """Sample by sample, to the last one."""
    pcm = tone(440, rate, rate // 2)
    whole = StreamResampler(rate, target)
    expected = np.concatenate([whole.process(pcm), whole.flush()])
    heard = sound(run(frames_of(pcm, rate, size_ms=size_ms), rate, target))
    assert np.array_equal(np.concatenate([frame.samples for frame in heard]), expected)
    assert {frame.rate for frame in heard} == {target}


def test_times_follow_the_sound_without_gaps_or_overlaps() -> None:
    """Each frame begins where the one before ended, to the nanosecond of a sample."""
    heard = sound(run(frames_of(tone(440, 48_000, 48_000), 48_000, begins_ns=5 * SECOND), 48_000, 16_000))
    assert heard[0].time_ns == 5 * SECOND
    for frame, following in itertools.pairwise(heard):
        assert abs(following.time_ns - frame.time_ns - frame.duration_ns) <= 2
    assert heard[-1].time_ns + heard[-1].duration_ns == 6 * SECOND


def test_what_the_filter_holds_comes_before_the_end_of_the_turn() -> None:
    """Turns do not run into each other, and each has all of its sound."""
    pcm = tone(440, 24_000, 2_400)
    frames: list[Frame] = []
    for turn in (1, 2):
        frames += [TurnStartFrame(turn=turn), *frames_of(pcm, 24_000, turn=turn), TurnEndFrame(turn=turn)]
    heard = run(frames, 24_000, 48_000)
    for turn in (1, 2):
        of_turn = [frame for frame in heard if frame.turn == turn]
        assert isinstance(of_turn[0], TurnStartFrame) and isinstance(of_turn[-1], TurnEndFrame)
        assert sum(len(frame.samples) for frame in sound(of_turn)) == 4_800


def test_an_interruption_leaves_nothing_of_the_turn_in_the_filter() -> None:
    """The next turn begins as a first one does."""
    pcm = tone(440, 24_000, 2_400)

    class Held(Play):
        async def run(self) -> None:
            for frame in frames_of(pcm, 24_000, turn=1):
                self.out.emit(frame)  # type: ignore[arg-type]  # audio
            self.call.turns.interrupted(1)
            for frame in frames_of(pcm, 24_000, turn=2):
                self.out.emit(frame)  # type: ignore[arg-type]  # audio

    held = Graph()
    held.add("play", Held, frames=[], rate=24_000)
    held.add("resampler", Resampler, rate=48_000)
    held.add("keep", Keep)
    held.chain("play", "resampler", "keep")

    async def main() -> list[Frame]:
        async with held.plan().call() as call:
            await call.finished()
            return call.processor("keep", Keep).frames

    heard = [frame for frame in sound(run_virtual(main())) if frame.turn == 2]
    fresh = sound(run(frames_of(pcm, 24_000), 24_000, 48_000))
    again, first = (np.concatenate([frame.samples for frame in frames]) for frames in (heard, fresh))
    assert np.array_equal(again, first)
    assert heard[0].time_ns == 0


def test_channels_stay_apart() -> None:
    """Left is left."""
    left, right = tone(300, 48_000, 9_600), tone(1_000, 48_000, 9_600)
    heard = sound(run(frames_of(np.stack([left, right], 1), 48_000), 48_000, 16_000, channels=2))
    both = np.concatenate([frame.samples for frame in heard])
    one = np.concatenate([frame.samples for frame in sound(run(frames_of(left, 48_000), 48_000, 16_000))])
    assert both.shape == (3_200, 2)
    assert np.array_equal(both[:, 0], one)


def test_it_holds_back_two_milliseconds_at_most() -> None:
    """After each frame all but that has come out."""
    for rate, target in ((48_000, 16_000), (24_000, 48_000), (8_000, 16_000)):
        heard = sound(run(frames_of(tone(200, rate, rate // 10), rate), rate, target))
        assert heard[0].duration_ns >= 18 * MS


def test_rates_that_cannot_be_joined_are_named_at_the_start() -> None:
    """StartError with the node's name."""
    with pytest.raises(StartError, match="resampler: cannot resample 44101 to 48000 Hz"):
        run([], 44_101, 48_000)

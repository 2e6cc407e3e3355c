"""Three processors inside a program of your own: no server, no YAML, no model.

    python examples/embed_three_processors.py [recording.wav]

The program reads a recording and puts it into a graph of three boxes: a resampler, a detector of speech and a box
defined here, which measures how loud each stretch of speech was. What comes out it prints. Without a recording it
makes one: three bursts of sound with pauses between.

    program -> app_in -> resampler -> vad_gate -> loudness -> app_out -> program
"""

import asyncio
import sys

import numpy as np

from livegraph.audio import Pcm, read_wav, rms_dbfs, to_mono
from livegraph.pipeline import (
    SECOND,
    AudioFrame,
    Frame,
    Graph,
    In,
    Out,
    Processor,
    SpeechEndFrame,
    SpeechStartFrame,
)
from livegraph.processors.app import AppIn, AppOut
from livegraph.processors.resampler import Resampler
from livegraph.processors.vad_gate import VadGate


class Segment(Frame):
    """A stretch of speech: it begins at ``time_ns``."""

    length_ns: int
    level_dbfs: float


class Loudness(Processor):
    """Measures what the gate lets pass between the start and the end of speech."""

    audio: In[AudioFrame] = In(doc="speech only")
    speech: In[SpeechStartFrame | SpeechEndFrame] = In(doc="when it starts and ends")
    segments: Out[Segment] = Out(doc="one for each stretch of speech")

    def __init__(self) -> None:
        self._started_ns = 0
        self._heard: list[Pcm] = []

    def on_audio(self, frame: AudioFrame) -> None:
        self._heard.append(frame.samples)

    def on_speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> Segment | None:
        if isinstance(frame, SpeechStartFrame):
            self._started_ns, self._heard = frame.time_ns, []
            return None
        level = rms_dbfs(np.concatenate(self._heard)) if self._heard else -120.0
        length_ns = frame.time_ns - self._started_ns
        return Segment(length_ns, level, time_ns=self._started_ns)


def build(rate: int, detector: str) -> Graph:
    """The graph. ``plan()`` checks it and settles the formats; a plan makes any number of calls."""
    graph = Graph("speech segments")
    graph.add("source", AppIn, rate=rate)
    graph.add("resampler", Resampler)  # its rate is what the gate needs
    graph.add("gate", VadGate, mode="gate", detector=detector)
    graph.add("loudness", Loudness)
    graph.add("sink", AppOut)
    graph.chain("source", "resampler", "gate", "loudness", "sink")
    return graph


async def main() -> None:
    """Feed the recording, print the segments."""
    if len(sys.argv) > 1:
        samples, rate = read_wav(sys.argv[1])
        samples, detector = to_mono(samples), "silero"
    else:
        samples, rate, detector = bursts(48_000), 48_000, "energy"
    async with build(rate, detector).plan().call() as call:
        source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)

        async def feed() -> None:
            size = rate // 50
            for start in range(0, len(samples), size):
                time_ns = start * SECOND // rate
                await source.send(AudioFrame(samples[start : start + size], rate, time_ns=time_ns))
            source.end()

        feeding = asyncio.create_task(feed())
        async for frame in sink:
            if isinstance(frame, Segment):
                end_ns = frame.time_ns + frame.length_ns
                times = f"{frame.time_ns / SECOND:6.2f} s to {end_ns / SECOND:6.2f} s"
                print(f"speech from {times}, {frame.level_dbfs:.0f} dBFS")
        await feeding
    print(f"the call {call.reason}")


def bursts(rate: int) -> Pcm:
    """Three bursts of 0.6 s with pauses of 0.9 s, which even plain loudness can tell apart."""
    times = np.arange(rate * 6 // 10) / rate
    burst = np.sin(2 * np.pi * 220 * times) * np.sin(2 * np.pi * 4 * times) ** 2 * 12_000
    pause = np.random.default_rng(1).normal(0, 5, rate * 9 // 10)
    return np.concatenate([pause, *[part for _ in range(3) for part in (burst, pause)]]).astype(np.int16)


if __name__ == "__main__":
    asyncio.run(main())

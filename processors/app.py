"""App ends: where a program puts frames into a graph and takes them out.

``AppIn`` has the outputs ``audio`` (in the format that its options name) and ``frames`` (anything else);
``AppOut`` has the input ``frames``, which takes whatever is connected to it::

    async with plan.call() as call:
        source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)
        await source.send(AudioFrame(samples, 16_000))
        source.end()
        async for frame in sink:
            ...

Example:
    app_in: {rate: 16kHz}
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated

import numpy as np

from ..pipeline import (
    AudioFrame,
    Doc,
    Frame,
    FromOption,
    Hertz,
    In,
    InterruptFrame,
    Out,
    Processor,
    Range,
)
from ..pipeline.processor import Emitted

__all__ = ["AppIn", "AppOut"]


class AppIn(Processor):
    """Where a program of your own puts frames into the graph.

    Example:
        app_in: {rate: 16kHz}
    """

    kind = "source"

    audio: Out[AudioFrame] = Out(
        rate=FromOption("rate"), channels=FromOption("channels"), doc="audio that the program sends"
    )
    frames: Out[Frame] = Out(doc="every other frame that it sends")

    def __init__(
        self,
        *,
        rate: Annotated[
            Hertz | None, Range(4_000, 192_000), Doc("rate of the audio; left out, what is needed")
        ] = None,
        channels: Annotated[int, Range(1, 8), Doc("channels of the audio")] = 1,
    ) -> None:
        self._ended = asyncio.Event()

    async def send(self, frame: Frame) -> None:
        """Put ``frame`` into the graph; waits while the queues behind are full.

        Raises ``ValueError`` for audio that is not of the port's format, and after ``end`` or the end of the call.
        """
        if self._ended.is_set():
            raise ValueError(f"{self.name}: the stream was ended, nothing can follow")
        if not isinstance(frame, AudioFrame):
            await self.frames.send(frame)
            return
        if not self.audio.connected:
            raise ValueError(f"{self.name}: nothing in the graph takes its audio")
        if not isinstance(frame.samples, np.ndarray):
            raise ValueError(
                f"{self.name}: samples are a numpy array of int16, got {type(frame.samples).__name__}"
            )
        expected = self.audio.format
        if (frame.rate, frame.channels) != (expected.rate, expected.channels):
            raise ValueError(
                f"{self.name}: the graph expects audio of {expected}, got {frame.rate} Hz with {frame.channels} "
                "channel(s); set the options rate and channels to what you send"
            )
        if frame.samples.dtype != np.int16:
            raise ValueError(f"{self.name}: samples are int16, got {frame.samples.dtype}")
        await self.audio.send(frame)

    def end(self) -> None:
        """Nothing follows: the graph plays out what it has and the call completes."""
        self._ended.set()

    async def run(self) -> None:
        await self._ended.wait()

    async def stop(self) -> None:
        self.end()


class AppOut(Processor):
    """Where a program of your own takes frames out of the graph: ``async for frame in sink``.

    Example:
        app_out: {limit: 100}
    """

    kind = "sink"
    paced = True

    frames: In[Frame] = In(doc="whatever is connected")

    def __init__(
        self,
        *,
        limit: Annotated[
            int, Range(1, 100_000), Doc("frames kept for a program that is slow; then the graph waits")
        ] = 256,
    ) -> None:
        self._limit = limit
        self._held: deque[Frame] = deque()
        self._changed = asyncio.Event()
        self._over = False

    async def on_frames(self, frame: Frame) -> None:
        while len(self._held) >= self._limit:
            self._changed.clear()
            await self._changed.wait()
        self._held.append(frame)
        self._changed.set()

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self._held = deque(held for held in self._held if not frame.voids(held))
        self.call.unheard(self.call.clock.now_ns())
        self._changed.set()

    def on_end(self) -> Emitted:
        self._close()
        return None

    async def stop(self) -> None:
        self._close()

    def _close(self) -> None:
        self._over = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Frame]:
        """The frames as they come, until the stream or the call ends. For one reader."""
        while True:
            while self._held:
                frame = self._held.popleft()
                self._changed.set()
                if isinstance(frame, AudioFrame):
                    # As far as anybody here knows, the program plays it now, behind what it was given before.
                    self.call.heard(frame.samples, frame.rate, self.call.clock.now_ns())
                yield frame
            if self._over:
                return
            self._changed.clear()
            await self._changed.wait()

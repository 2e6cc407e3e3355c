"""Resampler: changes the rate of a stream.

Ports: ``audio`` in, ``out`` out. The rate of ``out`` is the option ``rate``, or whatever the box behind needs.
Streaming polyphase filter: no clicks at the borders of chunks, at most 2 ms of delay.

Example:
    resampler: {rate: 16kHz}
"""

from typing import Annotated

from ..audio import AudioError, Pcm
from ..audio import Resampler as StreamResampler
from ..pipeline import (
    SECOND,
    AudioFrame,
    Doc,
    FromOption,
    Hertz,
    In,
    InterruptFrame,
    Out,
    Processor,
    Range,
    StartError,
)
from ..pipeline.frames import Marker
from ..pipeline.processor import Emitted

__all__ = ["Resampler"]


class Resampler(Processor):
    """Change the sample rate of audio.

    Example:
        resampler: {rate: 16kHz}
    """

    audio: In[AudioFrame] = In(doc="any rate, any channels")
    out: Out[AudioFrame] = Out(like="audio", rate=FromOption("rate"), doc="the same sound at the new rate")

    def __init__(
        self,
        *,
        rate: Annotated[
            Hertz | None, Range(8_000, 192_000), Doc("rate to produce; left out, what the next box needs")
        ] = None,
    ) -> None:
        self.rate = rate
        self._stream: StreamResampler | None = None
        self._turn = 0
        self._next_ns = 0
        # Since the stream began: what went in and what came out, in samples.
        self._taken = self._given = 0

    async def start(self) -> None:
        source, target = self.audio.format, self.out.format
        try:
            self._stream = StreamResampler(source.rate, target.rate, source.channels)
        except AudioError as error:
            raise StartError(self.name, str(error)) from error

    def on_audio(self, frame: AudioFrame) -> AudioFrame | None:
        assert self._stream is not None
        time_ns = frame.time_ns - self._held_ns()
        self._turn = frame.turn
        self._next_ns = frame.time_ns + frame.duration_ns
        self._taken += len(frame.samples)
        return self._made(self._stream.process(frame.samples), time_ns)

    def on_marker(self, port: str, frame: Marker) -> Emitted:
        # What the filter holds back belongs before the marker.
        if (tail := self._tail()) is not None:
            self.out.emit(tail)
        return super().on_marker(port, frame)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        if self._stream is not None and 0 < self._turn <= frame.turn:
            self._stream.reset()
            self._taken = self._given = 0

    def on_end(self) -> Emitted:
        return self._tail()

    def _held_ns(self) -> int:
        """How much sound the filter holds back."""
        taken_ns = self._taken * SECOND // self.audio.format.rate
        return taken_ns - self._given * SECOND // self.out.format.rate

    def _tail(self) -> AudioFrame | None:
        assert self._stream is not None
        tail = self._made(self._stream.flush(), self._next_ns - self._held_ns())
        self._taken = self._given = 0
        return tail

    def _made(self, samples: Pcm, time_ns: int) -> AudioFrame | None:
        if not len(samples):
            return None
        self._given += len(samples)
        return AudioFrame(samples, self.out.format.rate, time_ns=max(0, time_ns), turn=self._turn)

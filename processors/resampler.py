"""Resampler: changes the rate of a stream.

Ports: ``audio`` in, ``out`` out. The rate of ``out`` is the option ``rate``, or whatever the box behind needs.
Streaming polyphase filter: no clicks at the borders of chunks, at most 2 ms of delay.

Example:
    resampler: {rate: 16kHz}
"""

from typing import Annotated

from ..audio import Resampler as StreamResampler
from ..pipeline import AudioFrame, Doc, FromOption, Hertz, In, InterruptFrame, Out, Processor, Range
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
            Hertz | None, Range(4_000, 192_000), Doc("rate to produce; left out, what the next box needs")
        ] = None,
    ) -> None:
        self.rate = rate
        self._stream: StreamResampler | None = None
        self._turn = 0
        self._next_ns = 0

    async def start(self) -> None:
        source, target = self.audio.format, self.out.format
        self._stream = StreamResampler(source.rate, target.rate, source.channels)

    def on_audio(self, frame: AudioFrame) -> AudioFrame | None:
        assert self._stream is not None
        self._turn = frame.turn
        self._next_ns = frame.time_ns + frame.duration_ns
        samples = self._stream.process(frame.samples)
        if not len(samples):
            return None
        return AudioFrame(samples, self.out.format.rate, time_ns=frame.time_ns, turn=frame.turn)

    def on_marker(self, port: str, frame: Marker) -> Emitted:
        # What the filter holds back belongs before the marker.
        for tail in self._tail():
            self.out.emit(tail)
        return super().on_marker(port, frame)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        if self._stream is not None and 0 < self._turn <= frame.turn:
            self._stream.reset()

    def on_end(self) -> Emitted:
        return self._tail()

    def _tail(self) -> list[AudioFrame]:
        assert self._stream is not None
        samples = self._stream.flush()
        if not len(samples):
            return []
        return [AudioFrame(samples, self.out.format.rate, time_ns=self._next_ns, turn=self._turn)]

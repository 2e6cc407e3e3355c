"""File in: a recording as a source.

Ports: ``audio`` out (the sound of the file, at the rate and with the channels that the graph settled on).

Example:
    file_in: {path: question.wav, tail_silence: 2s}
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ..audio import Pcm, ns_to_samples, samples_to_ns, silence
from ..pipeline.errors import TransportError
from ..pipeline.frames import AudioFrame
from ..pipeline.options import Doc, Duration, Hertz, Range
from ..pipeline.ports import FromOption, Out
from ..pipeline.processor import OptionFault, Processor
from ..pipeline.units import MS, SECOND, format_duration
from .decode import AudioFile

__all__ = ["FileIn"]

_TAIL_NS = 1_500 * MS
"""Silence by which whoever listens knows that it was the last word."""


class FileIn(Processor):
    """Play a recording into the graph, then end.

    At ``realtime`` a frame comes when its last sample would have been captured; ``fast`` waits for nothing but
    the boxes behind, and while a box that sends sound to a service is more than two seconds behind. Reads WAV and
    whatever FFmpeg knows, piece by piece; what is damaged is left out, and said in the log.

    Example:
        file_in: {path: question.wav, tail_silence: 2s}
    """

    kind = "source"

    audio: Out[AudioFrame] = Out(rate=FromOption("rate"), doc="the sound of the file")

    def __init__(
        self,
        *,
        path: Annotated[Path, Doc("the file to play")],
        rate: Annotated[
            Hertz | None, Doc("samples per second to convert to; open: what the graph wants")
        ] = None,
        pace: Annotated[
            Literal["realtime", "fast"], Doc("as fast as it was spoken, or as fast as the graph takes it")
        ] = "realtime",
        frame_duration: Annotated[Duration, Range(5 * MS, SECOND), Doc("length of one frame")] = 20 * MS,
        loop: Annotated[bool, Doc("begin again at the end, for ever")] = False,
        tail_silence: Annotated[Duration, Range(0, None), Doc("silence after the end")] = 0,
    ) -> None:
        self._path = path
        self._realtime = pace == "realtime"
        self._frame_ns = frame_duration
        self._loop = loop
        self._tail_ns = tail_silence
        self._file: AudioFile | None = None

    @classmethod
    def sound_stops(cls, options: Mapping[str, Any]) -> OptionFault | None:
        """A recording ends, often with its last word."""
        if options.get("loop") or options.get("tail_silence", 0) >= _TAIL_NS:
            return None
        return OptionFault(
            "tail_silence", "may end with its last word", f"add tail_silence: {format_duration(_TAIL_NS)}"
        )

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        """The file must be there."""
        path: Path | None = options.get("path")
        if path is None or path.is_file():
            return
        if path.exists():
            yield OptionFault("path", f"{path} is not a file")
        else:
            yield OptionFault("path", f"there is no file {path}", f"looked in {path.absolute().parent}")

    async def start(self) -> None:
        """Open the file, so that one which is no audio fails before anything plays."""
        audio = self.audio.format
        self._file = await asyncio.to_thread(AudioFile, self._path, audio.rate, audio.channels)

    async def stop(self) -> None:
        """Close it."""
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    async def run(self) -> None:
        """Send the frames, each at its time."""
        rate = self.audio.format.rate
        clock = self.call.clock
        origin_ns = clock.now_ns()
        sent = 0
        async for samples in self._frames(rate):
            frame = AudioFrame(time_ns=origin_ns + samples_to_ns(sent, rate), samples=samples, rate=rate)
            sent += len(samples)
            if self._realtime:
                await clock.sleep_until_ns(origin_ns + samples_to_ns(sent, rate))
            else:
                await asyncio.sleep(0)  # others have a turn, a cancellation too
                for backlog in self.call.backlogs:
                    if backlog.full:
                        await backlog.room()
            await self.audio.send(frame)
        self._tell_damage()

    def _tell_damage(self) -> None:
        if self._file is not None and (count := self._file.damaged):
            self.log.warning("%s: %s is damaged: %d packet(s) were left out", self.name, self._path, count)

    async def _frames(self, rate: int) -> AsyncIterator[Pcm]:
        """The sound cut into frames; where a frame is no whole number of samples, lengths vary by one."""
        held = silence(0, self.audio.format.channels)
        number = 0

        def size() -> int:
            start_ns = number * self._frame_ns
            return ns_to_samples(start_ns + self._frame_ns, rate) - ns_to_samples(start_ns, rate)

        async for piece in self._pieces(rate):
            held = np.concatenate((held, piece)) if len(held) else piece
            while len(held) >= size():
                cut = size()
                yield held[:cut]
                held = held[cut:]
                number += 1
        if len(held):
            yield held

    async def _pieces(self, rate: int) -> AsyncIterator[Pcm]:
        while True:
            assert self._file is not None
            heard = 0
            while len(piece := await asyncio.to_thread(self._file.read)):
                heard += len(piece)
                yield piece
            if not self._loop:
                break
            if not heard:
                raise TransportError(f"{self._path} is empty: there is nothing to repeat")
            await self._rewind()
        left = ns_to_samples(self._tail_ns, rate)
        while left > 0:
            count = min(left, rate)
            yield silence(count, self.audio.format.channels)
            left -= count

    async def _rewind(self) -> None:
        assert self._file is not None
        await asyncio.to_thread(self._file.close)
        self._file = await asyncio.to_thread(AudioFile, self._path, self._file.rate, self._file.channels)

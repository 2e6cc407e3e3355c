"""Background sound: a loop beneath the agent's voice, lowered while it speaks.

Ports: ``audio`` in and ``out``, the same frames. The loop is mixed in where the sound is played, so that it goes on
through pauses and interruptions and costs the voice no time; outputs that play in real time do so (``webrtc_out``, and
``file_out`` at ``pace: realtime``). What is played of the agent is counted without it.

Example:
    background_sound: {file: ./office.wav, gain: -24}
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from ..audio import Backing, Pcm
from ..pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Doc,
    Duration,
    In,
    OptionFault,
    Out,
    Processor,
    Range,
    StartError,
)
from .loop_file import LoopFile

__all__ = ["BackgroundSound"]


class BackgroundSound(Processor):
    """Play a loop beneath what the caller hears.

    Example:
        background_sound: {file: ./office.wav, gain: -24}
    """

    audio: In[AudioFrame] = In(doc="the agent's voice")
    out: Out[AudioFrame] = Out(like="audio", doc="the same, unchanged")

    def __init__(
        self,
        *,
        file: Annotated[
            Path, Doc("WAV file, played again and again as one channel; its end fades into its beginning")
        ],
        gain: Annotated[
            float, Range(-80, 0), Doc("how loud it is, in decibels below the file's own")
        ] = -20.0,
        duck_by: Annotated[
            float, Range(0, 60), Doc("by how many decibels it is lowered under speech")
        ] = 12.0,
        duck_hold: Annotated[
            Duration, Range(0, 10 * SECOND), Doc("how long it stays so after the voice has fallen silent")
        ] = 400 * MS,
    ) -> None:
        self._file = file
        self._gain, self._duck_by, self._hold_ns = gain, duck_by, duck_hold
        self._loop: LoopFile

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        file: Path | None = options.get("file")
        if file is not None and not file.expanduser().is_file():
            yield OptionFault("file", f"there is no file `{file.name}`", f"looked in {file.parent}")
        elif file is not None:
            try:
                LoopFile.of(file).read()
            except (OSError, ValueError) as error:
                yield OptionFault("file", f"`{file.name}` cannot be played again and again: {error}")

    @classmethod
    def shared_by_calls(cls, options: Mapping[str, Any]) -> AbstractAsyncContextManager[object]:
        """The file, which is read once for all calls."""
        return _held(options["file"])

    async def start(self) -> None:
        """Read the file, unless another call has, and have every output of this call play it."""
        self._loop = LoopFile.of(self._file)
        try:
            await asyncio.to_thread(self._loop.read)
        except (OSError, ValueError) as error:
            raise StartError(self.name, f"the file cannot be used: {error} (option file)") from error
        self.call.conversation.play_beneath(self)

    async def stop(self) -> None:
        if self.call.conversation.background is self:
            self.call.conversation.play_beneath(None)

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame

    def under(self, rate: int) -> "_Bed":
        """What mixes the loop under an output of this rate: one for each output."""
        bed = _Bed()
        self.spawn(self._prepare(bed, rate), name=f"background at {rate} Hz")
        return bed

    async def _prepare(self, bed: "_Bed", rate: int) -> None:
        """Minutes of sound take a while to be resampled, and no output waits for it."""
        loop = self._loop.known(rate)
        if loop is None:
            loop = await asyncio.to_thread(self._loop.at, rate)
        hold_s = self._hold_ns / SECOND
        bed.backing = Backing(loop, rate, gain_db=self._gain, duck_db=self._duck_by, hold_s=hold_s)


class _Bed:
    """Of one output: the sound alone, until there is a loop at its rate."""

    def __init__(self) -> None:
        self.backing: Backing | None = None

    def under(self, sound: Pcm) -> Pcm:
        """``sound`` with the next of the loop beneath it."""
        return sound if self.backing is None else self.backing.under(sound)


@asynccontextmanager
async def _held(file: Path) -> AsyncIterator[LoopFile]:
    yield LoopFile.of(file)

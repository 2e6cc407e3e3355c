"""Background sound: a loop beneath the agent's voice, lowered while it speaks.

Ports: ``audio`` in and ``out``, the same frames. The loop is mixed in where the sound is played, so that it goes on
through pauses and interruptions and costs the voice no time; outputs that play in real time do so (``webrtc_out``, and
``file_out`` at ``pace: realtime``). What is played of the agent is counted without it.

Example:
    background_sound: {file: ./office.wav, gain: -24}
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from ..audio import AudioError, Backing, Pcm, read_wav, to_mono
from ..audio.resample import Resampler
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

__all__ = ["BackgroundSound"]

_LONGEST_S = 600


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
        self._sound: tuple[Pcm, int] | None = None
        self._at_rate: dict[int, Pcm] = {}

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        file: Path | None = options.get("file")
        if file is not None and not file.expanduser().is_file():
            yield OptionFault("file", f"there is no file `{file.name}`", f"looked in {file.parent}")
        elif file is not None:
            try:
                Backing(*_read_loop(file))
            except (OSError, ValueError) as error:
                yield OptionFault("file", f"`{file.name}` cannot be played again and again: {error}")

    async def start(self) -> None:
        """Read the file, and have every output of this call play it."""
        try:
            self._sound = await asyncio.to_thread(_read_loop, self._file)
            self.under(self._sound[1])
        except (OSError, ValueError) as error:
            raise StartError(self.name, f"the file cannot be used: {error} (option file)") from error
        self.call.conversation.play_beneath(self)

    async def stop(self) -> None:
        if self.call.conversation.background is self:
            self.call.conversation.play_beneath(None)

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame

    def under(self, rate: int) -> Backing:
        """What mixes the loop under an output of this rate: one for each output."""
        assert self._sound is not None
        samples, own_rate = self._sound
        if rate not in self._at_rate:
            self._at_rate[rate] = samples if rate == own_rate else Resampler(own_rate, rate).process(samples)
        return Backing(
            self._at_rate[rate],
            rate,
            gain_db=self._gain,
            duck_db=self._duck_by,
            hold_s=self._hold_ns / SECOND,
        )


def _read_loop(file: Path) -> tuple[Pcm, int]:
    """The sound of a WAV file of any channels, as one, and its rate. Raises ``AudioError``."""
    samples, rate = read_wav(file.expanduser())
    if len(samples) > _LONGEST_S * rate:
        raise AudioError(f"it is longer than {_LONGEST_S // 60} minutes")
    return to_mono(samples), rate

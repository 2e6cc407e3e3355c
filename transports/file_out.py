"""File out: what a caller would have heard, as a file.

Ports: ``audio`` in (any rate, any channels).

Example:
    file_out: {path: answer.wav}
"""

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from ..audio import Pcm, ns_to_samples, silence
from ..pipeline.errors import TransportError
from ..pipeline.events import StateChanged
from ..pipeline.files import make_folders
from ..pipeline.frames import AudioFrame, Marker
from ..pipeline.graph.call_files import fixed_folder
from ..pipeline.options import CallFile, Doc, Hertz
from ..pipeline.ports import FromOption, In
from ..pipeline.processor import OptionFault, Processor
from ..pipeline.units import MS
from .encode import CODECS, AudioWriter, open_writer
from .speaker import Speaker

__all__ = ["FileOut"]

_TICK_NS = 20 * MS
# Between two frames of a source that keeps the same time, so that it never races with them.
_PHASE_NS = 10 * MS


class FileOut(Processor):
    """Write what arrives to a file.

    At ``realtime`` it is a loudspeaker that is being recorded: a sample stands in the file where it would have been
    heard, counted from the start of the call; gaps are silence, interruptions cut. ``fast`` writes what
    comes as it comes. The extension of ``path`` names the format: wav, flac, m4a, mp3, ogg, opus. Each call fills in
    ``{{call.id}}``, ``{{call.time}}``, ``{{call.date}}`` and ``{{inputs.name}}``; the file is there when it is over.

    Example:
        file_out: {path: answer.wav}
    """

    kind = "sink"
    paced = True
    emits = (StateChanged,)

    audio: In[AudioFrame] = In(rate=FromOption("rate"), doc="the sound to write")

    def __init__(
        self,
        *,
        path: Annotated[
            Path,
            CallFile(),
            Doc("the file to write; what is there is replaced when the call is over"),
        ],
        rate: Annotated[Hertz | None, Doc("samples per second; open: what arrives")] = None,
        pace: Annotated[
            Literal["realtime", "fast"], Doc("as it would be heard, or as fast as it comes")
        ] = "realtime",
        gaps: Annotated[Literal["keep", "drop"], Doc("whether silence between sounds is written")] = "keep",
    ) -> None:
        self._path = path
        self._realtime = pace == "realtime"
        self._gaps = gaps == "keep"
        self._ended = asyncio.Event()
        self._writer: AudioWriter | None = None
        self._speaker: Speaker | None = None
        self._beside: Path | None = None
        """Where it is written until the call is over."""

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        """The folder must be there, and the extension be one that can be written."""
        path: Path | None = options.get("path")
        if path is None:
            return
        if path.is_dir():
            yield OptionFault("path", f"{path} is a folder", "name a file in it")
        elif path.suffix.lower() not in CODECS:
            yield OptionFault(
                "path", f"{path.name} has no known extension", f"use one of {', '.join(CODECS)}"
            )
        elif not (folder := fixed_folder(path)).is_dir():
            yield OptionFault("path", f"there is no folder {folder}", "create it first")

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        """The file can be written."""
        path: Path = options["path"]
        try:
            # What a file system says of rights and what it does are not always the same.
            if path.exists():
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            tempfile.TemporaryFile(dir=fixed_folder(path)).close()
        except OSError as error:
            hint = "choose another file, or change its rights"
            yield OptionFault("path", f"{path} cannot be written: {error.strerror}", hint, code="LG603")

    async def start(self) -> None:
        """Create the file."""
        audio = self.audio.format
        path = self._path
        if path.is_file() or not path.exists():
            # Beside its place: calls do not write over each other, and a full disk leaves what is there.
            try:
                make_folders(path)
            except OSError as error:
                raise TransportError(f"cannot write {path}: {error.strerror}") from error
            self._beside = path = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
        self._writer = open_writer(path, audio.rate, audio.channels)
        if self._realtime:
            self._speaker = Speaker(self.call.conversation, audio.rate, audio.channels, heard=self._heard)

    async def stop(self) -> None:
        """Complete it, and put it in its place."""
        if self._writer is None:
            return
        self._writer.close()
        if self._beside is not None:
            try:
                self._beside.replace(self._path)
            except OSError as error:
                raise TransportError(f"cannot write {self._path}: {error.strerror}") from error

    async def on_audio(self, frame: AudioFrame) -> None:
        """Play, or write at once."""
        if self._speaker is not None:
            await self._speaker.play(frame)
        else:
            assert self._writer is not None
            self._writer.write(frame.samples)

    def on_marker(self, port: str, frame: Marker) -> None:
        """Turns end when their sound has."""
        if self._speaker is not None:
            self._speaker.mark(frame)

    def on_end(self) -> None:
        """What is queued is still played."""
        if self._speaker is not None:
            self._speaker.finish()
        self._ended.set()

    async def run(self) -> None:
        """Pull the sound at its pace, until the input has ended and all is played."""
        if self._speaker is None:
            await self._ended.wait()
        else:
            await self._play(self._speaker)

    def _heard(self, samples: Pcm) -> None:
        self.call.heard(samples, self.audio.format.rate, self.call.clock.now_ns())

    async def _play(self, speaker: Speaker) -> None:
        assert self._writer is not None
        clock, writer = self.call.clock, self._writer
        rate, channels = self.audio.format.rate, self.audio.format.channels
        origin_ns = clock.now_ns()
        written = ns_to_samples(_PHASE_NS, rate)
        if self._gaps:
            writer.write(silence(written, channels))
        tick_ns = _PHASE_NS
        while True:
            await clock.sleep_until_ns(origin_ns + tick_ns)
            tick_ns += _TICK_NS
            due = ns_to_samples(tick_ns, rate) - written
            written += due
            sound = speaker.take(due)
            writer.write(sound)
            if speaker.drained:
                return
            if self._gaps and len(sound) < due:
                writer.write(silence(due - len(sound), channels))

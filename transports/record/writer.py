"""Writes one record. Every method runs in the record's own thread, one after the other; none knows the event loop.

While the call lasts the files have ``.part`` in their names; they are complete as far as they go, whatever happens.
At the end they are renamed. A record never replaces another: what is there already makes it ``-2``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from ...audio import AudioError, Pcm, samples_to_ns
from ...pipeline.files import make_folders
from ...pipeline.units import SECOND
from .audio_files import SoundFile, create, open_sound
from .lines import Head, Json, to_json
from .timeline import RecordTimeline, Side

__all__ = ["Batch", "FinishedRecord", "RecordWriter"]

_PART = ".part"
_SIDES: tuple[Side, Side] = ("caller", "agent")


@dataclass(frozen=True, slots=True)
class FinishedRecord:
    """A record whose files are in their place."""

    call: str
    agent: str
    lines: Path
    """What happened, as JSON lines."""
    audio: tuple[Path, ...]
    """The sound: one file, or the caller's and the agent's."""
    duration_s: float
    complete: bool
    """Whether it reaches to the end of the call."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.audio, self.lines)


@dataclass(slots=True)
class Batch:
    """What happened since the batch before."""

    now_ns: int = 0
    sounds: list[tuple[Side, Pcm, int, int]] = field(default_factory=list)
    """Side, samples, rate, when the first is heard."""
    cuts: list[tuple[int, int]] = field(default_factory=list)
    """How many sounds came before a cut of the agent's, and from when on nothing is heard."""
    lines: list[Callable[[], Json | None]] = field(default_factory=list)
    """Made in the writer's thread."""


class RecordWriter:
    """One record: ``begin``, ``take`` as often as there is something, ``finish``.

    Args:
        path: where the sound is to be; the extension names its format.
        head: what is known at the start; the names of the files are put in.
        began_ns: when it begins, on the call's clock.
    """

    def __init__(
        self, path: Path, head: Head, began_ns: int, *, create: Callable[[Path], BinaryIO] = create
    ) -> None:
        self._path = path
        self._head = head
        self._timeline = RecordTimeline(head.rate, began_ns)
        self._create = create
        self._sounds: list[tuple[SoundFile, Path]] = []
        self._lines: BinaryIO | None = None
        self._stem = ""
        self._samples = 0

    def begin(self) -> None:
        """Make the files. Raises ``OSError``."""
        make_folders(self._path)
        for number in itertools.count(1):
            self._stem = self._path.stem if number == 1 else f"{self._path.stem}-{number}"
            if self._final(".jsonl").exists() or any(self._final(end).exists() for end in self._endings):
                continue
            try:
                self._lines = self._create(self._part(".jsonl"))
            except FileExistsError:
                continue
            break
        channels = 2 if len(self._endings) == 1 else 1
        for end in self._endings:
            part = self._part(end)
            self._sounds.append((open_sound(part, self._head.rate, channels, self._create), part))
        names = tuple(self._final(end).name for end in self._endings)
        self._write([replace(self._head, audio=names).line()])

    def take(self, batch: Batch) -> None:
        """Write what a batch makes due. Raises ``OSError``."""
        self._lay(batch)
        self._play(self._timeline.due(batch.now_ns))
        self._write(filter(None, (make() for make in batch.lines)))

    def finish(self, batch: Batch, last: Json) -> FinishedRecord:
        """Write the rest, and put the files in their place. Raises ``OSError``: ``give_up`` keeps what there is."""
        self._lay(batch)
        self._play(self._timeline.finish(batch.now_ns))
        lines: list[Json] = list(filter(None, (make() for make in batch.lines)))
        seconds = round(samples_to_ns(self._samples, self._head.rate) / SECOND, 3)
        late = {"late_s": round(self._timeline.late_ns / SECOND, 3)} if self._timeline.late_ns else {}
        self._write([*lines, {"time_s": seconds, "type": "end", **last, **late}])
        return self._close(complete=True)

    def give_up(self) -> FinishedRecord | None:
        """Keep what was written, when no more can be; ``None`` when that is nothing."""
        return self._close(complete=False) if self._lines is not None else None

    def discard(self) -> None:
        """Leave nothing on the disk. Raises ``OSError``."""
        parts = [part for _, part in self._sounds]
        if self._lines is not None:
            parts.append(self._part(".jsonl"))
        self._shut()
        for part in parts:
            part.unlink(missing_ok=True)

    # --------------------------------------------------------------------------------------------

    @property
    def _endings(self) -> tuple[str, ...]:
        suffix = self._path.suffix
        return (suffix,) if self._head.layout == "stereo" else tuple(f".{side}{suffix}" for side in _SIDES)

    def _final(self, end: str) -> Path:
        return self._path.with_name(self._stem + end)

    def _part(self, end: str) -> Path:
        return self._path.with_name(self._stem + _PART + end)

    def _lay(self, batch: Batch) -> None:
        cuts = iter([*batch.cuts, (len(batch.sounds) + 1, 0)])
        before, at_ns = next(cuts)
        for number, (side, samples, rate, heard_ns) in enumerate(batch.sounds):
            while before <= number:
                self._timeline.cut("agent", at_ns)
                before, at_ns = next(cuts)
            self._timeline.add(side, samples, rate, heard_ns)
        while before <= len(batch.sounds):
            self._timeline.cut("agent", at_ns)
            before, at_ns = next(cuts)

    def _play(self, block: Pcm) -> None:
        self._samples += len(block)
        for channel, (sound, _) in enumerate(self._sounds):
            try:
                sound.write(block if len(self._sounds) == 1 else block[:, channel].copy())
            except AudioError as error:
                # A WAV file that has reached its 4 GiB ends the record as a full disk does.
                raise OSError(str(error)) from error

    def _write(self, lines: Iterable[Json]) -> None:
        assert self._lines is not None
        left = memoryview(b"".join(to_json(line) for line in lines))
        while left:
            # Without a buffer a full disk takes a part, and says so at the next one.
            left = left[self._lines.write(left) :]

    def _shut(self) -> OSError | None:
        """Close the files, and say what did not go well with it."""
        fault: OSError | None = None
        for close in (
            *(sound.close for sound, _ in self._sounds),
            *([self._lines.close] if self._lines else []),
        ):
            try:
                close()
            except OSError as error:
                fault = error
        return fault

    def _close(self, *, complete: bool) -> FinishedRecord:
        fault = self._shut()
        parts: list[tuple[str, Path]] = [
            (end, part) for end, (_, part) in zip(self._endings, self._sounds, strict=False)
        ]
        moved: list[Path] = []
        for end, part in (*parts, (".jsonl", self._part(".jsonl"))):
            moved.append(part.replace(self._final(end)))
        self._lines = None
        return FinishedRecord(
            self._head.call,
            self._head.agent,
            moved[-1].absolute(),
            tuple(path.absolute() for path in moved[:-1]),
            samples_to_ns(self._samples, self._head.rate) / SECOND,
            complete and fault is None,
        )

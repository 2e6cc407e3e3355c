"""How long records are kept: by age, and by how much room they take together.

Only records are deleted, whole, and only those of the agent that asks: files whose first line says so. What else
lies in the folder is left alone, and nothing that a record names elsewhere is touched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...pipeline.graph.call_files import fixed_folder
from ...pipeline.graph.declarations import NodeSpec
from ...pipeline.units import SECOND

__all__ = ["Retention", "clear_out", "records_in", "retention_of"]

logger = logging.getLogger("livegraph.record")

_MOST_HEAD_BYTES = 1 << 20
_CRASHED_AFTER_S = 24 * 3600
"""A record that was not completed and that nobody has written to for so long belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the records of one agent are kept below one folder."""

    folder: Path
    agent: str
    keep_for_ns: int | None
    max_size: int | None

    def apply(self, unix_ns: int) -> list[Path]:
        """Delete what is not to be kept any more; returns what is gone."""
        return clear_out(
            self.folder, self.agent, unix_ns, keep_for_ns=self.keep_for_ns, max_size=self.max_size
        )


def retention_of(recorder: NodeSpec | None, agent: str) -> Retention | None:
    """What the node of a recorder, as it is written, says of its records; ``None`` when they are kept for ever."""
    options = recorder.options if recorder is not None else {}
    keep_for_ns, max_size, path = options.get("keep_for"), options.get("max_size"), options.get("path")
    if (keep_for_ns is None and max_size is None) or not isinstance(path, Path):
        return None
    return Retention(fixed_folder(path), agent, keep_for_ns, max_size)


@dataclass(frozen=True, slots=True)
class _Kept:
    """One record on the disk."""

    files: tuple[Path, ...]
    size: int
    written_s: float
    """When it was last written to, seconds since 1970."""
    partial: bool


def clear_out(
    folder: Path, agent: str, unix_ns: int, *, keep_for_ns: int | None = None, max_size: int | None = None
) -> list[Path]:
    """Delete records of ``agent`` below ``folder`` that are too old, then the oldest until the rest has room.

    Returns the files that are gone. What cannot be deleted is logged and stays.
    """
    now_s = unix_ns / SECOND
    records = sorted(records_in(folder, agent), key=lambda record: record.written_s)
    total = sum(record.size for record in records)
    gone: list[Path] = []
    for record in records:
        age_s = now_s - record.written_s
        old = keep_for_ns is not None and age_s > keep_for_ns / SECOND
        large = max_size is not None and total > max_size
        if not (old or large) or (record.partial and age_s < _CRASHED_AFTER_S):
            continue
        total -= record.size
        gone += _delete(record)
    return gone


def records_in(folder: Path, agent: str) -> Iterator[_Kept]:
    """The records of ``agent`` below ``folder``; links are not followed."""
    for lines in folder.rglob("*.jsonl"):
        try:
            audio = _audio_of(lines, agent)
            if audio is None:
                continue
            files = [path for path in (*audio, lines) if path.is_file() and not path.is_symlink()]
            stats = [path.stat() for path in files]
        except OSError:
            # Somebody else has deleted it meanwhile, or does not want it to be read.
            continue
        yield _Kept(
            tuple(files),
            sum(stat.st_size for stat in stats),
            max(stat.st_mtime for stat in stats),
            lines.stem.endswith(".part"),
        )


def _audio_of(lines: Path, agent: str) -> list[Path] | None:
    """The files with the sound of a record, ``None`` when it is none of this agent's."""
    if lines.is_symlink():
        return None
    with lines.open("rb") as file:
        first = file.readline(_MOST_HEAD_BYTES)
    try:
        head = msgspec.json.decode(first)
    except msgspec.DecodeError:
        return None
    if not isinstance(head, dict) or head.get("type") != "record" or head.get("agent") != agent:
        return None
    stem = lines.stem.removesuffix(".part")
    found = []
    for name in head.get("audio") or ():
        # Beside the lines and of their name: a head that names something else is not believed.
        if not isinstance(name, str) or Path(name).name != name or not name.startswith(f"{stem}."):
            continue
        end = name[len(stem) :]
        found.append(lines.with_name(lines.stem + end))
    return found


def _delete(record: _Kept) -> list[Path]:
    gone = []
    for path in record.files:
        try:
            path.unlink(missing_ok=True)
            gone.append(path)
        except OSError as error:
            logger.warning("%s should be deleted and cannot be: %s", path, error.strerror)
    return gone

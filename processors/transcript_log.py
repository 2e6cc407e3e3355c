"""Transcript log: writes down who said what.

Ports: ``transcript`` in. Each finished utterance is one line in the log, and one JSON object in ``path`` if given.

Example:
    transcript_log: {path: transcript.jsonl}
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TextIO

from ..pipeline import CallFile, Doc, In, Live, OptionFault, Processor, TranscriptFrame, TransportError
from ..pipeline.files import make_folders
from ..pipeline.graph.call_files import fixed_folder
from ..pipeline.processor import Emitted
from ..pipeline.units import SECOND

__all__ = ["TranscriptLog"]


class TranscriptLog(Processor):
    """Write finished utterances to the log and, as JSON Lines, to a file.

    Example:
        transcript_log: {path: transcript.jsonl}
    """

    kind = "sink"

    transcript: In[TranscriptFrame] = In(doc="what was said, by both sides")

    def __init__(
        self,
        *,
        path: Annotated[
            Path | None,
            CallFile(shared=True),
            Doc("JSON Lines file to append to: time_s, role, text, interrupted"),
        ] = None,
        log: Annotated[
            bool, Live(), Doc("whether utterances also go to the program's log, at level INFO")
        ] = True,
    ) -> None:
        self._path = None if path is None else path.expanduser()
        self._to_log = log
        self._file: TextIO | None = None

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        path: Path | None = options.get("path")
        if path is not None and not (folder := fixed_folder(path.expanduser())).is_dir():
            yield OptionFault("path", f"there is no folder `{folder}`", "make it first")

    async def start(self) -> None:
        if self._path is not None:
            try:
                # Not in a thread: a start that is cancelled meanwhile would leave the file open behind it.
                make_folders(self._path)
                self._file = _open(self._path)
            except OSError as error:
                raise TransportError(
                    f"cannot write the transcript to {self._path}: {error.strerror}"
                ) from error

    def on_tune(self, *, log: bool) -> None:
        self._to_log = log

    def on_transcript(self, frame: TranscriptFrame) -> Emitted:
        text = self.call.redacted(frame.text.strip())
        if not frame.final or not text:
            return None
        if self._to_log:
            cut = " (interrupted)" if frame.interrupted else ""
            self.log.info("%s: %s%s", frame.role, text, cut)
        if self._file is not None:
            line = {
                "time_s": round(frame.time_ns / SECOND, 3),
                "role": frame.role,
                "text": text,
                "interrupted": frame.interrupted,
            }
            # A line a turn: small enough for the loop, and on disk even if the program dies in the next second.
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        return None

    async def stop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _open(path: Path) -> TextIO:
    # What people said is for the owner of the file only.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")

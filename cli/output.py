"""Where a verb's result goes: stdout, at once or line by line, or the file that ``--out`` names; and how it is written.

Much of what is shown is somebody else's: words of callers and models, descriptions of services, names in files. None
of it may tell a terminal anything, or begin a line of its own.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..server.logs import UNSAFE
from .exits import Fault
from .streams import discard_output
from .terminal import paint

__all__ = ["LineOut", "json_text", "write_out"]


def json_text(value: Any, indent: int | None = None) -> str:
    """``value`` as JSON in which letters of every script are themselves, and what is no plain text is escaped."""

    def written(match: re.Match[str]) -> str:
        return match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}"

    # Outside of its texts JSON has nothing of the kind but the line ends of its layout.
    return UNSAFE.sub(written, json.dumps(value, indent=indent, ensure_ascii=False))


def write_out(text: str, out: Path | None) -> None:
    """Print ``text``, or write it to ``out`` (``-``: print it too) with a line end. ``Fault`` when that cannot be."""
    if out is None or str(out) == "-":
        print(text)
        return
    try:
        out.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise Fault(f"cannot write {out}: {error.strerror}") from None


class LineOut:
    """Stdout line by line, which may be a pipe whose other end goes away (``| head``), or a disk that is full: then
    ``lost`` is called, once, and nothing more is printed.

    ``before`` is called before each line, where something else stands on the terminal.
    """

    def __init__(self, lost: Callable[[], object], before: Callable[[], object] = lambda: None) -> None:
        self._lost = lost
        self._before = before
        self._error: OSError | None = None
        self.paint = paint(sys.stdout)
        """Colours for it."""

    def line(self, text: str) -> None:
        """Print one line, at once."""
        if self._error is not None:
            return
        try:
            self._before()
            print(text, flush=True)
        except OSError as error:
            self._error = error
            discard_output()
            self._lost()

    def check(self) -> None:
        """Raise ``Fault`` when stdout took no more, unless whoever read it only went away."""
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise Fault(f"the output cannot be written: {self._error.strerror}")

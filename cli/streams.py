"""Stdin, stdout and stderr, as whoever started the command left them: closed, full, of another encoding."""

from __future__ import annotations

import codecs
import os
import sys
from typing import TextIO

__all__ = ["discard_output", "prepare_streams"]

_ESCAPES = "livegraph.escapes"


def prepare_streams() -> None:
    """See to it that all three streams are there, and that no character fails on them.

    One that was closed (``2>&-``) would give its number to the next file that is opened, and what is said to it would
    be written there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is the one that is missing.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for as long as the process lives
    sys.stdout = _writable(1, sys.stdout)
    sys.stderr = _writable(2, sys.stderr)


def _writable(number: int, stream: TextIO | None) -> TextIO:
    if stream is None:
        return open(number, "w", encoding="utf-8", closefd=False)
    codecs.register_error(_ESCAPES, _escaped)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ESCAPES)
    return stream


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding does not have, as JSON writes it: results for programs stay JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end


def discard_output() -> None:
    """Nothing more goes to stdout, and what is still in its buffer does not fail once more when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

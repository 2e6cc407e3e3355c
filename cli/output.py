"""Where a verb's result goes: stdout, or the file that ``--out`` names."""

from __future__ import annotations

from pathlib import Path

from .exits import Fault

__all__ = ["write_out"]


def write_out(text: str, out: Path | None) -> None:
    """Print ``text``, or write it to ``out`` with a line end. ``Fault`` when that cannot be written."""
    if out is None:
        print(text)
        return
    try:
        out.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise Fault(f"cannot write {out}: {error.strerror}") from None

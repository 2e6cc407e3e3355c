"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["make_folders", "write_whole"]


def make_folders(path: Path) -> None:
    """Make the folders that ``path`` lies in, for their owner only. Raises ``OSError``."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write ``text`` beside ``path``, then put it in its place: a full disk or a crash leaves what was there.

    The file is its owner's only, unless ``mode`` says else. Raises ``OSError``.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        made.chmod(mode)
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise

"""Files that tests name."""

from __future__ import annotations

from pathlib import Path

from ..language.form_checks import Shape
from ..pipeline.convert import Steps
from ..pipeline.spelling import did_you_mean, sure

__all__ = ["found_file"]


def found_file(text: str, path: Steps, base_dir: Path, shape: Shape) -> Path | None:
    """The file ``text``, in ``base_dir`` when it is relative; ``None`` after a fault when it is not there."""
    file = base_dir / text
    try:
        if file.is_file():
            return file
        siblings = [entry.name for entry in file.parent.iterdir() if entry.is_file()]
    except (OSError, ValueError):  # no such folder, too long, a null byte
        siblings = []
    hint = did_you_mean(file.name, siblings) or f"looked in {file.parent}"
    fix = sure(file.name, siblings)
    shape.fault("LG511", f"there is no file `{text[:80]}`", path, hint, fix=fix if "/" not in text else None)
    return None

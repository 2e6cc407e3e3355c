"""Files that an agent file names: found beside it, inside its root, of bounded size.

Codes: LG140 cannot be read, LG141 outside of the root.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..pipeline import file_contents
from ..pipeline.spelling import did_you_mean
from .diagnostics import Span
from .source import Document, Marks, read_document

__all__ = ["FileFault", "IncludedText", "NamedFiles"]

MAX_TEXT_BYTES = 256 * 1024

_LONGEST_SHOWN = 80


class FileFault(Exception):
    """Why a file is not to be had: a code, one sentence, and what helps."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class IncludedText(str):
    """The text of a file: ``${`` means nothing in it."""

    __slots__ = ()


@dataclass(slots=True)
class NamedFiles:
    """Reads the files that documents name, each once, and remembers them."""

    seen: dict[Path, Document] = field(default_factory=dict)
    """Everything that was read, by its real path."""

    def find(self, written: str, by: Document) -> Path:
        """The file that ``by`` calls ``written``, symbolic links resolved. Raises ``FileFault``."""
        shown = written if len(written) <= _LONGEST_SHOWN else written[:_LONGEST_SHOWN] + "..."
        try:
            path = (by.folder / written).resolve()
            root = by.root.resolve()
            inside = path.is_relative_to(root)
            there = inside and file_contents.is_file(path)
            beside = _names(path.parent) if inside and not there else []
        except (OSError, RuntimeError, ValueError) as error:
            # Too long, a null byte, links that run in a circle.
            raise FileFault("LG140", f"`{shown}` does not name a file", _reason(error)) from None
        if not inside:
            hint = f"files are read from the folder of the agent file and below it: {root}"
            raise FileFault("LG141", f"`{shown}` leads outside of the agent's folder", hint)
        if not there:
            what = "is not a file" if path.exists() else "does not exist"
            hint = did_you_mean(path.name, beside) or f"looked for {path}"
            raise FileFault("LG140", f"`{shown}` {what}", hint)
        return path

    def text(self, written: str, by: Document) -> Document:
        """A text file as a document whose data is its text, without a line end at its end."""
        path = self.find(written, by)
        if path not in self.seen or not isinstance(self.seen[path].data, str):
            self.seen[path] = _read_text(path, _shown(written, by), by.root)
        return self.seen[path]

    def yaml(self, written: str, by: Document) -> Document:
        """A YAML file as a document; what is wrong with its text is in its ``faults``."""
        path = self.find(written, by)
        if path not in self.seen:
            self.seen[path] = read_document(path, _shown(written, by), root=by.root)
        return self.seen[path]


def _read_text(path: Path, file: str, root: Path) -> Document:
    try:
        raw = file_contents.read(path, MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise FileFault("LG140", f"`{file}` cannot be read: {_reason(error)}") from None
    if len(raw) > MAX_TEXT_BYTES:
        raise FileFault("LG140", f"`{file}` is larger than {MAX_TEXT_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        raise FileFault("LG140", f"`{file}` is not text: byte 0x{raw[error.start]:02x}", hint) from None
    if "\0" in text:
        raise FileFault("LG140", f"`{file}` is not text: it holds a null character")
    text = text.replace("\r\n", "\n")
    document = Document(file, folder=path.parent, root=root, path=path)
    document.lines = text.split("\n")
    text = text.removesuffix("\n")
    lines = text.split("\n")
    document.data = IncludedText(text)
    document.marks[()] = Marks(Span(1, 1, len(lines), len(lines[-1]) + 1))
    return document


def _shown(written: str, by: Document) -> str:
    """The file as messages call it: from where the one that names it is called."""
    return os.path.normpath(Path(by.file).parent / written)


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

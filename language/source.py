"""YAML text to plain data, with the place of every key and value.

The language is YAML 1.2: only ``true`` and ``false`` are booleans, times and dates are text, and so is a number
with a leading zero (see ``convert.scalars``). Tags that give a type are not part of it. A
document is one tree of at most 1 MiB, 50 levels and 100 000 values, aliases counted where they stand.

Codes: LG001 cannot be read, LG002 too large, LG003 not text, LG004 empty, LG005 not YAML, LG006 tab, LG007
quote not closed, LG008 duplicate key, LG009 too deep or too many, LG010 alias, LG011 tag, LG012 second
document, LG013 key is no text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..pipeline import file_contents
from ..pipeline.convert.leaves import Steps
from ..pipeline.errors import Problem
from ..pipeline.secrecy import starred
from ..yaml12 import Fault, FaultKind, YamlError, read_documents
from ..yaml12.characters import LINE_BREAK, lookalike
from .diagnostics import Diagnostic, Span
from .edits import pinpoint
from .plain_data import plain_data

__all__ = ["MAX_BYTES", "Document", "Marks", "parse_document", "read_document"]

MAX_BYTES = 1 << 20

_WHOLE = Span(1, 1, 1, 1)
_SHORT = 60
"""Characters of a name or a value in which each counts."""
_CODES: dict[FaultKind, str] = {
    "character": "LG003",
    "syntax": "LG005",
    "tab": "LG006",
    "quote": "LG007",
    "key twice": "LG008",
    "too much": "LG009",
    "alias": "LG010",
    "tag": "LG011",
    "document": "LG012",
    "key": "LG013",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a value stands, and its key when it has one."""

    value: Span
    key: Span | None = None
    collection: bool = False


@dataclass(slots=True, eq=False)
class Document:
    """A file that was read: its data, its marks by path, and what is wrong with its text."""

    file: str
    """What messages call it."""
    data: Any = None
    marks: dict[Steps, Marks] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    hidden: list[Span] = field(default_factory=list)
    """Spans that no excerpt shows."""
    folder: Path = field(default_factory=Path.cwd)
    """Where the files lie that it names."""
    root: Path = field(default_factory=Path.cwd)
    """The folder that includes must not leave."""
    path: Path | None = None
    """The file itself, when there is one."""
    editable: bool = True
    """Whether a fault in it can be mended where it stands: an argument of the command cannot."""

    @property
    def beginning(self) -> Span | None:
        """Where what it says begins; ``None`` when it says nothing."""
        root = self.marks.get(())
        return None if root is None else root.value

    def span_of(self, path: Steps, *, key: bool = False) -> Span:
        """The place of what ``path`` leads to, or of the nearest thing around it; mappings show their key."""
        while path not in self.marks:
            if not path:
                return _WHOLE
            path, key = path[:-1], True
        marks = self.marks[path]
        if marks.key is not None and (key or marks.collection):
            return marks.key
        if marks.collection and path == ():
            return Span(marks.value.line, marks.value.column, marks.value.line, marks.value.column + 1)
        return marks.value

    def locate(self, problem: Problem) -> Diagnostic:
        """``problem`` with its place."""
        span, key = (self.span_of(problem.path, key=key) for key in (problem.key, True))
        span, edit = pinpoint(self, problem, span, key, there=problem.path in self.marks)
        return replace(self.at(span, problem), edit=edit)

    def at(self, span: Span, problem: Problem) -> Diagnostic:
        """``problem`` at a known place."""
        return Diagnostic(self.file, span, self.named(span, problem), self.excerpt(span.line))

    def named(self, span: Span, problem: Problem) -> Problem:
        """``problem``, whose hint names a character there that is taken for another one."""
        found = lookalike(self._written(span)) if problem.code > "LG100" else None
        if found is None:
            return problem
        return replace(problem, hint=f"{found[1]}; {problem.hint}" if problem.hint else found[1])

    def _written(self, span: Span) -> str:
        """What stands there, when it is short and on one line: longer texts have odd characters with reason."""
        if span.line != span.end_line or not 1 <= span.line <= len(self.lines):
            return ""
        text = self.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        return text if len(text) <= _SHORT else ""

    def excerpt(self, line: int) -> str:
        """A line of it without secrets, empty when there is none."""
        if not 1 <= line <= len(self.lines):
            return ""
        text = self.lines[line - 1]
        for span in self.hidden:
            if span.line <= line <= span.end_line:
                start = span.column - 1 if span.line == line else 0
                end = span.end_column - 1 if span.end_line == line else len(text)
                text = text[:start] + "*" * (end - start) + text[end:]
        return starred(text)


def read_document(path: Path, file: str | None = None, *, root: Path | None = None) -> Document:
    """Read a file; whatever is wrong with it is in ``faults``. ``file`` is what messages call it.

    ``root`` is the folder that its includes must not leave, by default the one that it lies in.
    """
    folder = path.parent.absolute()
    document = Document(file or str(path), folder=folder, root=root or folder, path=path.absolute())
    try:
        raw = file_contents.read(path, MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        document.faults.append(
            Diagnostic(document.file, _WHOLE, Problem("LG001", f"cannot read the file: {reason}"))
        )
        return document
    return _parse(document, raw)


def parse_document(text: str | bytes, file: str = "<text>", *, folder: Path | None = None) -> Document:
    """Parse a text that might be a file in ``folder``; whatever is wrong with it is in ``faults``."""
    folder = folder or Path.cwd()
    document = Document(file, folder=folder, root=folder)
    return _parse(document, text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


def _parse(document: Document, raw: bytes) -> Document:
    if len(raw) > MAX_BYTES:
        problem = Problem(
            "LG002", "the file is larger than 1 MiB", hint="an agent file holds an agent, not its data"
        )
        document.faults.append(Diagnostic(document.file, _WHOLE, problem))
        return document
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        document.lines = LINE_BREAK.split(raw.decode("utf-8-sig", "replace"))
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        hint = "save it as UTF-8" + (", not UTF-16" if wide else "")
        problem = Problem("LG003", f"byte 0x{raw[error.start]:02x} is not UTF-8", hint=hint)
        document.faults.append(document.at(_position(before, len(before)), problem))
        return document
    document.lines = LINE_BREAK.split(text)
    faults: list[Fault] = []
    try:
        found = read_documents(text)
        if not found:
            problem = Problem("LG004", "the file is empty", hint="begin with `version: 1`")
            document.faults.append(document.at(_WHOLE, problem))
            return document
        faults += found[0].faults
        if len(found) > 1:
            hint = "remove the line `---`, or write two files"
            faults.append(Fault("document", "a second document begins here", found[1].start, hint))
        document.data = plain_data(found[0].root, document.marks, Marks, faults)
    except YamlError as error:
        document.data = None
        faults.append(error.fault)
    for fault in faults:
        problem = Problem(_CODES[fault.kind], fault.message, hint=fault.hint)
        document.faults.append(replace(document.at(fault.span, problem), edit=fault.edit))
    return document


def _position(text: str, index: int) -> Span:
    breaks = list(LINE_BREAK.finditer(text, 0, index))
    start = breaks[-1].end() if breaks else 0
    line, column = len(breaks) + 1, index - start + 1
    return Span(line, column, line, column + 1)

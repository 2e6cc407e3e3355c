"""A place in a text that moves on: over white space and comments, to the next thing that means something."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NoReturn

from .characters import structural_lookalike
from .places import Edit, Fault, FaultKind, Span, YamlError
from .tree import Node

__all__ = ["Cursor"]

_REST = re.compile(r"[ \t]*(?:(?<![^ \t\n])#[^\n]*)?")
_LINES = re.compile(r"(?:\n[ \t]*(?:#[^\n]*)?)+")
_SPACES = re.compile(r" *")
_MARKER = re.compile(r"(?:---|\.\.\.)(?=[ \t\n]|\Z)")


class Cursor:
    """Where the parser stands in ``text``, whose only line breaks are ``\\n``."""

    def __init__(self, text: str, max_depth: int, max_nodes: int) -> None:
        self.text = text
        self.end = len(text)
        self.pos = 0
        self.bol = 0
        """Where the line begins."""
        self.tab = -1
        """The first tab between the last thing on this line, or its beginning, and here; -1 for none."""
        self.fresh = True
        """Whether nothing stands before this place on its line."""
        self.closed = False
        """Whether the value inside of brackets that was read last ends with its own quote or bracket."""
        self.max_depth = max_depth
        self.max_nodes = max_nodes
        self.nodes = 0
        self.faults: list[Fault] = []
        self.shallow: list[Fault] = []
        """Lines inside of brackets that begin too far left: told when nothing else explains them."""
        self.anchors: dict[str, Node] = {}
        self.open: set[str] = set()
        self.handles: dict[str, str] = {}
        self.quoted: list[tuple[int, int]] | None = None
        """Where quotes stand, kept only when characters were seen that are right nowhere else."""
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def skip(self) -> bool:
        """Go over white space, comments and empty lines; whether that led to another line."""
        text = self.text
        match = _REST.match(text, self.pos)
        assert match is not None
        stop = match.end()
        if stop < self.end and text[stop] == "\n":
            match = _LINES.match(text, stop)
            assert match is not None
            stop = match.end()
            self.bol = text.rfind("\n", 0, stop) + 1
            self.tab = text.find("\t", self.bol, stop)
            self.pos = stop
            self.fresh = True
            return True
        self.tab = text.find("\t", self.pos, stop)
        self.fresh = self.fresh and self.pos == self.bol
        self.pos = stop
        return False

    def at_end(self) -> bool:
        """Whether the document ends here: with the text, or at ``---`` or ``...``."""
        return self.pos >= self.end or (self.pos == self.bol and self.marker(self.pos))

    def marker(self, index: int) -> bool:
        """Whether ``---`` or ``...`` stands at the beginning of a line."""
        return self.text[index : index + 1] in ("-", ".") and _MARKER.match(self.text, index) is not None

    def blank_after(self, index: int) -> bool:
        """Whether white space, a line's end or nothing follows."""
        return self.text[index : index + 1] in ("", " ", "\t", "\n")

    @property
    def column(self) -> int:
        """Characters before this place on its line."""
        return self.pos - self.bol

    def indent_of(self, bol: int) -> int:
        """Spaces at the beginning of a line."""
        match = _SPACES.match(self.text, bol)
        assert match is not None
        return match.end() - bol

    def line_of(self, index: int) -> int:
        """The line, from 1, that a character stands in."""
        return bisect_right(self._starts, index)

    def span(self, start: int, end: int) -> Span:
        """The place of a stretch of the text, at least one character wide."""
        starts = self._starts
        line = bisect_right(starts, start)
        column = start - starts[line - 1] + 1
        if end <= start:
            return Span(line, column, line, column + 1)
        if line < len(starts) and end > starts[line]:
            end_line = bisect_right(starts, end)
            return Span(line, column, end_line, end - starts[end_line - 1] + 1)
        return Span(line, column, line, column + end - start)

    def stretch(self, start: int, end: int) -> Span:
        """The place of a stretch within one line, which may be empty."""
        at = self.span(start, start)
        return Span(at.line, at.column, at.line, at.column + end - start)

    def insertion(self, index: int, text: str) -> Edit:
        """A change that puts ``text`` in before a character."""
        return Edit(self.stretch(index, index), text)

    def note(self, kind: FaultKind, message: str, start: int, end: int = -1, hint: str = "") -> None:
        """A fault that leaves the document readable."""
        self.faults.append(Fault(kind, message, self.span(start, end), hint))

    def fail(
        self,
        message: str,
        start: int,
        end: int = -1,
        hint: str = "",
        *,
        kind: FaultKind = "syntax",
        edit: Edit | None = None,
    ) -> NoReturn:
        """A fault after which nothing can be read."""
        if kind == "syntax" and edit is None:
            bol = self.text.rfind("\n", 0, start) + 1
            eol = self.text.find("\n", start)
            hint = structural_lookalike(self.text[bol : eol if eol >= 0 else self.end]) or hint
        raise YamlError(Fault(kind, message, self.span(start, end), hint, edit))

    def count(self, depth: int, start: int, end: int) -> None:
        """Count a node, which is at fault when it is too deep or one too many."""
        self.nodes += 1
        if depth > self.max_depth:
            self.fail(f"nested deeper than {self.max_depth} levels", start, end, kind="too much")
        if self.nodes > self.max_nodes:
            self.fail(f"more than {self.max_nodes} values", start, end, kind="too much")

"""Where in a text a problem stands, to the character, and the change of the text that mends it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from ..pipeline.errors import Fix, Problem
from ..yaml12.characters import LINE_BREAK
from .diagnostics import Edit, Span

__all__ = ["Text", "apply", "pinpoint"]

_INDICATORS = set(",[]{}#&*!|>'\"%@`")


class Text(Protocol):
    """What is asked of the text that a problem stands in: a document is one."""

    @property
    def lines(self) -> Sequence[str]: ...
    @property
    def editable(self) -> bool: ...
    @property
    def beginning(self) -> Span | None: ...


def pinpoint(
    document: Text, problem: Problem, span: Span, key: Span, *, there: bool
) -> tuple[Span, Edit | None]:
    """The piece of ``span`` that is at fault, and the change that mends it.

    ``key`` is where the key stands. ``there`` says that the document has what the path of the problem leads to.
    """
    if problem.part:
        exact = _part(document, problem.part, (span, key))
        if exact is None:
            return span, None
        span = exact
    if problem.fix is None or not document.editable:
        return span, None
    if problem.fix.how == "begin":
        return span, _begin(document, problem.fix)
    # A place that the document does not have is shown by what is around it, which is not at fault itself.
    if not there or span.line != span.end_line:
        return span, None
    written = document.lines[span.line - 1][span.column - 1 : span.end_column - 1]
    return span, Edit(span, _mended(written, problem.fix)) if written else None


def apply(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with the changes made; of two that overlap, the first one in the text counts."""
    starts = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
    parts: list[str] = []
    done = 0
    for edit in sorted(set(edits), key=lambda edit: (edit.span, edit.text)):
        start = _offset(starts, edit.span.line, edit.span.column)
        end = _offset(starts, edit.span.end_line, edit.span.end_column)
        if start < done or end > len(text):
            continue
        parts += [text[done:start], edit.text]
        done = end
    return "".join([*parts, text[done:]])


def _offset(starts: Sequence[int], line: int, column: int) -> int:
    return starts[line - 1] + column - 1


def _part(document: Text, part: str, places: Iterable[Span]) -> Span | None:
    """Where ``part`` stands in the first place that holds it once; ``None`` where it is not clear."""
    for place in places:
        found: list[Span] = []
        for line in range(max(1, place.line), min(place.end_line, len(document.lines)) + 1):
            text = document.lines[line - 1]
            first = place.column - 1 if line == place.line else 0
            last = place.end_column - 1 if line == place.end_line else len(text)
            found += [
                Span(line, match.start() + 1, line, match.end() + 1)
                for match in re.finditer(re.escape(part), text)
                if first <= match.start() and match.end() <= last and _whole(text, match.start(), match.end())
            ]
        if len(found) == 1:
            return found[0]
    return None


def _whole(text: str, start: int, end: int) -> bool:
    """Whether a match is a name of its own: `live` in `live.out`, and not in `livery`."""
    before, after = text[start - 1 : start], text[end : end + 1]
    name = re.compile(r"[A-Za-z0-9_]")
    return not (name.match(before) and name.match(text[start])) and not name.match(after)


def _mended(written: str, fix: Fix) -> str:
    if fix.how == "quote":
        return json.dumps(written, ensure_ascii=False)
    if fix.how == "list":
        quoted = written[0] in "'\""
        clear = quoted or not _INDICATORS & set(written)
        return f"[{written if clear else json.dumps(written, ensure_ascii=False)}]"
    return fix.text


def _begin(document: Text, fix: Fix) -> Edit | None:
    """Before the first line that says something: what stands above it (a comment, `---`) stays above."""
    root = document.beginning
    if root is None or root.column > 1 or document.lines[root.line - 1].startswith("{"):
        return None
    return Edit(Span(root.line, 1, root.line, 1), f"{fix.text}\n")

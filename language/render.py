"""Diagnostics as text for people, in the manner of rustc, and as plain data for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from .diagnostics import Diagnostic, Edit

__all__ = ["Paint", "Role", "render", "render_one", "summary", "to_data"]

Role = Literal["place", "error", "warning", "code", "message", "gutter", "caret", "hint"]
Paint = Callable[[Role, str], str]
"""Gives a piece of the text its colour by its role."""

_WIDEST = 160
"""Longer lines are shown around the fault only."""


def render(diagnostics: Iterable[Diagnostic], *, paint: Paint | None = None) -> str:
    """All diagnostics with an empty line between them, and no line end after the last."""
    return "\n\n".join(render_one(diagnostic, paint=paint) for diagnostic in diagnostics)


def render_one(diagnostic: Diagnostic, *, paint: Paint | None = None) -> str:
    """One diagnostic::

    agent.yaml:7:5: error LG201: unknown option `treshold` for `vad_gate`
      |
    7 |     treshold: 0.6
      |     ^^^^^^^^
      = did you mean `threshold`? options: threshold, pre_roll
    """
    colour = paint or _plain
    problem, span = diagnostic.problem, diagnostic.span
    place = colour("place", f"{_safe(diagnostic.file)}:{span.line}:{span.column}:")
    severity: Role = "warning" if problem.warning else "error"
    lines = [
        f"{place} {colour(severity, severity)} {colour('code', problem.code)}: "
        + colour("message", _safe(problem.message))
    ]
    number = str(span.line)
    margin = " " * len(number)
    if diagnostic.excerpt.strip():
        shown, indent, carets = _excerpt(diagnostic)
        lines.append(colour("gutter", f"{margin} |"))
        lines.append(f"{colour('gutter', f'{number} |')} {shown}")
        lines.append(f"{colour('gutter', f'{margin} |')} {indent}{colour(severity, carets)}")
    else:
        margin = " "
    if problem.hint:
        lines.append(f"{colour('gutter', f'{margin} =')} {colour('hint', _safe(problem.hint))}")
    for other in diagnostic.related:
        where = f"{_safe(other.file)}:{other.span.line}:{other.span.column}:"
        lines.append(f"{colour('gutter', f'{margin} >')} {colour('place', where)} {_safe(other.message)}")
    return "\n".join(lines)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning``; ``no problems`` when there are none."""
    counts = []
    for severity in ("error", "warning"):
        number = sum(diagnostic.severity == severity for diagnostic in diagnostics)
        if number:
            counts.append(f"{number} {severity}" + ("s" if number > 1 else ""))
    return ", ".join(counts) or "no problems"


def to_data(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """One JSON object for each diagnostic."""
    return [
        {
            "file": diagnostic.file,
            "line": diagnostic.span.line,
            "column": diagnostic.span.column,
            "end_line": diagnostic.span.end_line,
            "end_column": diagnostic.span.end_column,
            "severity": diagnostic.severity,
            "code": diagnostic.problem.code,
            "message": _safe(diagnostic.problem.message),
            "hint": _safe(diagnostic.problem.hint),
            "path": list(diagnostic.problem.path),
            "fix": None if diagnostic.edit is None else _edit_data(diagnostic.edit),
            "related": [
                {
                    "file": other.file,
                    "line": other.span.line,
                    "column": other.span.column,
                    "message": _safe(other.message),
                }
                for other in diagnostic.related
            ],
        }
        for diagnostic in diagnostics
    ]


def _edit_data(edit: Edit) -> dict[str, Any]:
    span = edit.span
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "text": edit.text,
    }


def _plain(_: Role, text: str) -> str:
    return text


def _excerpt(diagnostic: Diagnostic) -> tuple[str, str, str]:
    """The line, what stands before the carets, and the carets."""
    line, span = diagnostic.excerpt, diagnostic.span
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    first = max(0, start - _WIDEST // 2) if len(line) > _WIDEST else 0
    last = min(len(line), first + _WIDEST)
    shown, before, marked = line[first:last], line[first:start], line[start : max(min(end, last), start + 1)]
    indent = "".join("\t" if character == "\t" else " " * _width(character) for character in before)
    carets = "^" * max(1, sum(_width(character) for character in marked))
    return _safe(shown, keep="\t"), indent, carets


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _safe(text: str, keep: str = "") -> str:
    """Text for a terminal: no control characters, one line."""
    return "".join(
        character if character.isprintable() or character in keep else ("" if _width(character) == 0 else " ")
        for character in text
    )

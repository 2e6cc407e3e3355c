"""What ``livegraph check`` prints: text for people, JSON for programs, annotations for GitHub."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..server.logs import escaped
from .output import json_text
from .terminal import paint

if TYPE_CHECKING:
    from ..language import Diagnostic
    from .examining import Checked

__all__ = ["print_github", "print_json", "print_text"]

_FEW = 3
"""So many codes are named."""


def print_text(reports: Sequence[Checked]) -> None:
    """Every fault with its excerpt, file by file; then what helps with them, and how many there are."""
    from ..language.render import render, summary

    colour = paint(sys.stdout)
    for report in reports:
        place = colour("place", f"{escaped(report.file)}:")
        if report.fixed:
            print(f"{place} {colour('good', 'fixed')} {_fixed(report.fixed)}")
        if report.found:
            print(render(report.found, paint=colour), end="\n\n")
        for note in report.notes:
            print(f"{place} {colour('dim', f'note: {note}')}")
        if not report.found:
            print(f"{place} {colour('good', 'no problems')}")
    found = [diagnostic for report in reports for diagnostic in report.found]
    if found:
        codes = list(dict.fromkeys(one.problem.code for one in found))
        shown = ", ".join(codes[:_FEW]) + (f" and {len(codes) - _FEW} more" if len(codes) > _FEW else "")
        example = codes[0] if len(codes) == 1 else "CODE"
        of = "" if len(codes) == 1 else f" explains {shown}"
        print(f"{colour('hint', 'help:')} livegraph check --explain {example}{of}")
    offered = sum(one.edit is not None for one in found)
    if found or len(reports) > 1:
        print(
            summary(found)
            + (f" in {len(reports)} files" if len(reports) > 1 else "")
            + (f"; --fix mends {offered}" if offered else "")
        )


def print_json(reports: Sequence[Checked], *, ok: bool) -> None:
    """One object: ``files`` and ``diagnostics``, each with the change that mends it or null."""
    from ..language.codes import page_name
    from ..language.render import to_data

    data = {
        "ok": ok,
        "files": [
            {"file": one.file, "ok": not one.errors, "notes": list(one.notes), "fixed": len(one.fixed)}
            for one in reports
        ],
        "diagnostics": [
            {
                **item,
                "explain": f"livegraph check --explain {item['code']}",
                "page": page_name(item["code"]),
            }
            for one in reports
            for item in to_data(one.found)
        ],
    }
    print(json_text(data, indent=2))


def print_github(reports: Sequence[Checked]) -> None:
    """Workflow commands, which GitHub shows beside the lines of a change."""
    for report in reports:
        for found in report.found:
            span, problem = found.span, found.problem
            fields = {
                "file": found.file,
                "line": span.line,
                "endLine": span.end_line,
                "col": span.column,
                "endColumn": span.end_column,
                "title": problem.code,
            }
            # Columns mean something to it only within one line.
            if span.line != span.end_line:
                del fields["col"], fields["endColumn"]
            given = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in fields.items())
            text = problem.message + (f"\n{problem.hint}" if problem.hint else "")
            print(f"::{found.severity} {given}::{_escaped(text)}")


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _fixed(fixed: Iterable[Diagnostic]) -> str:
    named = [f"{one.problem.code} in line {one.span.line}" for one in fixed]
    return ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")

"""``livegraph check``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import Exit, Fault
from .terminal import Debug, Terminal, paint

if TYPE_CHECKING:
    from ..pipeline.config.load import Report

__all__ = ["check"]


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"


def check(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Agent files, or names of shipped agents.")
    ],
    format: Annotated[
        Format, typer.Option("--format", help="Text for people, JSON for programs.")
    ] = Format.TEXT,
    debug: Debug = False,
) -> None:
    """Check agent files and report every fault, with its place and what helps.

    Nothing is started; modules that a file names are imported. Exit code 0 when no file has an error
    (warnings are no errors), 1 when one has.
    """
    Terminal(debug=debug)
    from ..pipeline.config.load import check_file

    reports = [_with_brain(check_file(_path(written))) for written in files]
    if format is Format.JSON:
        _print_json(reports)
    else:
        _print_text(reports)
    if any(report.errors for report in reports):
        raise typer.Exit(Exit.FAILED)


def _path(written: str) -> str:
    """A file as it was written, so that its faults can be jumped to; a shipped agent's file for its name.

    A file that cannot be read is a fault of the report, like any other: the rest is checked nevertheless.
    """
    from .agents import find_agent

    try:
        return written if written.endswith((".yaml", ".yml")) else str(find_agent(written))
    except Fault:
        return written


def _with_brain(report: Report) -> Report:
    """The report with the faults of the simulator's script, which is a file of its own."""
    from .brains import brain_faults

    faults = [] if report.agent is None else brain_faults(report.agent)
    return replace(report, diagnostics=(*report.diagnostics, *faults)) if faults else report


def _print_json(reports: list[Report]) -> None:
    from ..pipeline.config.render import to_data

    data = {
        "ok": not any(report.errors for report in reports),
        "files": [
            {"file": report.file, "ok": not report.errors, "notes": list(report.notes)} for report in reports
        ],
        "diagnostics": [item for report in reports for item in to_data(report.diagnostics)],
    }
    print(json.dumps(data, indent=2, ensure_ascii=False))


def _print_text(reports: list[Report]) -> None:
    from ..pipeline.config.render import render, summary

    colour = paint(sys.stdout)
    for report in reports:
        if report.diagnostics:
            print(render(report.diagnostics, paint=colour), end="\n\n")
        for note in report.notes:
            print(f"{colour('place', f'{report.file}:')} {colour('dim', f'note: {note}')}")
        if not report.diagnostics:
            print(f"{colour('place', f'{report.file}:')} {colour('good', 'no problems')}")
    found = [diagnostic for report in reports for diagnostic in report.diagnostics]
    if found or len(reports) > 1:
        print(summary(found) + (f" in {len(reports)} files" if len(reports) > 1 else ""))

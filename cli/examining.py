"""One file examined for ``livegraph check``: by its text, then by what it names, then by this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..pipeline.errors import NotFoundError

if TYPE_CHECKING:
    from ..language import Diagnostic, Layers, Report

__all__ = ["Checked", "examine"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about one file."""

    file: str
    found: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    fixed: tuple[Diagnostic, ...] = field(default=())
    """What was mended before it was checked."""
    unread: bool = False
    """Whether there is no such file."""

    @property
    def errors(self) -> int:
        return sum(one.severity == "error" for one in self.found)


def examine(
    written: str, *, fix: bool = False, surroundings: bool = False, layers: Layers | None = None
) -> Checked:
    """Check the file or shipped agent that ``written`` means.

    A file that cannot be read is a fault like any other, so that the rest is checked nevertheless. Raises ``OSError``
    when a mended file cannot be written.
    """
    from ..language.finding import find_agent
    from ..language.load import check_file

    try:
        path = find_agent(written)
    except NotFoundError as fault:
        return Checked(written, (_unread(written, fault),), unread=True)
    fixed = _fix(path) if fix else ()
    if path.stem.endswith("_test"):
        from ..testing.suites import read_suite

        suite = read_suite(path)
        return Checked(written, suite.diagnostics, (), fixed)
    if kind := _script_kind(path):
        from ..testing.brains import script_file_faults

        return Checked(written, tuple(script_file_faults(path, kind)), (f"a {kind} of the simulator",), fixed)
    # As it was written, so that an editor can jump to what is told.
    report = check_file(written if path == Path(written) else path, layers=layers)
    found = [*report.diagnostics, *_named(report), *_tests(report)]
    if surroundings:
        found += _missing_here(report)
    return Checked(report.file, tuple(found), report.notes, fixed)


def _script_kind(path: Path) -> Literal["brain", "scenario"] | None:
    """Whether the file is one of the simulator's scripts, which are checked as what they are."""
    from ..language.kinds import kind_of
    from ..language.source import read_document

    kind = kind_of(str(path), read_document(path).data)
    return None if kind == "tests" else kind


def _fix(path: Path) -> tuple[Diagnostic, ...]:
    from ..language.fixing import mend, write
    from ..language.load import check_text

    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:  # the check will say where
        return ()
    folder = path.parent.absolute()
    name = str(path)
    mended = mend(text, name, lambda tried: check_text(tried, base_dir=folder, file=name).diagnostics)
    if mended.text != text:
        write(path, mended.text)
    return mended.fixed


def _unread(written: str, fault: NotFoundError) -> Diagnostic:
    from ..language import Diagnostic, Span
    from ..pipeline.errors import Problem

    return Diagnostic(written, Span(1, 1, 1, 1), Problem("LG001", str(fault), hint=fault.remedy))


def _named(report: Report) -> list[Diagnostic]:
    """The faults of the simulator's scripts, which are files of their own."""
    from ..testing.brains import brain_faults

    return [fault for simulator in report.simulators for fault in brain_faults(simulator)]


def _tests(report: Report) -> list[Diagnostic]:
    """The faults of the tests in the file; their machinery loads only where there are any."""
    if not any(isinstance(one.tree.data, dict) and "tests" in one.tree.data for one in report.resolved):
        return []
    from ..testing.suites import tests_of

    return tests_of(report)[1]


def _missing_here(report: Report) -> list[Diagnostic]:
    from ..pipeline.graph.environment import check_surroundings

    return [
        one.locate(problem)
        for one in report.resolved
        for problem in check_surroundings(one.agent.graph, os.environ)
    ]

"""``livegraph test``."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import Exit, Fault, told
from ..output import json_text
from ..terminal import Debug, Terminal, paint

if TYPE_CHECKING:
    from ...testing.result import Result
    from ...testing.runner import Runner
    from ...testing.suites import Suite

__all__ = ["test"]


class Format(StrEnum):
    """How the results are written."""

    TEXT = "text"
    JSON = "json"


def test(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Files with tests, agents whose tests stand in or beside their file, folders.",
        ),
    ],
    only: Annotated[
        str, typer.Option("-k", metavar="NAME", help="Run only tests with this in their name.")
    ] = "",
    format: Annotated[
        Format, typer.Option("--format", help="Text for people, JSON for programs.")
    ] = Format.TEXT,
    xml: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML, for CI.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="FOLDER", help="Write what each test says to its model as JSON Lines."
        ),
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Do not fail for tests that need what is not installed here."),
    ] = False,
    limit: Annotated[
        float, typer.Option("--limit", min=1, help="Seconds of real time after which a test is given up.")
    ] = 120.0,
    debug: Debug = False,
) -> None:
    """Run the tests of agents: no key, no network, no waiting.

    Each test makes one call on virtual time, with a caller that the test speaks for and the local simulator in the
    place of the model. Exit code 0 when all passed, 1 when one did not or could not be run for want of something that
    is not installed, 78 when a file has faults.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        code = _test(files, only, format, xml, record, limit, terminal, allow_missing=allow_missing)
    if code:
        raise typer.Exit(code)


def _test(
    files: list[str],
    only: str,
    format: Format,
    xml: Path | None,
    record: Path | None,
    limit: float,
    terminal: Terminal,
    *,
    allow_missing: bool,
) -> int:
    from ...testing import report
    from ...testing.runner import Runner

    suites = _suites(files, terminal)
    chosen = [
        (suite, group, case)
        for suite in suites
        for group in suite.groups
        for case in group.cases
        if only.lower() in case.name.lower()
    ]
    faulty = any(suite.errors for suite in suites)
    if only and not chosen and not faulty:
        raise Fault(f"no test has `{only}` in its name", _names(suites), Exit.USAGE)
    for folder in (record, None if xml is None else xml.parent):
        if folder is not None and not folder.is_dir():
            raise Fault(f"there is no folder {folder}", "create it first", Exit.USAGE)
    runner = Runner(record=record, longest_s=limit)
    colour = paint(sys.stdout)
    began_s = time.monotonic()
    results: list[Result] = []
    for number, (suite, group, case) in enumerate(chosen):
        if format is Format.TEXT and (not number or chosen[number - 1][0] is not suite):
            print(colour("place", suite.file), flush=True)
        with terminal.progress(_going(case.name, number, len(chosen), time.monotonic() - began_s)):
            results.append(runner.run(group, case))
        if format is Format.TEXT:
            print(report.to_text(results[-1], colour), flush=True)
    took_s = time.monotonic() - began_s
    lacking = [result for result in results if result.missing]
    failed = any(result.outcome in ("failed", "error") for result in results)
    ok = not failed and (allow_missing or not lacking)
    if format is Format.JSON:
        data = report.to_data(results, took_s)
        print(json_text({**data, "ok": ok and not faulty}, indent=2))
    elif chosen:
        print(("\n" if len(results) > 1 else "") + report.summary(results, took_s))
    if xml is not None:
        xml.write_text(report.junit(results, took_s), "utf-8")
    if lacking:
        reasons = "; ".join(dict.fromkeys(result.message for result in lacking))
        terminal.warn(f"{len(lacking)} of {len(results)} tests could not be run: {reasons}")
    code = Exit.CONFIG if faulty else Exit.OK if ok else Exit.FAILED
    _leave(runner, code)
    return code


def _going(name: str, done: int, total: int, took_s: float) -> str:
    """What is shown while a test runs: which, how many there are, and how long the rest takes at this pace."""
    left = f", about {took_s / done * (total - done):.0f} s left" if done else ""
    return f"{name} ({done + 1} of {total}{left})" if total > 1 else name


def _suites(files: list[str], terminal: Terminal) -> list[Suite]:
    """All files with tests, each once; what is wrong with them is told."""
    from ...language import render
    from ...testing.suites import find_suites, read_suite

    paths = dict.fromkeys(path for written in files for path in find_suites(written))
    suites = [read_suite(path) for path in paths]
    for suite in suites:
        if suite.diagnostics:
            tell = terminal.fail if suite.errors else terminal.report
            tell(render(suite.diagnostics, paint=terminal.paint) + "\n")
    return suites


def _names(suites: list[Suite]) -> str:
    names = [case.name for suite in suites for group in suite.groups for case in group.cases]
    return f"there is: {'; '.join(names[:10])}" + ("; ..." if len(names) > 10 else "")


def _leave(runner: Runner, code: int) -> None:
    """End the process now if a test left a thread behind, for which Python would wait at its end."""
    if runner.abandoned:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

"""``livegraph check``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..completion import agent_names
from ..composing import Chosen, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, told
from ..terminal import Debug, Terminal

__all__ = ["check"]


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            autocompletion=agent_names,
            show_default=False,
            help="Agent files, or names of shipped agents.",
        ),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(
            "--format", help="Text for people, JSON for programs, annotations for GitHub's workflows."
        ),
    ] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    env: Annotated[
        bool,
        typer.Option("--env", help="Look at this machine too: keys, addresses, rights. Uses the network."),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Mend what is beyond doubt, and keep every comment and space elsewhere."),
    ] = False,
    explain: Annotated[
        str,
        typer.Option("--explain", metavar="CODE", help="Explain a code, with a wrong and a right example."),
    ] = "",
    over: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    debug: Debug = False,
) -> None:
    """Check agent files and report every fault, with its place and what helps.

    Nothing is started; modules that a file names are imported. Exit code 0 when no file has an error,
    78 when one has, 2 when one is not there; with --strict 1 when there are warnings.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        if explain:
            _explain(explain)
        elif files or over:
            what = chosen(files or (), over, settings, profile)
            _check(what, format, strict, env, fix)
        else:
            raise typer.BadParameter("which file?", param_hint="FILE...")


def _check(what: Chosen, format: Format, strict: bool, env: bool, fix: bool) -> None:
    from .. import check_report as check_output
    from ..examining import examine

    checked = []
    for written in what.agents:
        try:
            checked += [
                examine(file, fix=fix, surroundings=env, layers=what.layers) for file in _files_of(written)
            ]
        except OSError as error:
            raise Fault(f"{written} cannot be mended: {error.strerror or error}") from error
    failed = any(one.errors or (strict and one.found) for one in checked)
    if format is Format.JSON:
        check_output.print_json(checked, ok=not failed)
    elif format is Format.GITHUB:
        check_output.print_github(checked)
    else:
        check_output.print_text(checked)
    if any(one.errors and not one.unread for one in checked):
        raise typer.Exit(Exit.CONFIG)
    if any(one.unread for one in checked):
        raise typer.Exit(Exit.USAGE)
    if failed:
        raise typer.Exit(Exit.FAILED)


def _files_of(written: str) -> list[str]:
    """The files of a folder; anything else is left to the examination, which reports what is not there."""
    from ...language.finding import find_agents

    return [str(path) for path in find_agents(written)] if Path(written).is_dir() else [written]


def _explain(code: str) -> None:
    from ...language.codes import catalogue, page
    from ...pipeline.spelling import did_you_mean

    codes = catalogue()
    if code.upper() not in codes:
        raise Fault(f"there is no code {code}", did_you_mean(code.upper(), codes), Exit.USAGE)
    print(page(codes[code.upper()]), file=sys.stdout, end="")

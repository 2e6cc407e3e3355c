"""``livegraph ticket``."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from ...pipeline.units import SECOND, parse_duration
from ..environment import check_environment
from ..exits import Exit, Fault, told
from ..letting_in import tickets_of
from ..terminal import Terminal

__all__ = ["ticket"]


def ticket(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Who it is for: the caller's identity.")],
    secret_file: Annotated[
        Path | None,
        typer.Option(
            "--secret-file",
            metavar="FILE",
            envvar="LIVEGRAPH_TICKET_SECRET_FILE",
            help="The secret that the server has as --ticket-secret-file.",
        ),
    ] = None,
    agents: Annotated[
        list[str] | None, typer.Option("--agent", metavar="NAME", help="An agent that it opens; repeatable.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=VALUE", help="An input that is set for the caller; repeatable."
        ),
    ] = None,
    life: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="Until when the call must begin.")
    ] = "60s",
    report: Annotated[
        str | None,
        typer.Option("--report", metavar="LEVEL", help="What the caller is told: none, names, full."),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="Print the whole address of this page instead of the ticket."
        ),
    ] = None,
    as_json: bool = False,
) -> None:
    """Make a join ticket: whoever has it may make one call, within a minute.

    A backend of a site makes the same with any JWT library: the page "Security" of the documentation has what is in it.
    """

    terminal = Terminal(level=logging.WARNING)
    with told(terminal):
        check_environment(os.environ, terminal)
        if secret_file is None:
            raise Fault(
                "--secret-file is missing",
                "`openssl rand -base64 48 > ticket.key` makes one; the server takes it as --ticket-secret-file",
                Exit.USAGE,
            )
        if report not in (None, "none", "names", "full"):
            raise Fault(f"--report: {report} is none of none, names and full", code=Exit.USAGE)
        fixed: dict[str, str] = {}
        for written in inputs or ():
            name, equals, value = written.partition("=")
            if not name or not equals:
                raise Fault(f"--input: {written} is not NAME=VALUE", code=Exit.USAGE)
            fixed[name] = value
        try:
            life_s = parse_duration(life) / SECOND
            made = tickets_of(secret_file, "--secret-file").make(
                subject,
                life_s=life_s,
                agents=agents or (),
                inputs=fixed,
                report=report,  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise Fault(str(error), code=Exit.USAGE) from None
        address = f"{page.partition('#')[0]}#ticket={made}" if page else ""
        if as_json:
            print(json.dumps({"ticket": made, **({"url": address} if address else {})}), flush=True)
        else:
            print(address or made, flush=True)

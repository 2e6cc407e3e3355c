"""``livegraph schema``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..exits import told
from ..output import json_text, write_out
from ..terminal import Debug, Terminal

__all__ = ["schema"]


class Of(StrEnum):
    """What a schema is of."""

    AGENT = "agent"
    TESTS = "tests"
    BRAIN = "brain"
    SCENARIO = "scenario"


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file instead of the terminal.")
    ] = None,
    shipped: Annotated[
        bool,
        typer.Option("--shipped", help="Only processors of livegraph itself: the same on every machine."),
    ] = False,
    of: Annotated[
        Of, typer.Option("--of", help="The kind of file: agents, their tests, or the simulator's scripts.")
    ] = Of.AGENT,
    debug: Debug = False,
) -> None:
    """Print the JSON Schema of agent files, with every processor that is installed here.

    Editors complete and validate with it: put `# yaml-language-server: $schema=FILE` into the first line of an agent.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        if of is not Of.AGENT:
            write_out(json_text(_other(of), indent=2), out)
            return
        from ...language.describe import installed, json_schema
        from ...pipeline.errors import Problem
        from ...testing.schema import suite_schema

        for name, found in installed(shipped_only=shipped):
            if isinstance(found, Problem):
                terminal.warn(f"{name} does not load, so nothing is known of its options: {found.message}")
        made = json_schema(shipped_only=shipped, tests=suite_schema())
        write_out(json_text(made, indent=2), out)


def _other(of: Of) -> dict[str, Any]:
    if of is Of.TESTS:
        from ...testing.schema import file_schema

        return file_schema()
    from ...simulator.script_schema import brain_schema, scenario_schema

    return brain_schema() if of is Of.BRAIN else scenario_schema()

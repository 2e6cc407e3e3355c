"""``livegraph schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..exits import told
from ..output import write_out
from ..terminal import Debug, Terminal

__all__ = ["schema"]


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file instead of the terminal.")
    ] = None,
    shipped: Annotated[
        bool,
        typer.Option("--shipped", help="Only processors of livegraph itself: the same on every machine."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Print the JSON Schema of agent files, with every processor that is installed here.

    Editors complete and validate with it: put `# yaml-language-server: $schema=FILE` into the first line of an agent.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        from ...language.describe import installed, json_schema
        from ...pipeline.errors import Problem
        from ...testing.schema import suite_schema

        for name, found in installed(shipped_only=shipped):
            if isinstance(found, Problem):
                terminal.warn(f"{name} does not load, so nothing is known of its options: {found.message}")
        made = json_schema(shipped_only=shipped, tests=suite_schema())
        write_out(json.dumps(made, indent=2, ensure_ascii=False), out)

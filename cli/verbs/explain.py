"""``livegraph explain``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..completion import agent_names
from ..composing import AgentOption, FilesOption, ProfileOption, SetOption, chosen
from ..exits import told
from ..output import json_text, write_out
from ..terminal import Debug, Terminal

__all__ = ["explain"]


class Format(StrEnum):
    """How an agent is written out."""

    YAML = "yaml"
    JSON = "json"


def explain(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            autocompletion=agent_names,
            help="An agent file, or the name of a shipped agent; voice_agent by default.",
        ),
    ] = "",
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    name: AgentOption = "",
    format: Annotated[
        Format, typer.Option("--format", help="yaml is an agent file itself; json is for programs.")
    ] = Format.YAML,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file instead of the terminal.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Show an agent in full: every node, option and edge, with its value and where that comes from.

    A value is a default, or stands in a line of a file, in the environment, a profile or an argument. What was put in
    (resamplers) is there too. The YAML is an agent file itself, and gives the same plan. Secrets are not shown.
    """
    from ...language.describe import explained
    from ...language.describe.explained_yaml import explained_yaml
    from ...language.finding import DEFAULT
    from ..agents import resolve

    terminal = Terminal(debug=debug)
    with told(terminal):
        what = chosen([file] if file else [], files, settings, profile, default=DEFAULT)
        resolved = resolve(what.agents[0], terminal, layers=what.layers, name=name)
        entry = explained.explain(resolved)
        if format is Format.JSON:
            text = json_text(explained.to_data(entry), indent=2)
        else:
            text = explained_yaml(entry, title=f"livegraph explain {what.agents[0]}").removesuffix("\n")
        write_out(text, out)

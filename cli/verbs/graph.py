"""``livegraph graph``."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ..completion import agent_names
from ..composing import AgentOption, Chosen, FilesOption, ProfileOption, SetOption, chosen
from ..exits import told
from ..output import json_text, write_out
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...language.describe import Picture, drawing

__all__ = ["graph"]

_WIDTH = 100


class Format(StrEnum):
    """How the picture is drawn."""

    ASCII = "ascii"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    JSON = "json"


def graph(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            autocompletion=agent_names,
            help="An agent file, or the name of a shipped agent; voice_agent by default.",
        ),
    ] = "",
    format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="ascii for terminals, mermaid for Markdown, dot for Graphviz, svg, json for programs.",
        ),
    ] = Format.ASCII,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file instead of the terminal.")
    ] = None,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    name: AgentOption = "",
    debug: Debug = False,
) -> None:
    """Draw an agent's graph: its boxes, and what flows between them in which format and how it queues.

    `direct` is a hop without a queue: the sender calls the receiver. Boxes that livegraph put in (resamplers) have a
    dashed border.
    """
    from ...language.finding import DEFAULT

    terminal = Terminal(debug=debug)
    with told(terminal):
        what = chosen([file] if file else [], files, settings, profile, default=DEFAULT)
        picture = _picture(what, name, terminal)
        write_out(_draw(picture, format, to_file=out is not None), out)


def _picture(what: Chosen, name: str, terminal: Terminal) -> Picture:
    from ...language.describe import picture_of
    from ...pipeline.graph.check import check
    from ..agents import load

    agent = load(what.agents[0], terminal, layers=what.layers, name=name)
    return picture_of(check(agent.graph), title=agent.title or agent.name)


def _draw(picture: Picture, format: Format, *, to_file: bool) -> str:
    from ...language.describe.drawing import draw_ascii, render

    if format is Format.JSON:
        return json_text(asdict(picture), indent=2)
    if format is not Format.ASCII:
        return render(picture, cast("drawing.Format", format.value))
    if to_file:
        return draw_ascii(picture, width=_WIDTH)
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    return draw_ascii(picture, width=width, plain=not _draws_boxes(sys.stdout.encoding))


def _draws_boxes(encoding: str | None) -> bool:
    """Whether an output with this encoding has the characters that frames are made of."""
    try:
        "╭─╮│◀…·".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

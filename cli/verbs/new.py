"""``livegraph new``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..exits import Exit, Fault, told
from ..terminal import Debug, Terminal

__all__ = ["new"]


class Kind(StrEnum):
    """What there is to start from."""

    AGENT = "agent"
    PIPELINE = "pipeline"
    GRAPH = "graph"
    RECEPTIONIST = "receptionist"
    TRANSCRIBER = "transcriber"
    ECHO = "echo"
    COMPOSED = "composed"


_BESIDE = {Kind.RECEPTIONIST: ("tools.py",)}


def new(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND",
            help="agent (the short form), pipeline (boxes in order), graph (named nodes), receptionist (with tools), "
            "transcriber, echo, composed (templates, inputs, profiles, several agents).",
        ),
    ] = Kind.AGENT,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write it; without, KIND.yaml. - prints it."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write an agent to start from, with comments. What is there already is never overwritten."""
    terminal = Terminal(debug=debug)
    with told(terminal):
        if out == Path("-"):
            print(_starter(f"{kind}.yaml"), end="")
            return
        target = out or Path(f"{kind}.yaml")
        if target.suffix not in (".yaml", ".yml"):
            raise Fault(f"{target} would be no agent file", "its name ends with .yaml", Exit.USAGE)
        files = {target: _starter(f"{kind}.yaml")}
        files |= {target.parent / name: _starter(f"{name}.txt") for name in _BESIDE.get(kind, ())}
        _write(files)
        for path in files:
            terminal.say(f"wrote {path}")
        print(f"livegraph {'call' if kind is Kind.TRANSCRIBER else 'run'} {target}", file=sys.stdout)


def _starter(name: str) -> str:
    from importlib import resources

    return resources.files("livegraph.cli").joinpath("starters", name).read_text("utf-8")


def _write(files: dict[Path, str]) -> None:
    """Write all of them, or none."""
    there = [path for path in files if path.exists() or path.is_symlink()]
    if there:
        raise Fault(f"there is a file {there[0]} already", "choose another name with --out", Exit.USAGE)
    for path, text in files.items():
        try:
            # Only if nobody made it in the meantime.
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise Fault(f"cannot write {path}: {error.strerror or error}") from None

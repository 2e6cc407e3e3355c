"""``livegraph new``."""

from __future__ import annotations

import json
import shlex
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
    RECORDER = "recorder"
    COLLEAGUES = "colleagues"
    MEMORY = "memory"
    CONVERSATION = "conversation"
    TOOLS = "tools"
    GUARDS = "guards"
    BOX = "box"
    TEST = "test"
    BRAIN = "brain"
    SCENARIO = "scenario"


_BESIDE = {
    Kind.RECEPTIONIST: ("tools.py",),
    Kind.TOOLS: ("tools.py",),
    Kind.BOX: ("boxes.py", "test_boxes.py"),
}
_NAMES = {
    Kind.TEST: "agent_test.yaml",
    Kind.BRAIN: "agent.brain.yaml",
    Kind.SCENARIO: "agent.scenario.yaml",
}
"""What files are called that are no agents; of the others their kind."""
_NEXT = {
    Kind.TRANSCRIBER: "call",
    Kind.TEST: "test",
    Kind.BRAIN: "simulate --brain",
    Kind.SCENARIO: "simulate --scenario",
}
"""What one does with it."""


def new(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND",
            help="agent (the short form), pipeline (boxes in order), graph (named nodes), receptionist (with tools), "
            "transcriber, echo, composed (templates, inputs, profiles, several agents), recorder (keeps its calls), "
            "colleagues (several voices and a human), memory (knows callers again), "
            "conversation (with manners), tools (Python, HTTP, MCP), guards (what must not be said or kept), "
            "box (a box of your own, with its tests), test (of an agent), brain and scenario (for the simulator).",
        ),
    ] = Kind.AGENT,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to write it; folders are made. Without, KIND.yaml or what suits it; - prints it.",
        ),
    ] = None,
    as_json: bool = False,
    debug: Debug = False,
) -> None:
    """Write an agent to start from, with comments and tests. What is there already is never overwritten."""
    terminal = Terminal(debug=debug)
    with told(terminal):
        if out == Path("-"):
            print(_starter(f"{kind}.yaml"), end="")
            return
        target = out or Path(_NAMES.get(kind, f"{kind}.yaml"))
        if target.suffix not in (".yaml", ".yml"):
            raise Fault(f"{target} would be no agent file", "its name ends with .yaml", Exit.USAGE)
        files = {target: _starter(f"{kind}.yaml").replace("agent: AGENT", f"agent: {_tested(target)}")}
        files |= {target.parent / name: _starter(f"{name}.txt") for name in _BESIDE.get(kind, ())}
        _write(files)
        for path in files:
            terminal.say(f"wrote {path}")
        following = f"livegraph {_NEXT.get(kind, 'run')} {shlex.quote(str(target))}"
        print(
            json.dumps({"files": [str(path) for path in files], "next": following}) if as_json else following
        )


def _tested(target: Path) -> str:
    """The agent that a file of tests is for, by its name: ``desk_test.yaml`` is of ``desk.yaml``."""
    return f"{target.stem.removesuffix('_test') or 'agent'}.yaml"


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
            path.parent.mkdir(parents=True, exist_ok=True)
            # Only if nobody made it in the meantime.
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise Fault(f"cannot write {path}: {error.strerror or error}") from None

"""``livegraph replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...server.logs import escaped
from ..exits import Exit, Fault, check_there, told
from ..output import json_text
from ..routes import Live, LiveOption
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...testing.replay import Replay

__all__ = ["replay"]

_MAKE_ONE = "livegraph call AGENT --record DIR makes a recording, and `record:` in an agent keeps records of its calls"


def replay(
    where: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORD",
            help="A record of a call, a recording of its messages, or a folder with some of either.",
        ),
    ],
    agent: Annotated[
        str,
        typer.Option(
            "--agent", metavar="AGENT", help="Who answers a record; by default the agent that it names."
        ),
    ] = "",
    run_tools: Annotated[
        bool, typer.Option("--run-tools", help="Run tools again, instead of answering as they did then.")
    ] = False,
    live: LiveOption = Live.AUTO,
    as_json: bool = False,
    debug: Debug = False,
) -> None:
    """Play a call again, and show what is different.

    A record is what `record:` in an agent keeps: the agent of today hears what the caller said then, on virtual
    time. A recording is what `livegraph call --record DIR` and `livegraph simulate --record DIR` keep: the client of
    today meets what the service said then. The exit code is 1 where something differs.
    """
    from ...testing.call_replay import is_record
    from ..replaying import replay_record

    terminal = Terminal(debug=debug, timestamps=False)
    with told(terminal):
        files = [file for each in where for file in _recordings(each)]
        different = [
            not (
                replay_record(file, agent, run_tools, live, as_json, terminal)
                if is_record(file)
                else _show(file, as_json)
            )
            for file in files
        ]
    if any(different):
        raise typer.Exit(Exit.FAILED)


def _recordings(where: Path) -> list[Path]:
    found = sorted(where.rglob("*.jsonl")) if where.is_dir() else [where]
    if not found:
        raise Fault(
            f"there is no recording in {where}",
            _MAKE_ONE,
            Exit.USAGE,
        )
    if not where.is_dir() and where.suffix != ".jsonl":
        # The sound of a record: what happened lies beside it.
        beside = where.with_suffix(".jsonl")
        found = [beside if beside.exists() else where]
    for file in found:
        check_there(file)
    return found


def _show(file: Path, as_json: bool) -> bool:
    """Play one and print what came of it; whether all was as it was."""
    from ...pipeline.clock import run_virtual
    from ...testing.replay import replay as play
    from ...testing.wire import RecordingFault

    try:
        made = run_virtual(play(file))
    except RecordingFault as error:
        said, remedy = str(error), ""
        if error.foreign:
            said = f"this is neither the record of a call nor a recording of its messages: {said}"
            remedy = _MAKE_ONE
        raise Fault(f"{file}:{error.line}: {said}", remedy, Exit.CONFIG) from None
    except OSError as error:
        raise Fault(f"{file} cannot be read: {error.strerror or error}") from None
    if as_json:
        told = {"file": str(file), "words": list(made.words), "calls": list(made.calls)}
        print(json_text(told | {"differences": list(made.differences)}))
        return not made.differences
    print(f"{file}: {_summary(made)}")
    for line in (*made.words, *(f"calls {call}" for call in made.calls)):
        print(f"  {escaped(line)}")
    for line in made.differences:
        print(f"  differs: {escaped(line)}")
    return not made.differences


def _summary(made: Replay) -> str:
    count = len(made.differences)
    kinds = ", ".join(
        f"{name} {made.events[name]}" for name in sorted(made.events) if name.startswith("Service")
    )
    verdict = "as it was" if not count else f"{count} difference{'s' if count > 1 else ''}"
    return f"{verdict}{f' ({kinds})' if kinds else ''}"

"""``livegraph replay``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import Exit, Fault, told
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...testing.replay import Replay

__all__ = ["replay"]


def replay(
    where: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="A folder with recordings, or one of the files in it (wire-001.jsonl)."
        ),
    ],
    as_json: bool = False,
    debug: Debug = False,
) -> None:
    """Play a recorded call to the client of today, and show what is different.

    A recording is what `livegraph call --record DIR` and `livegraph simulate --record DIR` keep. What the caller
    said and what the service answered come from it; what the client does with it now is compared with what it
    did then. The exit code is 1 where something differs.
    """
    terminal = Terminal(debug=debug, timestamps=False)
    with told(terminal):
        files = [file for each in where for file in _recordings(each)]
        different = [not _show(file, as_json) for file in files]
    if any(different):
        raise typer.Exit(Exit.FAILED)


def _recordings(where: Path) -> list[Path]:
    found = sorted(where.glob("*.jsonl")) if where.is_dir() else [where]
    if not found:
        raise Fault(
            f"there is no recording in {where}",
            "make one with: livegraph call AGENT --record DIR",
            Exit.USAGE,
        )
    if not where.exists():
        raise Fault(f"there is no {where}", code=Exit.USAGE)
    return found


def _show(file: Path, as_json: bool) -> bool:
    """Play one and print what came of it; whether all was as it was."""
    from ...pipeline.clock import run_virtual
    from ...testing.replay import replay as play
    from ...testing.wire import RecordingFault

    try:
        made = run_virtual(play(file))
    except RecordingFault as error:
        raise Fault(f"{file}:{error.line}: {error}", code=Exit.CONFIG) from None
    except OSError as error:
        raise Fault(f"{file} cannot be read: {error.strerror or error}") from None
    if as_json:
        told = {"file": str(file), "words": list(made.words), "calls": list(made.calls)}
        print(json.dumps(told | {"differences": list(made.differences)}, ensure_ascii=False))
        return not made.differences
    print(f"{file}: {_summary(made)}")
    for line in (*made.words, *(f"calls {call}" for call in made.calls)):
        print(f"  {line}")
    for line in made.differences:
        print(f"  differs: {line}")
    return not made.differences


def _summary(made: Replay) -> str:
    count = len(made.differences)
    kinds = ", ".join(
        f"{name} {made.events[name]}" for name in sorted(made.events) if name.startswith("Service")
    )
    verdict = "as it was" if not count else f"{count} difference{'s' if count > 1 else ''}"
    return f"{verdict}{f' ({kinds})' if kinds else ''}"

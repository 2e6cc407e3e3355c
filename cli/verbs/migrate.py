"""``livegraph migrate``."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..exits import Exit, Fault, check_there, told
from ..output import json_text
from ..terminal import Debug, Terminal, paint

__all__ = ["migrate"]


def migrate(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Agent files.")],
    write: Annotated[bool, typer.Option("--write", help="Change the files.")] = False,
    as_json: bool = False,
    debug: Debug = False,
) -> None:
    """Bring agent files up to date: their version, and options under their present names.

    Shows what would change as a unified diff; with --write the files are changed, and comments and layout stay. Other
    faults are for check.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        diffs = {written: _migrate(Path(written), write) for written in files}
        changed = [written for written, diff in diffs.items() if diff]
        if as_json:
            told_of = [{"file": written, "diff": "\n".join(diffs[written])} for written in changed]
            print(json_text({"changed": told_of, "written": write}))
        else:
            for written in changed:
                _print_diff(diffs[written])
    if changed and not write and not as_json:
        terminal.say(f"{len(changed)} of {len(files)} would change; --write changes them")


def _migrate(path: Path, write_it: bool) -> list[str]:
    """What changes, as the lines of a unified diff; nothing where all is up to date."""
    from ...language.fixing import MIGRATIONS, mend, write
    from ...language.load import check_text

    check_there(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise Fault(f"{path} is not UTF-8", f"livegraph check {path}", Exit.CONFIG) from None
    folder = path.parent.absolute()
    unknown = [
        one
        for one in check_text(text, base_dir=folder, file=str(path)).errors
        if _keeps_from(one.problem.code)
    ]
    if unknown:
        from ...language import render
        from ...pipeline.errors import ConfigError

        raise ConfigError([one.problem for one in unknown], render(unknown))
    name = str(path)
    mended = mend(
        text, name, lambda tried: check_text(tried, base_dir=folder, file=name).diagnostics, MIGRATIONS
    )
    if mended.text == text:
        return []
    if write_it:
        try:
            write(path, mended.text)
        except OSError as error:
            raise Fault(f"{path} cannot be written: {error.strerror}") from None
    before, after = f"{path} (as it is)", f"{path} (up to date)"
    return list(difflib.unified_diff(text.splitlines(), mended.text.splitlines(), before, after, lineterm=""))


def _keeps_from(code: str) -> bool:
    """Whether a file with this fault cannot be brought up to date: it cannot be read, or is too new."""
    return code < "LG100" or code == "LG106"


def _print_diff(lines: Sequence[str]) -> None:
    colour = paint(sys.stdout)
    roles = {"+": "good", "-": "error", "@": "gutter"}
    for line in lines:
        role = roles.get(line[:1])
        print(colour(role, line) if role else line)

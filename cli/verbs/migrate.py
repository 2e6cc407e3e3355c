"""``livegraph migrate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import Exit, Fault, told
from ..terminal import Debug, Terminal, paint

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["migrate"]


def migrate(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Agent files.")],
    write: Annotated[bool, typer.Option("--write", help="Change the files.")] = False,
    debug: Debug = False,
) -> None:
    """Bring agent files up to date: their version, and options under their present names.

    Shows what would change as a unified diff; with --write the files are changed, and comments and layout stay. Other
    faults are for check.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        changed = [written for written in files if _migrate(Path(written), write)]
    if changed and not write:
        terminal.say(f"{len(changed)} of {len(files)} would change; --write changes them")


def _migrate(path: Path, write_it: bool) -> bool:
    from ...language.fixing import MIGRATIONS, mend, write
    from ...language.load import check_text

    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise Fault(f"{path} cannot be read: {error.strerror}", code=Exit.USAGE) from None
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
        return False
    for line in _diff(text, mended.text, str(path)):
        print(line)
    if write_it:
        try:
            write(path, mended.text)
        except OSError as error:
            raise Fault(f"{path} cannot be written: {error.strerror}") from None
    return True


def _keeps_from(code: str) -> bool:
    """Whether a file with this fault cannot be brought up to date: it cannot be read, or is too new."""
    return code < "LG100" or code == "LG106"


def _diff(before: str, after: str, name: str) -> Iterator[str]:
    import difflib

    colour = paint(sys.stdout)
    roles = {"+": "good", "-": "error", "@": "gutter"}
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (as it is)", f"{name} (up to date)", lineterm=""
    )
    for line in lines:
        role = roles.get(line[:1])
        yield colour(role, line) if role else line

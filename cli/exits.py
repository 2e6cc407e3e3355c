"""Exit codes, and how an error becomes a message and one of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

import typer

from .terminal import Terminal

__all__ = ["HELP", "Exit", "Fault", "check_there", "stopped_by", "told"]

HELP = (
    "Exit codes, the same for every command: 0 done, 1 failed, 2 wrong usage or a file that is not there, "
    "78 a file cannot be read, or says what cannot be done, 130 Ctrl-C."
)


class Exit(IntEnum):
    """What a script can tell apart. 78 is ``EX_CONFIG`` of sysexits.h; 128 + n is shells' word for signal n."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 78
    INTERRUPTED = 130


def stopped_by(number: int) -> int:
    """The exit code of a command that a signal kept from finishing."""
    return 128 + number


class Fault(Exception):
    """A user's mistake or bad luck, in words: what is wrong, and what helps. Never shown with a traceback."""

    def __init__(self, message: str, remedy: str = "", code: int = Exit.FAILED) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code


def check_there(path: Path, option: str = "") -> None:
    """Raise ``Fault`` when there is no such file, and when it cannot be read. ``option`` has named it, if any.

    What is no file, a FIFO say, would be waited for without end.
    """
    named = f"{option}: {path}" if option else str(path)
    if not path.is_file():
        words = "is a folder" if path.is_dir() else "is no file" if path.exists() else "is not there"
        raise Fault(f"{named} {words}", code=Exit.USAGE)
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise Fault(f"{named} cannot be read: {error.strerror or error}", code=Exit.CONFIG) from None


@contextmanager
def told(terminal: Terminal) -> Iterator[None]:
    """Turn what the block raises on purpose into a message on stderr and ``typer.Exit``.

    Anything else is a mistake of ours and passes with its traceback. With ``--debug`` everything does.
    """
    from ..pipeline.errors import ConfigError, LivegraphError, NotFoundError

    try:
        yield
    except Fault as fault:
        terminal.error(str(fault), fault.remedy)
        raise typer.Exit(fault.code) from None
    except NotFoundError as error:
        terminal.error(str(error), error.remedy)
        raise typer.Exit(Exit.USAGE) from None
    except ConfigError as error:
        _trace(terminal, error)
        terminal.fail(str(error))
        codes = [problem.code for problem in error.problems if problem.code.startswith("LG")]
        if codes:
            terminal.hint(f"livegraph check --explain {codes[0]}")
        raise typer.Exit(Exit.CONFIG) from None
    except LivegraphError as error:
        _trace(terminal, error)
        terminal.error(str(error))
        raise typer.Exit(Exit.FAILED) from None


def _trace(terminal: Terminal, error: BaseException) -> None:
    if terminal.debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)

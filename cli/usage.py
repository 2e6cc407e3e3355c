"""What is said to a command line that cannot be read: in the style of all other errors."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import typer

from .environment import drop_service_links
from .streams import discard_output

__all__ = ["run_app"]

_WRITING_FAILED = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def run_app(app: typer.Typer) -> int:
    """Run the command with the arguments of this process; returns its exit code.

    What the library would say in a frame of its own, wrapped as the terminal is wide, is said as every other error.
    """
    drop_service_links(os.environ)
    command: Any = typer.main.get_command(app)
    try:
        code = command.main(prog_name="livegraph", standalone_mode=False)
        # What stdout does not take is known only now, where it is a file or a pipe.
        sys.stdout.flush()
    except typer.Abort:
        return 1
    except OSError as error:
        return _no_output(error)
    except Exception as error:
        # The library's errors have no public class in common; they can say what they are.
        if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
            raise
        return _tell(error)
    return code if isinstance(code, int) else 0


def _no_output(error: OSError) -> int:
    """The code where stdout takes no more; any other error is raised. One of a file that was opened names it."""
    if error.filename is not None or error.errno not in _WRITING_FAILED:
        raise error
    discard_output()
    if error.errno != errno.EPIPE:
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
    return 1


def _tell(error: Any) -> int:
    message = str(error.format_message()).strip()
    context = getattr(error, "ctx", None)
    if not message or type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    if message[:1].isupper() and not message[1:2].isupper():
        message = message[0].lower() + message[1:]
    where = context.command_path if context is not None else "livegraph"
    print(f"error: {message.rstrip('.')}\n  {where} --help says what it takes", file=sys.stderr)
    return int(error.exit_code)

"""What is done with a record when it is complete: a command of the operator's, or a function of the program's."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from ...pipeline.errors import ConfigError, Problem
from ...pipeline.graph.modules import import_reference
from ...pipeline.options import Doc, ModuleRef, Range, Unit
from ...pipeline.units import SECOND, format_duration
from .writer import FinishedRecord

__all__ = ["Upload", "arguments", "function_of", "upload"]

logger = logging.getLogger("livegraph.record")

_AT_ONCE = 4
_room = threading.BoundedSemaphore(_AT_ONCE)
"""So many at a time of the whole process; others wait, as long as they may take themselves."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What is done with a complete record, after the call and beside everything else."""

    command: Annotated[
        tuple[str, ...],
        Doc(
            "program and arguments, without a shell; {audio} and {lines} stand for the files, {call} for the id"
        ),
    ] = ()
    function: Annotated[
        ModuleRef | Callable[..., Any] | None, Doc("function that is given the record, as ./upload.py:send")
    ] = None
    within_ns: Annotated[int, Unit("ns"), Range(SECOND, 3600 * SECOND), Doc("the most that it may take")] = (
        60 * SECOND
    )
    delete: Annotated[bool, Doc("whether the files are deleted when it went well")] = False


def function_of(wish: Any) -> Callable[..., Any] | None:
    """The function that is to be given records. Raises ``ConfigError`` for what names none."""
    if wish is None or callable(wish):
        found: Callable[..., Any] | None = wish
        return found
    where, _, name = str(wish).rpartition(":")
    if not where:
        raise ConfigError([Problem("LG230", f"`{wish}` names no function", hint="write ./upload.py:send")])
    made = getattr(import_reference(where, str(wish)), name, None)
    if not callable(made):
        raise ConfigError([Problem("LG230", f"`{Path(where).name}` has no function `{name}`")])
    return made  # type: ignore[no-any-return]


def arguments(command: Sequence[str], record: FinishedRecord) -> list[str]:
    """``command`` with the files of ``record`` put in; where it names none they come last."""
    audio, lines = [str(path) for path in record.audio], [str(record.lines)]
    made: list[str] = []
    for argument in command:
        whole = {"{audio}": audio, "{lines}": lines, "{files}": [*audio, *lines]}.get(argument)
        made += whole if whole is not None else [argument.replace("{call}", record.call)]
    if not any(mark in command for mark in ("{audio}", "{lines}", "{files}")):
        made += [*audio, *lines]
    return made


def upload(record: FinishedRecord, wish: Upload, function: Callable[..., Any] | None) -> bool:
    """Do it, in this thread; whether it went well. What did not is logged, and the files stay.

    A command that takes too long is killed with all that it started; a function is left behind.
    """
    if not _room.acquire(timeout=wish.within_ns / SECOND):
        logger.error("%s: the record was not uploaded: %d others take too long", record.call, _AT_ONCE)
        return False
    try:
        why = _run_command(record, wish) if wish.command else ""
        why = why or (_run_function(record, function, wish) if function is not None else "")
    finally:
        _room.release()
    if why:
        logger.error(
            "%s: the record was not uploaded, and stays in %s: %s", record.call, record.lines.parent, why
        )
        return False
    if wish.delete:
        for path in record.files:
            path.unlink(missing_ok=True)
    return True


def _run_command(record: FinishedRecord, wish: Upload) -> str:
    """Why it failed; empty when it did not."""
    try:
        running = subprocess.Popen(
            arguments(wish.command, record),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return f"{wish.command[0]} cannot be started: {error.strerror}"
    try:
        code = running.wait(wish.within_ns / SECOND)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return f"{wish.command[0]} took longer than {format_duration(wish.within_ns)}"
    return f"{wish.command[0]} ended with {code}" if code else ""


def _run_function(record: FinishedRecord, function: Callable[..., Any], wish: Upload) -> str:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made = function(record)
            if inspect.isawaitable(made):
                asyncio.run(_awaited(made))
        except BaseException as error:
            failed.append(error)

    name = getattr(function, "__name__", "the function")
    thread = threading.Thread(target=run, name=f"upload of {record.call}", daemon=True)
    thread.start()
    thread.join(wish.within_ns / SECOND)
    if thread.is_alive():
        return f"{name} took longer than {format_duration(wish.within_ns)} and is left behind"
    if failed:
        logger.error("%s: %s failed", record.call, name, exc_info=failed[0])
        return f"{name} raised {type(failed[0]).__name__}"
    return ""


async def _awaited(made: Any) -> Any:
    return await made

"""What runs inside of a process of the pool: one piece of work after another, within limits that the system holds."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

__all__ = ["MOST_BYTES", "Done", "Failed", "Job", "Tell", "serve", "tell"]

MOST_BYTES = 64 << 20
"""Of one answer."""
_LOOK_S = 1.0
"""How often a process looks whether its server is there."""
_GRACE_S = 5
"""So long after its time the system itself ends a process that nobody has ended."""
_GROWN_BYTES = 128 << 20
"""A process that has kept so much after its work is not used again."""
_STATM_RESIDENT, _STATM_DATA = 1, 5


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work, on its way to a process."""

    work: bytes
    """The function and what it is given, pickled."""
    memory_bytes: int | None
    """What it may use beyond what the process had before."""
    limit_s: float | None
    """Seconds that it may take."""


@dataclass(frozen=True, slots=True)
class Tell:
    """The work says something to whoever waits for it, and waits for the answer."""

    what: Any


@dataclass(frozen=True, slots=True)
class Done:
    """It has returned."""

    value: Any
    grown: bool
    """Whether the process has become too large to be used again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It has raised."""

    error: BaseException | None
    """Where it can be sent."""
    kind: str
    text: str
    trace: str
    memory: bool
    """Whether it ran out of what it may use."""
    grown: bool


_speaking = threading.Lock()
_line: Connection | None = None
"""To the server, while work is under way."""


def tell(what: Any) -> Any:
    """For work in a process: say ``what`` to whoever waits for it, and return the answer. Raises what that raises."""
    if _line is None:
        raise RuntimeError("no work of a pool runs in this process")
    with _speaking:
        _line.send_bytes(pickle.dumps(Tell(what)))
        ok, answer = pickle.loads(_line.recv_bytes())
    if not ok:
        raise answer
    return answer


def serve(line: Connection, server: int) -> None:
    """Do what comes by ``line``, until it ends or the process ``server`` is gone."""
    # Of a group of its own: what the work starts ends with it. Ctrl-C is for the server to act upon.
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(server,), name="server watch", daemon=True).start()
    line.send_bytes(b"")
    base = _pages(_STATM_RESIDENT)
    with contextlib.suppress(EOFError, OSError):
        while True:
            job = pickle.loads(line.recv_bytes())
            line.send_bytes(_answer(line, job, base))


def _answer(line: Connection, job: Job, base: int) -> bytes:
    """What comes of ``job``, pickled."""
    global _line
    _line = line
    try:
        with _limits(job):
            work, args, kwargs = pickle.loads(job.work)
            value = work(*args, **kwargs)
        grown = _pages(_STATM_RESIDENT) - base > _GROWN_BYTES
        sent = pickle.dumps(Done(value, grown))
        if len(sent) > MOST_BYTES:
            raise ValueError(
                f"its result of {len(sent) / 1e6:.0f} MB is too large: at most {MOST_BYTES / 1e6:.0f} MB"
            )
        return sent
    except BaseException as error:
        # Whatever it is, it is told to whoever waits; what cannot be sent is told in words.
        return _failure(error, _pages(_STATM_RESIDENT) - base > _GROWN_BYTES)
    finally:
        _line = None


def _failure(error: BaseException, grown: bool) -> bytes:
    kind, trace = type(error).__name__, "".join(traceback.format_exception(error))
    memory = isinstance(error, MemoryError)
    try:
        text = str(error)
    except Exception as inner:  # an exception's own __str__ is foreign code
        text = f"({type(inner).__name__} in its text)"
    try:
        sent = pickle.dumps(Failed(error, kind, text, trace, memory, grown))
        pickle.loads(sent)
    except BaseException:
        # Its class cannot be pickled, or not be made again: what that raises is the class's own affair.
        sent = pickle.dumps(Failed(None, kind, text, trace, memory, grown))
    return sent


@contextlib.contextmanager
def _limits(job: Job) -> Iterator[None]:
    """While the block runs the system holds it to what it may use."""
    undo: Callable[[], None] = _bound_memory(job.memory_bytes) if job.memory_bytes else lambda: None
    if job.limit_s is not None:
        # By the system's own hand: code in C that never lets go of the interpreter ends as well.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, math.ceil(job.limit_s) + _GRACE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        undo()


def _bound_memory(most: int) -> Callable[[], None]:
    """Let the process use ``most`` bytes more than now (Linux: elsewhere what it has now is not known)."""
    import resource

    had = _pages(_STATM_DATA)
    if not had:
        return lambda: None
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = had + most if hard == resource.RLIM_INFINITY else min(hard, had + most)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _pages(field: int) -> int:
    """Bytes of one kind that this process has (proc(5), statm); 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[field]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _end_with(server: int) -> None:
    """End this process, and all that it has started, when the server is no longer its parent."""
    while os.getppid() == server:
        time.sleep(_LOOK_S)
    os.killpg(os.getpid(), signal.SIGKILL)

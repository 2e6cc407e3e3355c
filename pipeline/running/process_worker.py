"""What runs inside of a process of the pool: one piece of work after another, within limits that the system holds."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .cores import unbind

__all__ = ["MOST_BYTES", "Done", "Failed", "Job", "Tell", "descendants", "serve", "tell"]

MOST_BYTES = 64 << 20
"""Of one answer."""
_MOST_FRAMES = 50
"""Of a trace, the last ones: work that has gone too deep has hundreds of thousands."""
_LOOK_S = 1.0
"""How often a process looks whether its server is there."""
_GRACE_S = 5
"""So long after its time the system itself ends a process that nobody has ended."""
_GROWN_BYTES = 128 << 20
"""A process that has kept so much after its work is not used again."""
_STATM_RESIDENT, _STATM_DATA = 1, 5
_PR_SET_CHILD_SUBREAPER = 36
_IDLE_LOOKS, _IDLE_LOOK_S = 4, 0.005
_IDLE_S = 0.002
"""Threads that wait compute less in that time."""
_IDLE_SHARE = 0.05
"""Of a core: a process that computes so much while it has no work is ended, however busy the machine is."""


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
    spent: bool
    """Whether the process is not to be used again: it has grown, or the work has left something behind that runs."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It has raised, or returned too much."""

    error: BaseException | None
    """Where it can be sent."""
    kind: str
    text: str
    trace: str
    memory: bool
    """Whether it ran out of what it may use."""
    spent: bool
    answer_bytes: int = 0
    """What it has returned, where that is more than an answer may have."""


_speaking = threading.Lock()
_line: Connection | None = None
"""To the server, while work is under way."""
_done = 0
"""How many pieces of work have come to their end."""


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
    unbind()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _keep_orphans()
    with contextlib.suppress(OSError):
        # What work prints is no part of what the server says.
        os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(server,), name="server watch", daemon=True).start()
    line.send_bytes(b"")
    base = _pages(_STATM_RESIDENT)
    with contextlib.suppress(EOFError, OSError):
        while True:
            job = pickle.loads(line.recv_bytes())
            line.send_bytes(_answer(line, job, base))


def _answer(line: Connection, job: Job, base: int) -> bytes:
    """What comes of ``job``, pickled."""
    global _line, _done
    _line = line
    threads = threading.active_count()
    try:
        with _limits(job):
            work, args, kwargs = pickle.loads(job.work)
            value = work(*args, **kwargs)
        sent = pickle.dumps(Done(value, _is_spent(base, threads)))
        if len(sent) > MOST_BYTES:
            return pickle.dumps(Failed(None, "", "", "", False, _is_spent(base, threads), len(sent)))
        return sent
    except BaseException as error:
        # Whatever it is, it is told to whoever waits; what cannot be sent is told in words.
        return _failure(error, _is_spent(base, threads))
    finally:
        _line = None
        _done += 1


def _is_spent(base: int, threads: int) -> bool:
    """Whether the work has left this process as none that other work should run in."""
    if _pages(_STATM_RESIDENT) - base > _GROWN_BYTES or descendants(os.getpid(), 0):
        return True
    if threading.active_count() <= threads:
        return False
    # Threads that wait for more work are no harm, others go on computing.
    before_s = _others_s()
    for _ in range(_IDLE_LOOKS):
        # Where one computes, it must let go of the interpreter for this one to go on.
        time.sleep(_IDLE_LOOK_S)
    return _others_s() - before_s > _IDLE_S


def _others_s() -> float:
    """CPU time of all threads but this one."""
    return time.process_time() - time.thread_time()


def _failure(error: BaseException, spent: bool) -> bytes:
    kind, trace = type(error).__name__, "".join(traceback.format_exception(error, limit=-_MOST_FRAMES))
    memory = isinstance(error, MemoryError)
    try:
        text = str(error)
    except Exception as inner:  # an exception's own __str__ is foreign code
        text = f"({type(inner).__name__} in its text)"
    try:
        sent = pickle.dumps(Failed(error, kind, text, trace, memory, spent))
        pickle.loads(sent)
    except BaseException:
        # Its class cannot be pickled, or not be made again: what that raises is the class's own affair.
        sent = pickle.dumps(Failed(None, kind, text, trace, memory, spent))
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
    """End this process, and all that it has started, when the server is no longer its parent, or threads that work has
    left behind compute without end."""
    done, spent_s = -1, 0.0
    while os.getppid() == server:
        before = (done, spent_s)
        done, spent_s = _done, _others_s()
        if _line is None and before[0] == done and spent_s - before[1] > _IDLE_SHARE * _LOOK_S:
            break
        time.sleep(_LOOK_S)
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    os.killpg(os.getpid(), signal.SIGKILL)


def _keep_orphans() -> None:
    """Have what the work starts stay ours, also where it has left the group and its own parent is gone (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(process: int, most: int = 10_000) -> list[int]:
    """What a process has started and what those have, some more than ``most`` at most (Linux; elsewhere nothing)."""
    found: list[int] = []
    asked = [process]
    while asked and len(found) <= most:
        try:
            tasks = list(Path(f"/proc/{asked.pop()}/task").iterdir())
        except OSError:
            continue
        for task in tasks:
            with contextlib.suppress(OSError):
                children = [int(pid) for pid in (task / "children").read_text("ascii").split()]
                found += children
                asked += children
    return found

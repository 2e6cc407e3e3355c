"""A pool of processes, shared by all calls: one piece of work each at a time, and any of them can be ended alone.

What a piece of work may use of time and memory is enforced by the system: an endless loop, a crash in C or
``os._exit`` end that piece of work, with an error that says so, and no other.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import LivegraphError, from_signal, told
from .process_worker import MOST_BYTES, Done, Failed, Job, Tell, descendants, serve
from .threads import DaemonThreads, outcome_of

__all__ = ["OffloadError", "Processes", "WorkCrashedError", "WorkTooLargeError", "WorkTooLongError"]

_MOST_WAITING = 256
_START_S = 60.0
"""A process that has not begun by then will not."""
_GONE_S = 0.5
"""So long after its line has broken a process may take to be gone."""
_LOOK_S = 0.25
"""How often it is looked how many processes the work has started."""
_MOST_STARTED = 64
_SPARE = 1
"""So many are ready beside those at work."""


class OffloadError(LivegraphError):
    """Work could not be given to another process, or that died of it."""


class WorkCrashedError(OffloadError):
    """The process died of the work."""


class WorkTooLongError(OffloadError):
    """The work was not over in its time, and its process was ended."""


class WorkTooLargeError(OffloadError):
    """The work wanted more memory than it may have."""


class _Multiplied(Exception):
    """The work has started too many processes."""


class _Process:
    """One process, and the line to it. Its methods block: they run in threads."""

    _starting = threading.Lock()

    def __init__(self) -> None:
        # Not forked: a copy of a process with threads and an event loop is none that works.
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        with _Process._starting:
            self._process = context.Process(target=serve, args=(theirs, os.getpid()), name="livegraph work")
            self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self._pid = self._process.pid
        self._ready = False
        self._forgetting = threading.Lock()
        self._forgotten = False
        self._code: int | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be given work."""
        return not self._line.closed and self._process.is_alive()

    def wait_until_ready(self) -> None:
        """Raises ``WorkCrashedError`` when it does not come up."""
        if self._ready:
            return
        try:
            if not self._line.poll(_START_S):
                raise EOFError
            self._line.recv_bytes()
        except (EOFError, OSError) as error:
            raise WorkCrashedError(
                f"a process for work could not be started ({self.how_it_ended()}); does the program's main module "
                'guard what it does with `if __name__ == "__main__":`?'
            ) from error
        self._ready = True

    def exchange(self, job: Job, answer: Callable[[Any], Any]) -> Done | Failed:
        """What comes of ``job``. Raises ``EOFError`` when the process dies, ``TimeoutError`` past the limit."""
        self._line.send_bytes(pickle.dumps(job))
        until_s = None if job.limit_s is None else time.monotonic() + job.limit_s
        while True:
            left_s = math.inf if until_s is None else max(0.0, until_s - time.monotonic())
            if not self._line.poll(min(left_s, _LOOK_S)):
                if left_s <= _LOOK_S:
                    raise TimeoutError
                if len(descendants(self._pid, _MOST_STARTED)) > _MOST_STARTED:
                    raise _Multiplied
                continue
            said = pickle.loads(self._line.recv_bytes(MOST_BYTES))
            if not isinstance(said, Tell):
                assert isinstance(said, Done | Failed)
                return said
            self._line.send_bytes(_answered(answer, said.what))

    def kill(self) -> None:
        """End it and what it has started, now; called in any thread, also while another waits for it."""
        if self._forgotten:
            # Its number may be another's by now.
            return
        started = descendants(self._pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        for pid in started:
            # Those that have left the group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ValueError):
            self._process.kill()

    def forget(self) -> None:
        """Nothing of it is needed any more; again is fine."""
        with self._forgetting:
            if self._forgotten:
                return
            self.kill()
            self._process.join(5)
            self._look()
            self._forgotten = True
            self._line.close()
            with contextlib.suppress(ValueError):
                # Two pipes to it would stay open for as long as somebody's traceback knows it.
                self._process.close()

    def how_it_ended(self) -> str:
        """Of a process that is gone."""
        until_s = time.monotonic() + _GONE_S
        # Not by join: a process that has closed everything is taken for gone by that.
        while (code := self._look()) is None and time.monotonic() < until_s:
            time.sleep(0.01)
        if code is None:
            self.kill()
            return "it has hung up on its server"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"by {signal.Signals(-code).name}"
        return f"it left with {code}"

    def _look(self) -> int | None:
        """With what it has left; ``None`` while it is there."""
        with contextlib.suppress(ValueError):
            self._code = self._process.exitcode
        return self._code


class _Ticket:
    """One piece of work on its way through the pool."""

    def __init__(self) -> None:
        self.process: _Process | None = None
        self.cancelled = False


class Processes:
    """At most ``most`` processes; they are started when they are needed, and one more is kept ready."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most or max(4, 2 * (os.cpu_count() or 1))
        self._threads = DaemonThreads("process of")
        self._free = threading.Condition()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._coming = 0
        atexit.register(self.close)

    async def run(
        self,
        work: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        memory_bytes: int | None = None,
        limit_s: float | None = None,
        answer: Callable[[Any], Any] = lambda what: None,
        name: str = "",
    ) -> Any:
        """What ``work`` returns, run in one of the processes; cancelled, it is ended there too.

        Args:
            work: a function of a module, called there with ``args`` and ``kwargs``, as pickle sends them.
            memory_bytes: what it may use beyond what its process has; ``None`` sets no bound.
            limit_s: seconds of real time, from when it begins.
            answer: takes what the work says by ``process_worker.tell``, and gives the answer; it runs in a thread.
            name: what errors call the work; the function's own by default.

        Raises what ``work`` raises, and ``OffloadError``, by kind: ``WorkCrashedError``, ``WorkTooLongError``,
        ``WorkTooLargeError``.
        """
        name = name or getattr(work, "__qualname__", repr(work))
        try:
            job = Job(pickle.dumps((work, tuple(args), dict(kwargs or {}))), memory_bytes, limit_s)
        except BaseException as error:
            if from_signal(error):
                raise
            # What pickle raises depends on the value that it fails at.
            why = f"{told(error)}; it takes a function of a module, and arguments that pickle"
            raise OffloadError(f"{name} cannot run in a process: {why}") from error
        if self._threads.alive >= _MOST_WAITING:
            raise OffloadError(f"{name} cannot run now: {_MOST_WAITING} others wait for a process")
        ticket = _Ticket()
        try:
            return await outcome_of(self._threads, self._carry_out, ticket, job, name, answer)
        except asyncio.CancelledError:
            with self._free:
                ticket.cancelled = True
                if ticket.process is not None:
                    ticket.process.kill()
                self._free.notify_all()
            raise

    def warm(self) -> None:
        """Have a process ready, so that the first work does not wait for it; returns at once."""
        with self._free:
            needed = len(self._idle) + self._coming < _SPARE and self._room
            if needed:
                self._coming += 1
        if needed:
            self._threads.submit(self._make_spare)

    def close(self) -> None:
        """End all processes, at work or not; the next work starts new ones."""
        with self._free:
            gone, self._all, self._idle = self._all, set(), []
        for process in gone:
            process.forget()

    @property
    def _room(self) -> bool:
        return len(self._all) + self._coming < self._most

    # In threads ------------------------------------------------------------------------------------

    def _carry_out(self, ticket: _Ticket, job: Job, name: str, answer: Callable[[Any], Any]) -> Any:
        process = self._hire(ticket)
        reusable = False
        try:
            said = process.exchange(job, answer)
            reusable = not said.spent
        except _Multiplied:
            raise WorkTooLargeError(
                f"{name} started more than {_MOST_STARTED} processes, and was ended"
            ) from None
        except pickle.UnpicklingError as error:
            raise WorkCrashedError(f"the process that ran {name} said what nobody understands") from error
        except TimeoutError:
            raise WorkTooLongError(f"{name} took longer than {job.limit_s:g}s, and was ended") from None
        except (EOFError, OSError) as error:
            raise WorkCrashedError(f"the process that ran {name} died ({process.how_it_ended()})") from error
        finally:
            self._give_back(process, ticket, reusable=reusable)
        if isinstance(said, Done):
            return said.value
        if said.memory and job.memory_bytes:
            raise WorkTooLargeError(f"{name} wanted more than {job.memory_bytes / 1e6:.0f} MB of memory")
        if said.answer_bytes:
            size = f"{said.answer_bytes / 1e6:.0f} MB is too large: at most {MOST_BYTES / 1e6:.0f} MB"
            raise WorkTooLargeError(f"{name} was ended: its result of {size}")
        raised = said.error if said.error is not None else RuntimeError(f"{said.kind}: {said.text}")
        raised.add_note(f"In the process:\n{said.trace}")
        raise raised

    def _hire(self, ticket: _Ticket) -> _Process:
        """A process that is ready, as soon as there is one."""
        process: _Process | None = None
        with self._free:
            while process is None:
                if ticket.cancelled:
                    raise OffloadError("it is not wanted any more")
                while self._idle and process is None:
                    found = self._idle.pop()
                    if found.alive:
                        process = found
                    else:
                        self._all.discard(found)
                        found.forget()
                if process is None and self._room:
                    # A few milliseconds, and seldom; by the lock nobody starts one too many.
                    process = _Process()
                    self._all.add(process)
                if process is None:
                    self._free.wait()
            ticket.process = process
        try:
            process.wait_until_ready()
        except OffloadError:
            self._give_back(process, ticket, reusable=False)
            raise
        return process

    def _give_back(self, process: _Process, ticket: _Ticket, *, reusable: bool) -> None:
        with self._free:
            # From here on it may be another's: who cancels this work must not end it.
            ticket.process = None
            if reusable and process in self._all and process.alive:
                self._idle.append(process)
            else:
                reusable = False
                self._all.discard(process)
            self._free.notify()
        if not reusable:
            process.forget()
            self.warm()

    def _make_spare(self) -> None:
        with self._free:
            self._coming -= 1
            process = _Process()
            self._all.add(process)
        with contextlib.suppress(OffloadError):
            process.wait_until_ready()
        with self._free:
            if process in self._all and process.alive:
                self._idle.append(process)
                self._free.notify()
                return
            # Whoever needs one is told when it does not come up for them either.
            self._all.discard(process)
        process.forget()


def _answered(answer: Callable[[Any], Any], what: Any) -> bytes:
    """The answer to what the work says, or what that raises."""
    try:
        return pickle.dumps((True, answer(what)))
    except BaseException as error:
        # It belongs to the work that asked.
        try:
            return pickle.dumps((False, error))
        except Exception:  # its class does not pickle
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))

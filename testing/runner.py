"""Runs tests one after another, each in a loop and a thread of its own: one that hangs is left behind."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..liveapi import WireError
from ..pipeline.clock import VirtualLoop
from ..pipeline.errors import LivegraphError
from ..processors.tools.outcome import fault_of
from .bench import Bench
from .model import Case, Say
from .result import Result
from .sounds import Speech
from .suites import Group
from .wire import RecordingFault

__all__ = ["Runner"]

_LONGEST_S = 120.0
_GRACE_S = 5.0
_MOST_LOG_LINES = 200


@dataclass(slots=True)
class Runner:
    """Runs tests; ``record`` is a folder with a folder for each, of what it says to its model and hears from it."""

    speech: Speech = field(default_factory=Speech)
    record: Path | None = None
    longest_s: float = _LONGEST_S
    """Seconds of real time after which a test is given up."""
    abandoned: int = 0
    """Tests that did not even heed their cancellation: their threads still run."""

    def run(self, group: Group, case: Case) -> Result:
        """Run one test."""
        file, line, column = group.place(case.path)
        result = Result(file, case.name, "passed", line=line, column=column)
        if case.skip:
            return replace(result, outcome="skipped", message=case.skip)
        if why := self._missing(group, case):
            return replace(result, outcome="skipped", message=why, missing=True)
        began_s = time.monotonic()
        with _logged() as log:
            result = self._run(group, case, result)
        return replace(result, log=tuple(log), seconds=time.monotonic() - began_s)

    def _missing(self, group: Group, case: Case) -> str:
        """What is not installed here that the test needs."""
        if any(isinstance(step, Say) for step in case.feed) and (why := self.speech.missing_to_say()):
            return why
        listens = bool(group.scene.services) and case.live is None
        sounds = any(step.to in group.scene.microphones for step in case.feed)
        return self.speech.missing_to_hear() if listens and sounds else ""

    def _run(self, group: Group, case: Case, result: Result) -> Result:
        try:
            folder = None
            if self.record is not None:
                folder = self.record / f"{Path(result.file).stem}-{_slug(case.name)}"
            bench = Bench(group, case, self.speech, folder)
        except (LivegraphError, OSError) as error:
            return replace(result, outcome="error", message=str(error))
        if failure := self._in_thread(bench):
            return replace(result, outcome="error", message=failure, entries=tuple(bench.watched.timeline))
        watched = bench.watched
        places = {number: group.place(one.path) for number, one in enumerate(case.expect)}
        result = replace(
            result,
            verdicts=tuple(watched.verdicts),
            entries=tuple(watched.timeline),
            duration_ns=watched.duration_ns,
            places=places,
        )
        if watched.error:
            result = replace(result, outcome="error", message=watched.error)
        for number, verdict in enumerate(watched.verdicts):
            if verdict.outcome == "failed":
                _, line, column = places[number]
                outcome = result.outcome if watched.error else "failed"
                return replace(result, outcome=outcome, line=line, column=column)
        return result

    def _in_thread(self, bench: Bench) -> str:
        """Run ``bench``; returns why it came to no end, empty when it did. Other people's code runs in there."""
        work = _Work(bench)
        thread = threading.Thread(target=work.run, name="livegraph test", daemon=True)
        thread.start()
        try:
            if work.done.wait(self.longest_s):
                return work.failure
        finally:
            if not work.done.is_set():
                work.cancel()
        if not work.done.wait(_GRACE_S):
            self.abandoned += 1
        return f"the test was given up after {self.longest_s:g} s of real time: something in it waits or computes"


class _Work:
    """One test in a thread."""

    def __init__(self, bench: Bench) -> None:
        self.done = threading.Event()
        self.failure = ""
        self._bench = bench
        self._cancel: Callable[[], object] | None = None

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                runner.run(self._main())
        except (LivegraphError, RecordingFault, WireError, OSError) as error:
            self.failure = str(error)
        except asyncio.CancelledError:
            self.failure = "it was cancelled"
        except BaseExceptionGroup as group:
            self.failure = "; ".join(dict.fromkeys(_leaves(group)))
        finally:
            self.done.set()

    async def _main(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        await self._bench.run()

    def cancel(self) -> None:
        """End it, if it listens."""
        if self._cancel is not None:
            self._cancel()


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield str(error) if isinstance(error, LivegraphError) else f"{type(error).__name__}: {error}"


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What is logged meanwhile, instead of having it printed between the results; with --debug it is printed too."""
    logger = logging.getLogger("livegraph")
    lines: list[str] = []
    handler = _Lines(lines)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = before and logger.getEffectiveLevel() <= logging.DEBUG
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._lines) < _MOST_LOG_LINES:
            raised = record.exc_info[1] if record.exc_info else None
            self._lines.append(f"{record.levelname.lower()}: {_with_place(record.getMessage(), raised)}")


def _with_place(said: str, raised: BaseException | None) -> str:
    """A line of the log with what was raised and where, which the log has as a traceback; nothing is said twice."""
    if raised is None:
        return said
    fault = fault_of(raised)
    what, bracket, where = fault.rpartition(" (")
    return f"{said} ({where}" if bracket and what in " ".join(said.split()) else f"{said}: {fault}"


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())[:80].strip("-") or "test"

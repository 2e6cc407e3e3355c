"""The exception tree of livegraph.

    LivegraphError
      NotFoundError        what was asked for by name or path is not there
      ConfigError          an agent file or a graph is wrong; carries every Problem found
      ProcessorError       a node failed while a call ran; carries the node's name
        StartError         a node did not start
        StalledError       a node did not stop, or did not answer, within its deadline
      TransportError       a peer, a device or a file at the rim failed
      ServiceError         a remote service (the Live API) failed; says whether trying again can help

Whoever catches ``LivegraphError`` has caught everything that this package raises on purpose.
Every message says what is wrong, where, and what to do about it; none holds a secret.
"""

from __future__ import annotations

import dis
import functools
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

__all__ = [
    "ConfigError",
    "Fix",
    "LivegraphError",
    "NotFoundError",
    "Problem",
    "ProcessorError",
    "ServiceError",
    "StalledError",
    "StartError",
    "TransportError",
    "as_fault",
    "from_signal",
    "told",
    "unwrapped",
]


class LivegraphError(Exception):
    """Root of everything that livegraph raises on purpose."""


class NotFoundError(LivegraphError):
    """What was asked for by name or path is not there. ``remedy`` says what is, or what to write instead."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Fix:
    """How to mend a fault where there is no doubt about it.

    ``replace`` writes ``text`` instead of what is at fault, ``quote`` puts quotes around it, ``list`` brackets, and
    ``begin`` makes ``text`` the first line of the file.
    """

    text: str = ""
    how: Literal["replace", "quote", "list", "begin"] = "replace"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a graph or an agent file, before anybody knows how to print it.

    ``path`` leads to the value at fault, as keys and indices from the root of the document
    (``("nodes", "gate", "threshold")``); the YAML layer turns it into file, line and column.
    ``key`` says that the key itself is at fault rather than its value.
    """

    code: str
    """Stable code, ``LG`` and three digits."""
    message: str
    """One sentence: what is wrong."""
    path: tuple[str | int, ...] = ()
    key: bool = False
    hint: str = ""
    """What was expected, the nearest right spelling, or how to mend it."""
    warning: bool = False
    """A warning does not keep a graph from running."""
    part: str = ""
    """The piece of the text at ``path`` that is at fault, when that is not all of it."""
    fix: Fix | None = None

    def __str__(self) -> str:
        place = ".".join(str(step) for step in self.path)
        text = f"{self.code} {place}: {self.message}" if place else f"{self.code} {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(LivegraphError):
    """A graph or an agent file cannot be run. ``problems`` holds all that was found, in order."""

    def __init__(self, problems: Sequence[Problem], rendered: str = "") -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(rendered or "\n".join(str(problem) for problem in self.problems))


class ProcessorError(LivegraphError):
    """A node failed. The cause is chained as ``__cause__``."""

    def __init__(self, node: str, message: str, *, remedy: str = "") -> None:
        self.node = node
        self.remedy = remedy
        super().__init__(f"{node}: {message}" + (f". {remedy}" if remedy else ""))


class StartError(ProcessorError):
    """A node did not start."""


class StalledError(ProcessorError):
    """A node did not finish within its deadline and was left behind."""


def as_fault(node: str, error: BaseException, what: str = "") -> ProcessorError:
    """``error`` as one of ``node``, chained to it; ``what`` says what went wrong, such as ``did not stop``.

    A group of one error is that error.
    """
    error = unwrapped(error)
    if isinstance(error, ProcessorError) and hasattr(error, "node"):
        return error
    text = told(error)
    fault = ProcessorError(node, f"{what}: {text}" if what else text)
    # Its message has the remedy already.
    fault.remedy = getattr(error, "remedy", "") if isinstance(error, LivegraphError) else ""
    fault.__cause__ = error
    return fault


def unwrapped(error: BaseException) -> BaseException:
    """What a group of exceptions with a single member is about; any other error itself."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def told(error: BaseException) -> str:
    """What ``error``, which foreign code may have raised, says: its class and its text."""
    if isinstance(error, BaseExceptionGroup):
        return f"{error.message}: " + "; ".join(told(unwrapped(one)) for one in error.exceptions)
    kind = type(error).__name__
    try:
        text = str(error)
    except BaseException as broken:
        if from_signal(broken):
            raise
        return f"{kind} (and its text cannot be made: {type(broken).__name__})"
    # What we raise on purpose says what is wrong; of anything else the class is half of that.
    return text if isinstance(error, LivegraphError) else f"{kind}: {text}"


def from_signal(error: BaseException) -> bool:
    """Whether a signal raised ``error``, so that it means the program and not the code that it came through.

    ``SystemExit`` and ``KeyboardInterrupt`` that code raises itself are faults like any other.
    """
    if not isinstance(error, KeyboardInterrupt | SystemExit):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    handlers = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    if any(frame.f_code in handlers for frame in frames):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or isinstance(error, SystemExit):
        return False
    # Python's own handler has no frame: it raises between two instructions of whatever runs.
    code = trace.tb_frame.f_code.co_code
    return dis.opname[code[trace.tb_lasti]] not in ("RAISE_VARARGS", "RERAISE")


def _code_of(handler: Any) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return getattr(handler, "__code__", None)


class TransportError(LivegraphError):
    """A peer, a device or a file at the rim of the graph failed."""


class ServiceError(LivegraphError):
    """A remote service refused or failed.

    ``retryable`` says whether the same request may succeed later; ``code`` is the service's own
    (a WebSocket close code or an HTTP status), 0 when there is none.
    """

    def __init__(self, message: str, *, code: int = 0, retryable: bool = False, remedy: str = "") -> None:
        self.code = code
        self.retryable = retryable
        self.remedy = remedy
        super().__init__(message + (f". {remedy}" if remedy else ""))

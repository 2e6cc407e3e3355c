"""What the command says on stderr: errors, notes, progress and logs. Results go to stdout, by the verbs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from ..server.logs import SafeFormatter, escaped

if TYPE_CHECKING:
    from ..language.render import Role

__all__ = ["Debug", "Terminal", "Wishes", "colourful", "paint", "wishing"]

Debug = Annotated[
    bool, typer.Option("--debug", "-v", help="Log everything, and show where an error came from.")
]

_CODES = {
    "place": "1",
    "error": "1;31",
    "warning": "1;33",
    "code": "2",
    "message": "1",
    "gutter": "34",
    "caret": "1;31",
    "hint": "36",
    "good": "32",
    "dim": "2",
}


def colourful(stream: object) -> bool:
    """Whether a stream is a terminal that shows colours, by the conventions of NO_COLOR and FORCE_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    isatty = getattr(stream, "isatty", None)
    return bool(isatty is not None and isatty() and os.environ.get("TERM") != "dumb")


def paint(stream: object) -> Callable[[Role | str, str], str]:
    """A function that colours a text by its role, for this stream."""
    if not colourful(stream):
        return lambda _, text: text
    return lambda role, text: f"\x1b[{_CODES[role]}m{text}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a command line asks of the terminal, whatever the verb."""

    quiet: bool = False
    """Only what went wrong is said."""
    log_level: str | None = None
    log_format: str | None = None


_wishes: ContextVar[Wishes] = ContextVar("livegraph_terminal_wishes", default=Wishes())  # noqa: B039  # frozen


@contextmanager
def wishing(wishes: Wishes) -> Iterator[None]:
    """Terminals that are made in the block do as is wished."""
    token = _wishes.set(wishes)
    try:
        yield
    finally:
        _wishes.reset(token)


_TELL_WHAT_IS_SENT = ("httpcore", "httpcore2", "httpx", "httpx2", "urllib3", "websockets")
"""Loggers that below WARNING write addresses, heads and messages into the log: there are keys in them."""


class Terminal:
    """Stderr of one command. ``debug`` shows every log line and the tracebacks of errors.

    Log lines of ``level`` and above are shown, with the time of day where a command runs for long. What the command
    line wishes counts more; see ``Wishes``.
    """

    def __init__(
        self, *, debug: bool = False, level: int = logging.WARNING, timestamps: bool = False
    ) -> None:
        wishes = _wishes.get()
        self.debug = debug
        self.quiet = wishes.quiet and not debug
        self.paint = paint(sys.stderr)
        level = logging.ERROR if self.quiet else level
        self._log = _ToStderr()
        self._log.setFormatter(_Format(self.paint, debug=debug, timestamps=timestamps))
        root = logging.getLogger()
        for other in root.handlers[:]:
            # Of a command before, or somebody's `basicConfig`: lines would be there twice.
            if type(other) in (_ToStderr, logging.StreamHandler):
                root.removeHandler(other)
        root.addHandler(self._log)
        root.setLevel(logging.DEBUG if debug else logging.WARNING)
        logging.getLogger("livegraph").setLevel(logging.DEBUG if debug else level)
        for library in _TELL_WHAT_IS_SENT:
            logging.getLogger(library).setLevel(logging.WARNING)
        self.log_as(wishes.log_level, wishes.log_format)

    def log_as(self, level: str | None, format: str | None) -> None:
        """From now on log from this level on (``debug`` of the command counts more), as ``text`` or ``json``."""
        if format == "json":
            from ..server.logs import JsonFormatter

            self._log.setFormatter(JsonFormatter())
        if level and not self.debug:
            logging.getLogger("livegraph").setLevel(level.upper())

    def say(self, text: str = "") -> None:
        """One line of plain text."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def error(self, message: str, remedy: str = "") -> None:
        """What is wrong, and what helps."""
        self.fail(f"{self.paint('error', 'error')}: {_plain(message)}")
        if remedy:
            self.fail(f"  {self.paint('hint', _plain(remedy))}")

    def hint(self, command: str) -> None:
        """The command that says more."""
        self.say(f"{self.paint('hint', 'help:')} {command}")

    def fail(self, text: str) -> None:
        """A text that is complete already and says what is wrong: diagnostics with their places."""
        print(text, file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        """What does not keep the command from going on."""
        self.say(f"{self.paint('warning', 'warning')}: {_plain(message)}")

    def report(self, text: str) -> None:
        """A text that is complete already, and keeps nothing from going on: warnings with their places."""
        self.say(text)

    @contextmanager
    def progress(self, what: str) -> Iterator[None]:
        """Show that ``what`` goes on while the block runs; nothing where nobody watches."""
        if not sys.stderr.isatty() or self.debug or self.quiet:
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(what):
            yield

    @contextmanager
    def counting(self, what: str, total: float) -> Iterator[Callable[[float], None]]:
        """Show how much of ``total`` is done and how long the rest takes; gives what is told how much that is."""
        if not sys.stderr.isatty() or self.debug or self.quiet:
            yield lambda done: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        # What is printed meanwhile is the result, and goes where it belongs.
        with Progress(
            *columns,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
        ) as shown:
            task = shown.add_task(what, total=max(total, 1e-9))
            yield lambda done: shown.update(task, completed=min(done, total))


def _plain(text: str) -> str:
    """Words that may be somebody else's (a file's, a server's), which tell a terminal nothing."""
    return escaped(text, keep="\n\t")


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is now: a program that runs commands inside of itself gives each a stream of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Format(SafeFormatter):
    """Log lines with the causes of our mistakes, without those of errors that explain themselves."""

    def __init__(self, paint: Callable[[Role | str, str], str], *, debug: bool, timestamps: bool) -> None:
        fields = "%(asctime)s " if timestamps or debug else ""
        super().__init__(fields + "%(tag)s" + ("%(name)s: " if debug else "") + "%(message)s", "%H:%M:%S")
        self._paint = paint
        self._debug = debug

    def format(self, record: logging.LogRecord) -> str:
        fields = dict(record.__dict__)
        if not self._debug and record.exc_info and _explained(record.exc_info[1]):
            fields |= {"exc_info": None, "exc_text": None}
        level = record.levelname.lower()
        if record.levelno >= logging.WARNING:
            role = "error" if record.levelno >= logging.ERROR else "warning"
            fields["tag"] = f"{self._paint(role, level)}: "
        else:
            fields["tag"] = f"{level}: " if self._debug else ""
        return super().format(logging.makeLogRecord(fields))


def _explained(error: BaseException | None) -> bool:
    from ..pipeline.errors import LivegraphError

    return error is None or isinstance(error, LivegraphError | OSError)

"""Log records as lines of text, or as JSON, that nobody outside can forge.

Whatever a caller, a model or a server says may come into a record. Control characters, line ends and the marks that
turn the direction of text are escaped, so that one record is one line (and the lines of its traceback, which are
indented), and a terminal is told nothing but text.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["UNSAFE", "JsonFormatter", "SafeFormatter", "about", "escaped", "facts"]

UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""What is no plain text: control characters, line ends, marks of direction, halves of characters."""
_facts: ContextVar[Mapping[str, str] | None] = ContextVar("livegraph_log_facts", default=None)


def escaped(text: str, *, keep: str = "") -> str:
    """``text`` with what is no plain text written as ``\\x1b`` or ``\\u2028``; characters in ``keep`` stay."""

    def written(match: re.Match[str]) -> str:
        character = match[0]
        if character in keep:
            return character
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    return UNSAFE.sub(written, text)


@contextmanager
def about(**named: str) -> Iterator[None]:
    """Records made inside, and in tasks that begin inside, carry these facts (``call``, ``agent``, ``trace``)."""
    token = _facts.set({**facts(), **{name: value for name, value in named.items() if value}})
    try:
        yield
    finally:
        _facts.reset(token)


def facts() -> Mapping[str, str]:
    """What is known of where a record is made."""
    return _facts.get() or {}


class SafeFormatter(logging.Formatter):
    """Text whose every record begins a line of its own and cannot begin another."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        copy = logging.makeLogRecord(dict(record.__dict__))
        # Our own stack reports have lines: they are told as the lines of a traceback are.
        first, *more = (
            record.getMessage().split("\n") if getattr(record, "lines", False) else [record.getMessage()]
        )
        copy.msg, copy.args = escaped(first), None
        trace = copy.exc_text or (self.formatException(copy.exc_info) if copy.exc_info else "")
        stack = copy.stack_info or ""
        copy.exc_info, copy.exc_text, copy.stack_info = None, None, None
        text = super().format(copy)
        for block in ("\n".join(more), trace, stack):
            for line in block.splitlines() if block else ():
                text += "\n    " + escaped(line, keep="\t")
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (UTC), ``level``, ``logger``, ``message``, the facts, and ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        found: dict[str, Any] = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(getattr(record, "facts", None) or facts()),
        }
        if record.exc_info and record.exc_info[1] is not None:
            found["error"] = type(record.exc_info[1]).__name__
            found["traceback"] = self.formatException(record.exc_info)
        # Everything outside ASCII is escaped, so nothing in it can move a cursor.
        return json.dumps(found, ensure_ascii=True, default=str)

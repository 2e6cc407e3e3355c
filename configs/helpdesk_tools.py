"""Tools of the help desk: tickets, kept in memory."""

from __future__ import annotations

import itertools
import threading

__all__ = ["open_ticket"]

_numbers = itertools.count(1001)
_tickets: dict[str, int] = {}
# Tools run in threads, and every call has the same desk.
_lock = threading.Lock()


def open_ticket(problem: str) -> dict[str, str]:
    """Open a ticket for a technician. The same problem keeps its number.

    Args:
        problem: what does not work, in a few words.
    """
    text = " ".join(problem.lower().split())
    if not text:
        return {"error": "say what does not work"}
    with _lock:
        number = _tickets.setdefault(text, next(_numbers))
    return {"output": f"Your ticket has the number {number}. A technician calls you within the hour"}

"""How a call of a tool ended, and what the model is told of it. Pure."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .results import ToolResult

__all__ = ["DistantFault", "Outcome", "OutcomeKind", "fault_of", "says_error"]

OutcomeKind = str
"""``answered``, ``cached``; and of those that failed: ``refused`` (the tool said why), ``arguments``, ``timeout``,
``crashed``, ``unconfirmed``, ``declined`` (by the caller), ``unavailable`` (its service is left alone), ``busy``,
``denied``, ``duplicate``."""

_WELL = ("answered", "cached")
_UNDONE = ("unconfirmed", "declined")
_LONGEST_FAULT = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one call."""

    how: OutcomeKind
    result: ToolResult
    attempts: int = 0
    """How often it was tried."""
    fault: str = ""
    """Of what crashed: the exception's class and its place, for the people who wrote it. Never for the model."""

    @property
    def failed(self) -> bool:
        """Whether the model is told of an error."""
        return self.how not in _WELL

    @property
    def undone(self) -> bool:
        """Whether nothing was done because the caller has not said yes: that may change."""
        return self.how in _UNDONE

    @classmethod
    def error(
        cls, how: OutcomeKind, message: str, attempts: int = 0, fault: str = "", **more: Any
    ) -> Outcome:
        """One that the model is told of in words."""
        return cls(how, ToolResult({"error": message, **more}), attempts, fault)


class DistantFault(Exception):
    """What a tool raised in another process: its class there, and ``fault_of`` it as it was there."""

    def __init__(self, kind: str, fault: str) -> None:
        super().__init__(kind, fault)
        self.kind, self.fault = kind, fault

    def __str__(self) -> str:
        return self.fault


def says_error(body: dict[str, Any]) -> bool:
    """Whether a result is an error by its own word: an ``error`` that is not empty."""
    return bool(body.get("error"))


def fault_of(error: BaseException, *, message: bool = True) -> str:
    """``ValueError: no such day (tools.py:12, in book)``: what a tool raised and where in the user's own code.

    Without ``message`` for whoever may keep it: an exception's text may hold anything.
    """
    if isinstance(error, DistantFault):
        return error.fault
    said = ": " + " ".join(str(error).split()) if message and str(error).strip() else ""
    frames = traceback.extract_tb(error.__traceback__)
    home = Path(__file__).resolve().parent
    own = [frame for frame in frames if Path(frame.filename).resolve().parent != home]
    # The innermost line that is no library's: what its author can change.
    theirs = [
        frame
        for frame in own
        if "site-packages" not in frame.filename and "/lib/python" not in frame.filename
    ]
    place = (theirs or own or frames)[-1:]
    where = "".join(f" ({Path(frame.filename).name}:{frame.lineno}, in {frame.name})" for frame in place)
    return f"{type(error).__name__}{said}"[:_LONGEST_FAULT] + where

"""What became of one test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from .judging import Verdict
from .timeline import Entry

__all__ = ["Outcome", "Result"]

Outcome = Literal["passed", "failed", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Result:
    """One test that was run, or why it was not.

    ``failed``: something expected did not happen; ``error``: the call itself failed or did not end.
    """

    file: str
    name: str
    outcome: Outcome
    message: str = ""
    """Why it is an error or was skipped."""
    missing: bool = False
    """Whether it was skipped because something is not installed here that it needs."""
    line: int = 0
    column: int = 0
    """Where the test stands; of a failed one, what it expected first that did not happen."""
    verdicts: Sequence[Verdict] = ()
    entries: Sequence[Entry] = ()
    """What happened, in order of time."""
    log: Sequence[str] = ()
    """What was logged meanwhile."""
    duration_ns: int = 0
    """How long the call was, by its own clock."""
    seconds: float = 0.0
    """How long it took."""
    places: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    """Where each expectation stands, by its number: file, line and column."""

    @property
    def failure(self) -> Verdict | None:
        """The first expectation that was not met."""
        return next((verdict for verdict in self.verdicts if verdict.outcome == "failed"), None)

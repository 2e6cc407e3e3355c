"""What the boxes of a call log, and from which level on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

__all__ = ["CallLog", "LogPolicy"]

_PROGRAM = logging.getLogger("livegraph.node")


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """What the boxes of an agent log."""

    level: Literal["debug", "info", "warning", "error"] | None = None
    """The least that is logged; the program's own level by default."""


class CallLog(logging.Logger):
    """The logger of one call's boxes: its records go where those of ``livegraph.node`` go, by a level of its own.

    Not registered with ``logging``, so that it goes with its call.
    """

    def __init__(self, policy: LogPolicy) -> None:
        super().__init__(_PROGRAM.name)
        self.parent = _PROGRAM
        self.judge_by(policy)

    def judge_by(self, policy: LogPolicy) -> None:
        """Log by ``policy`` from now on."""
        self.setLevel(policy.level.upper() if policy.level else logging.NOTSET)

    def setLevel(self, level: int | str) -> None:
        """As in the base, without emptying what every logger of the program has cached: this one caches nothing."""
        self.level = logging.getLevelNamesMapping()[level] if isinstance(level, str) else level

    def isEnabledFor(self, level: int) -> bool:
        """Whether records of ``level`` are logged. Not cached as in the base, whose cache knows registered loggers."""
        return level > self.manager.disable and level >= self.getEffectiveLevel()

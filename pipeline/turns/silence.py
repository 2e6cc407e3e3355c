"""How long nobody has spoken, and which step of ``idle`` is due for it. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Sequence

from .conversation_policy import IdleStep

__all__ = ["Silence"]


class Silence:
    """The silence that the steps of ``idle`` count from. Each of them comes once in one silence."""

    __slots__ = ("_since_ns", "_steps")

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._steps = 0

    def breaks(self) -> None:
        """Somebody is at something: a silence after it is a new one, whose steps go on where they were."""
        self._since_ns = None

    def ends(self) -> None:
        """Somebody has shown that they are there: the steps begin anew."""
        self._since_ns, self._steps = None, 0

    def lasts(self, now_ns: int) -> None:
        """There is silence."""
        if self._since_ns is None:
            self._since_ns = now_ns

    def deadline_ns(self, steps: Sequence[IdleStep]) -> int | None:
        """When the next step is due."""
        if self._since_ns is None or self._steps >= len(steps):
            return None
        return self._since_ns + steps[self._steps].after_ns

    def due(self, now_ns: int, steps: Sequence[IdleStep]) -> IdleStep | None:
        """The step that is due now, once."""
        deadline_ns = self.deadline_ns(steps)
        if deadline_ns is None or now_ns < deadline_ns:
            return None
        self._steps += 1
        return steps[self._steps - 1]

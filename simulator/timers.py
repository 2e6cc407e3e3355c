"""What a session does at set times."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Timers"]

Act = Callable[[int], None]


class Timers:
    """Acts and their times, in nanoseconds; of those for one time the first that was set comes first."""

    def __init__(self) -> None:
        self._timers: list[tuple[int, Act]] = []

    @property
    def due_ns(self) -> int | None:
        """The time of the next."""
        return self._timers[0][0] if self._timers else None

    def at(self, at_ns: int, act: Act) -> None:
        """Set `act` for a time, with which it is called."""
        self._timers.append((at_ns, act))
        self._timers.sort(key=lambda timer: timer[0])

    def drop(self, act: Act) -> None:
        """Take back all of these."""
        self._timers = [timer for timer in self._timers if timer[1] != act]

    def pop(self) -> Act:
        """The next, taken out."""
        return self._timers.pop(0)[1]

"""How loaded the event loop is, and whether one more call fits. Sans-IO: measurements and time are arguments.

A call needs its loop every 20 ms. Two things tell that there are too many before callers hear it: how late the loop
comes to a timer, and what part of the time its thread computes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ...pipeline.units import MS, SECOND

__all__ = ["LOOK_EVERY_NS", "Load", "LoadPolicy"]

LOOK_EVERY_NS = 50 * MS


@dataclass(frozen=True, slots=True)
class LoadPolicy:
    """When the server takes no more calls."""

    lag_ns: int = 60 * MS
    """Of ten looks nine must come with less delay than this: three packets, about what a caller's buffer bears."""
    cpu: float = 0.9
    """The part of the time that the loop's thread may compute."""
    window_ns: int = 3 * SECOND
    at_least: int = 4
    """So many calls are always taken: with fewer it is not they that load the machine."""


class Load:
    """What was measured of late."""

    def __init__(self, policy: LoadPolicy | None = None) -> None:
        self.policy = policy or LoadPolicy()
        self._looks: deque[tuple[int, int, int]] = deque()
        """Time, lag, and CPU time of the thread so far."""

    def look(self, now_ns: int, due_ns: int, cpu_ns: int) -> None:
        """The loop came round at ``now_ns`` to what was due at ``due_ns``; its thread has computed for ``cpu_ns``."""
        self._looks.append((now_ns, max(0, now_ns - due_ns), cpu_ns))
        while self._looks[0][0] < now_ns - self.policy.window_ns and len(self._looks) > 2:
            self._looks.popleft()

    @property
    def lag_ns(self) -> int:
        """The delay that nine of ten looks stay below."""
        lags = sorted(lag for _, lag, _ in self._looks)
        return lags[int(len(lags) * 0.9)] if lags else 0

    @property
    def worst_ns(self) -> int:
        """The longest delay."""
        return max((lag for _, lag, _ in self._looks), default=0)

    @property
    def cpu(self) -> float:
        """The part of the time that the thread has computed, 0 to 1."""
        if len(self._looks) < 2:
            return 0.0
        (began_ns, _, before_ns), (now_ns, _, after_ns) = self._looks[0], self._looks[-1]
        return min(1.0, (after_ns - before_ns) / max(1, now_ns - began_ns))

    @property
    def full(self) -> str:
        """Why no more calls fit, for the log; empty while they do. See ``refuses``."""
        # A few looks prove nothing: a server that has just begun has loaded its modules.
        spanned = self._looks[-1][0] - self._looks[0][0] if self._looks else 0
        if spanned < self.policy.window_ns // 2:
            return ""
        if self.lag_ns > self.policy.lag_ns:
            return f"the event loop comes {self.lag_ns / MS:.0f} ms late"
        if self.cpu > self.policy.cpu:
            return f"the event loop computes {self.cpu:.0%} of the time"
        return ""

    def refuses(self, calls: int) -> str:
        """Why a call is not taken where there are so many; empty when it is."""
        return self.full if calls >= self.policy.at_least else ""

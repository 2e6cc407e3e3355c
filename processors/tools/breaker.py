"""A circuit breaker: a service that fails again and again is left alone for a while. Pure, with time as an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Annotated, Literal

from ...pipeline.options import Range
from ...pipeline.units import SECOND

__all__ = ["Breaker", "BreakerPolicy", "BreakerState"]

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a service is left alone."""

    failures: Annotated[int, Range(1, 1000)] = 5
    """So many failures ..."""
    within_ns: Annotated[int, Range(1, 3600 * SECOND)] = 30 * SECOND
    """... in so long a time open it: tools of the service fail at once."""
    pause_ns: Annotated[int, Range(1, 3600 * SECOND)] = 20 * SECOND
    """Then it is left alone for so long, and one call tries it. Doubled each time that fails, up to eight times."""


class Breaker:
    """Of one service, shared by all who call it."""

    def __init__(self, policy: BreakerPolicy | None = None) -> None:
        self.policy = policy or BreakerPolicy()
        self._failed_ns: deque[int] = deque(maxlen=1000)
        self._opened_ns: int | None = None
        self._openings = 0
        self._trial_ns: int | None = None
        """Since when one call tries the service."""

    def state(self, now_ns: int) -> BreakerState:
        """``closed``: calls go through; ``open``: none does; ``half_open``: one may try."""
        if self._opened_ns is None:
            return "closed"
        return "half_open" if now_ns >= self._opened_ns + self._pause_ns else "open"

    def allows(self, now_ns: int) -> bool:
        """Whether a call may go through now; where one may try, it is this one."""
        state = self.state(now_ns)
        if state != "half_open":
            return state == "closed"
        # A trial that never came back does not shut the door for ever.
        if self._trial_ns is not None and now_ns < self._trial_ns + self.policy.pause_ns:
            return False
        self._trial_ns = now_ns
        return True

    def retry_after_ns(self, now_ns: int) -> int:
        """How long it will let nobody through, as far as it is known now."""
        if self._opened_ns is None:
            return 0
        return max(0, self._opened_ns + self._pause_ns - now_ns)

    def succeeded(self, now_ns: int) -> None:
        """A call has come back well, or with an answer that says nothing against the service."""
        self._trial_ns = self._opened_ns = None
        self._openings = 0
        self._failed_ns.clear()

    def failed(self, now_ns: int) -> None:
        """A call has failed for a reason that is the service's."""
        if self._opened_ns is not None:
            if self._trial_ns is not None:
                self._open(now_ns)
            return
        self._failed_ns.append(now_ns)
        while self._failed_ns and self._failed_ns[0] <= now_ns - self.policy.within_ns:
            self._failed_ns.popleft()
        if len(self._failed_ns) >= self.policy.failures:
            self._open(now_ns)

    def left(self) -> None:
        """A call was given up before it came to an end: it says nothing, and another may try."""
        self._trial_ns = None

    @property
    def _pause_ns(self) -> int:
        return self.policy.pause_ns * int(2 ** min(3, max(0, self._openings - 1)))

    def _open(self, now_ns: int) -> None:
        self._opened_ns, self._trial_ns = now_ns, None
        self._openings += 1
        self._failed_ns.clear()

"""Whether a caller is there: signs of life, silence, and how long one who is lost is waited for. Sans-IO."""

from __future__ import annotations

from collections import deque

from ...pipeline.units import format_duration

__all__ = ["Presence"]

_SLOW_SIGNS = 2
"""A caller whose signs of life come far apart is given so many times the longest gap there was lately."""
_MOST_SILENCE = 3
"""But no more than so many times what everybody is given."""
_REMEMBERED = 8


class Presence:
    """One caller's. A sign of life is what only the caller can have sent.

    Args:
        silence_ns: after which a caller who gave signs of life at least that often counts as lost.
    """

    def __init__(self, silence_ns: int) -> None:
        self.heard_ns = 0
        """When the last sign of life came."""
        self.away = False
        """Whether the caller is lost, and waited for."""
        self.reason = ""
        """Why it is away."""
        self._silence_ns = silence_ns
        self._gaps: deque[int] = deque(maxlen=_REMEMBERED)
        self._left = False
        self._until_ns = 0

    def connected(self, now_ns: int) -> None:
        """A connection stands, the first or another one."""
        self.heard_ns = now_ns
        self._gaps.clear()
        self.away = self._left = False

    def heard(self, now_ns: int) -> bool:
        """A sign of life came. Returns whether the caller is back by it: one who has left still sends for a moment."""
        self._gaps.append(now_ns - self.heard_ns)
        self.heard_ns = now_ns
        if not self.away or self._left:
            return False
        self.away = False
        return True

    def held_up(self, late_ns: int, now_ns: int) -> None:
        """For so long, up to now, nobody here could have heard anything: that is no silence of the caller's."""
        self.heard_ns = min(self.heard_ns + late_ns, max(now_ns, self.heard_ns))

    def silence(self, now_ns: int) -> str:
        """What is to be said of a caller who is not heard of any more; empty while all is well."""
        # Some send nothing but checks, and those 6 s apart.
        slow_ns = min(_SLOW_SIGNS * max(self._gaps, default=0), _MOST_SILENCE * self._silence_ns)
        if self.away or now_ns - self.heard_ns < max(self._silence_ns, slow_ns):
            return ""
        return f"nothing was heard of the caller for {format_duration(self._silence_ns)}"

    def lost(self, now_ns: int, reason: str, within_ns: int) -> None:
        """The caller is away from now on, and waited for."""
        self.away, self.reason = True, reason
        self._until_ns = now_ns + within_ns

    def left(self, now_ns: int, within_ns: int) -> None:
        """It has said that it goes, and may come back over another connection."""
        self._left = True
        self._until_ns = now_ns + within_ns

    def is_given_up(self, now_ns: int) -> bool:
        """Whether it has been waited for long enough."""
        return self.away and now_ns >= self._until_ns

"""How much sound a caller may give: no more than time passes, but for what it is behind."""

from __future__ import annotations

from ....pipeline.units import SECOND

__all__ = ["Allowance"]

_AT_FIRST_NS = 5 * SECOND
_MOST_NS = 30 * SECOND
"""A line that was dead for so long may give what it kept all at once."""
_PASSES, _OF = 21, 20
"""Clocks that are a twentieth too fast are believed."""


class Allowance:
    """Of one voice at ``rate`` samples a second. Sans-IO.

    Timestamps that run ahead, packets that say they are longer than they take, and mere floods of them would have
    everything behind the microphone work for many hours of sound at once.
    """

    __slots__ = ("_at_ns", "_credit_ns", "_given", "_rate", "until")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._credit_ns = _AT_FIRST_NS
        self._at_ns = -1
        self._given = 0
        self.until = -1
        """Up to so many samples all is allowed, and nothing has to be worked out."""

    def allows(self, given: int, now_ns: int) -> bool:
        """Whether a caller who has given ``given`` samples so far may go on."""
        if given <= self.until:
            return True
        if self._at_ns >= 0:
            passed_ns = (now_ns - self._at_ns) * _PASSES // _OF
            spent_ns = (given - self._given) * SECOND // self._rate
            self._credit_ns = min(_MOST_NS, self._credit_ns + passed_ns - spent_ns)
        self._at_ns, self._given = now_ns, given
        self.until = given + self._credit_ns * self._rate // SECOND
        return self._credit_ns > 0

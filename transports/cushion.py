"""How much sound is gathered before it begins, so that a source with jitter does not stutter. Sans-IO."""

from __future__ import annotations

from ..pipeline.units import MS, SECOND

__all__ = ["Cushion"]

_STEP_NS = 10 * MS
_CALM_NS = 10 * SECOND
"""Sound without a stutter by which it may be smaller."""
_REMEMBERED_NS = 120 * SECOND
"""Sound for which a size that was too small is not tried again."""


class Cushion:
    """Follows the source: larger by what a stutter lacked, smaller by 10 ms in each 10 s of sound without one.

    Args:
        first_ns: its size before anything is known.
        least_ns, most_ns: its bounds.
    """

    def __init__(self, first_ns: int = 40 * MS, *, least_ns: int = 20 * MS, most_ns: int = 120 * MS) -> None:
        self.size_ns = first_ns
        """What is to be gathered now."""
        self._least_ns, self._most_ns = least_ns, most_ns
        self._failed_ns = 0
        """The size that was too small lately."""
        self._since_failed_ns = self._calm_ns = 0

    def sounded(self, ns: int) -> None:
        """So much sound was played without a stutter."""
        self._since_failed_ns += ns
        if self._since_failed_ns >= _REMEMBERED_NS:
            self._failed_ns = 0
        self._calm_ns += ns
        while self._calm_ns >= _CALM_NS:
            self._calm_ns -= _CALM_NS
            floor_ns = min(self._most_ns, max(self._least_ns, self._failed_ns + _STEP_NS))
            if self.size_ns > floor_ns:
                self.size_ns = max(floor_ns, self.size_ns - _STEP_NS)

    def stuttered(self, gap_ns: int) -> None:
        """In the middle of what is said there was nothing to play for so long."""
        self._failed_ns, self._since_failed_ns, self._calm_ns = self.size_ns, 0, 0
        lacked_ns = -(-gap_ns // _STEP_NS) * _STEP_NS
        self.size_ns = min(self._most_ns, self.size_ns + lacked_ns)

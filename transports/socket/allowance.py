"""How much a far side may say: a steady rate with some in advance. Sans-IO."""

from __future__ import annotations

__all__ = ["Allowance"]


class Allowance:
    """Counts what something costs in nanoseconds of silence that make up for it.

    Args:
        burst_ns: how much may be taken at once.
    """

    __slots__ = ("_burst_ns", "_free_ns")

    def __init__(self, burst_ns: int) -> None:
        self._burst_ns = burst_ns
        self._free_ns = 0
        """When all that was taken is made up for."""

    def take(self, cost_ns: int, now_ns: int) -> bool:
        """Whether it is within the rate; it costs only then."""
        free_ns = max(self._free_ns, now_ns) + cost_ns
        if free_ns - now_ns > self._burst_ns:
            return False
        self._free_ns = free_ns
        return True
